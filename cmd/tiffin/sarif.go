package main

import (
	"fmt"
	"io"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"tiffin/saga"
)

// SARIF 2.1.0, as much of it as a check has to say. Members are in the order of the standard.
type (
	sarifLog struct {
		Schema  string     `json:"$schema"`
		Version string     `json:"version"`
		Runs    []sarifRun `json:"runs"`
	}
	sarifRun struct {
		Tool       sarifTool     `json:"tool"`
		Results    []sarifResult `json:"results"`
		ColumnKind string        `json:"columnKind"`
	}
	sarifTool struct {
		Driver sarifDriver `json:"driver"`
	}
	sarifDriver struct {
		Name  string      `json:"name"`
		Rules []sarifRule `json:"rules"`
	}
	sarifRule struct {
		ID      string             `json:"id"`
		Short   sarifMessage       `json:"shortDescription"`
		Full    sarifMessage       `json:"fullDescription"`
		Default sarifConfiguration `json:"defaultConfiguration"`
	}
	sarifConfiguration struct {
		Level saga.Severity `json:"level"` // "error" and "note" are SARIF's words too
	}
	sarifMessage struct {
		Text string `json:"text"`
	}
	sarifResult struct {
		RuleID    string          `json:"ruleId"`
		RuleIndex int             `json:"ruleIndex"`
		Level     saga.Severity   `json:"level"`
		Message   sarifMessage    `json:"message"`
		Locations []sarifLocation `json:"locations,omitempty"`
		Prints    sarifPrints     `json:"partialFingerprints"`
	}
	// sarifPrints tell whether a finding is the one of an earlier run: it stays the same when lines move.
	sarifPrints struct {
		Finding string `json:"finding/v1"`
	}
	sarifLocation struct {
		Physical sarifPhysical  `json:"physicalLocation"`
		Logical  []sarifLogical `json:"logicalLocations,omitempty"`
	}
	sarifPhysical struct {
		Artifact sarifArtifact `json:"artifactLocation"`
		Region   sarifRegion   `json:"region"`
	}
	sarifArtifact struct {
		URI    string `json:"uri"`
		BaseID string `json:"uriBaseId"`
	}
	sarifRegion struct {
		StartLine int `json:"startLine"`
	}
	sarifLogical struct {
		Name string `json:"fullyQualifiedName"`
		Kind string `json:"kind"`
	}
)

const (
	sarifSchema = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
	// sourceRoot is what code hosts take for the root of the repository.
	sourceRoot = "%SRCROOT%"
)

func (r checkReport) sarif(w io.Writer) error {
	driver, index := sarifDriver{Name: "tiffin check"}, map[string]int{}
	for i, rule := range saga.Rules() {
		index[rule.Name] = i
		driver.Rules = append(driver.Rules, sarifRule{rule.Name, sarifMessage{rule.Short}, sarifMessage{rule.Why}, sarifConfiguration{rule.Severity}})
	}
	run := sarifRun{Tool: sarifTool{driver}, Results: []sarifResult{}, ColumnKind: "utf16CodeUnits"}
	for _, f := range r.Findings {
		run.Results = append(run.Results, resultOf(f, index[f.Rule]))
	}
	data, err := json.Marshal(sarifLog{sarifSchema, "2.1.0", []sarifRun{run}}, jsontext.WithIndent("  "))
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(w, "%s\n", data)
	return err
}

func resultOf(f saga.Finding, rule int) sarifResult {
	out := sarifResult{
		RuleID: f.Rule, RuleIndex: rule, Level: f.Severity,
		Message: sarifMessage{fmt.Sprintf("%s. %s To mend it: %s.", f.What, f.Why, f.Mend)},
		Prints:  sarifPrints{f.Rule + " " + f.Group + " " + f.Reaction + " " + f.What},
	}
	if f.File != "" {
		at := sarifLocation{Physical: sarifPhysical{sarifArtifact{f.File, sourceRoot}, sarifRegion{f.Line}}}
		if f.Reaction != "" {
			at.Logical = []sarifLogical{{f.Group + "." + f.Reaction, "function"}}
		}
		out.Locations = []sarifLocation{at}
	}
	return out
}
