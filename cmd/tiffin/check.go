package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"tiffin/saga"
	"tiffin/saga/kafka"
	"tiffin/saga/words"
)

type checkCommand struct {
	JSON  bool `name:"json" xor:"format" help:"Write what was found as JSON."`
	SARIF bool `name:"sarif" xor:"format" help:"Write what was found as SARIF 2.1.0, which code hosts and editors show beside the code."`
	groupOptions
	clientOptions
}

// Run fails if there is anything to be mended.
func (c checkCommand) Run(ctx context.Context, s streams) error {
	cfg, err := c.clientOptions.config()
	if err != nil {
		return err
	}
	c.groupOptions.apply(&cfg)
	if err := valid(cfg); err != nil {
		return err
	}
	checked, err := cfg.Choreography()
	if err != nil {
		return err
	}
	unseen := "no brokers are named (--kafka-brokers), and no `tiffin up` runs here"
	if len(cfg.Kafka.Brokers) > 0 {
		checked.Partitions, err = partitions(ctx, cfg.Kafka, topics(checked))
		switch {
		case err != nil && len(c.KafkaBrokers) > 0:
			return fmt.Errorf("%w: start `tiffin up`, or leave --kafka-brokers and KAFKA_BROKERS away to check the declarations alone", err)
		case err != nil: // an `up` that was killed, and only found here, is no reason not to check the declarations
			unseen = "those of the `tiffin up` with " + c.Data + " can't be asked for: " + err.Error()
		}
	}
	r := reportOf(checked)
	r.unseen = unseen
	write := r.text
	switch {
	case c.JSON:
		write = r.json
	case c.SARIF:
		write = r.sarif
	}
	if err := write(s.out); err != nil {
		return err
	}
	if r.Errors > 0 {
		return errSaid
	}
	return nil
}

// topics are those of the choreography, sorted.
func topics(c saga.Choreography) (names []string) {
	for _, g := range c.Groups {
		names = append(names, slices.Concat(g.Topics(), g.SaysTopics())...)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// partitions is how many each of these topics has, of those that are there.
func partitions(ctx context.Context, cfg kafka.Config, topics []string) (map[string]int, error) {
	client, err := kafka.Open(cfg)
	if err != nil {
		return nil, err
	}
	defer client.Close()
	there, err := client.Topics(ctx, topics...)
	if err != nil {
		return nil, err
	}
	out := map[string]int{}
	for name, topic := range there {
		out[name] = topic.Partitions
	}
	return out, nil
}

// checkReport is what a check has looked at, and what it has found.
type checkReport struct {
	Groups   int            `json:"groups"`
	Outside  int            `json:"outside"`
	Facts    int            `json:"facts"`
	Rules    int            `json:"rules"`
	Topics   *int           `json:"topics,omitzero"` // how many are there; nil if nobody looked
	Errors   int            `json:"errors"`
	Notes    int            `json:"notes"`
	Findings []saga.Finding `json:"findings"`

	unseen string // why nobody looked at topics
}

func reportOf(c saga.Choreography) checkReport {
	r := checkReport{Facts: len(c.Schemas), Rules: len(saga.Rules()), Findings: c.Check()}
	for _, g := range c.Groups {
		if g.Outside() {
			r.Outside++
		} else {
			r.Groups++
		}
	}
	if c.Partitions != nil {
		r.Topics = new(len(c.Partitions))
	}
	for _, f := range r.Findings {
		if f.Severity == saga.SeverityError {
			r.Errors++
		} else {
			r.Notes++
		}
	}
	return r
}

func (r checkReport) json(w io.Writer) error {
	if r.Findings == nil {
		r.Findings = []saga.Finding{}
	}
	data, err := json.Marshal(r, jsontext.WithIndent("  "))
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(w, "%s\n", data)
	return err
}

// text is for a terminal: the findings by file, then what was looked at.
func (r checkReport) text(w io.Writer) error {
	const indent = "        "
	var b strings.Builder
	place := ""
	for _, f := range r.Findings {
		if where := cmp.Or(f.File, "the choreography"); where != place {
			place = where
			fmt.Fprintln(&b, place)
		}
		line := ""
		if f.Line > 0 {
			line = fmt.Sprint(f.Line)
		}
		fmt.Fprintf(&b, "%6s  %s: %s\n", line, f.Severity, f.Rule)
		for _, part := range []string{f.What + ".", f.Why, "To mend it: " + f.Mend + "."} {
			for _, line := range words.Wrap(indent+part, 100, indent) {
				fmt.Fprintln(&b, line)
			}
		}
		fmt.Fprintln(&b)
	}
	found := "nothing found"
	if len(r.Findings) > 0 {
		found = fmt.Sprintf("%s, %s", words.Count(r.Errors, "error"), words.Count(r.Notes, "note"))
	}
	looked := "Topics: not looked at, for " + r.unseen
	if r.Topics != nil {
		looked = fmt.Sprintf("Topics: %d are there", *r.Topics)
		if *r.Topics == 1 {
			looked = "Topics: 1 is there"
		}
	}
	fmt.Fprintf(&b, "%s and %s outside, %s, %s: %s.\n%s.\n", words.Count(r.Groups, "group"), words.Count(r.Outside, "party"), words.Count(r.Facts, "fact"), words.Count(r.Rules, "rule"), found, looked)
	_, err := io.WriteString(w, b.String())
	return err
}
