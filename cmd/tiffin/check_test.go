package main

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"tiffin/internal/app"
	"tiffin/internal/testservers"
	"tiffin/saga"
	"tiffin/saga/kafka"
)

// tooLong are deadlines of which each is shorter than a saga may live, and which together are longer.
var tooLong = []string{"--fraud-time=20h", "--accept-time=20h"}

func TestCheckFailsIfThereIsSomethingToMend(t *testing.T) {
	alone(t)
	if got := run(t, "check"); got.code != 0 || got.err != "" || !strings.Contains(got.out, "nothing found.") || !strings.Contains(got.out, "Topics: not looked at") {
		t.Errorf("the choreography as it is: code %d\n%s%s", got.code, got.out, got.err)
	}
	got := run(t, append([]string{"check"}, tooLong...)...)
	if got.code != exitFailed || got.err != "" {
		t.Errorf("with waits that are too long: code %d\n%s", got.code, got.err)
	}
	for _, want := range []string{"consumers/delivery/delivery.go\n", "  error: life-too-short\n", "a saga may wait 40h30m before", "To mend it: write saga.Life(41*time.Hour)", "1 error, 0 notes."} {
		if !strings.Contains(got.out, want) {
			t.Errorf("it does not say %q:\n%s", want, got.out)
		}
	}
	for line := range strings.Lines(got.out) {
		if len(line) > 101 {
			t.Errorf("a line of %d characters: %s", len(line), line)
		}
	}
	if got := run(t, "check", "--json", "--sarif"); got.code != exitUsage || !strings.Contains(got.err, "--json and --sarif can't be used together") {
		t.Errorf("both formats: code %d\n%s", got.code, got.err)
	}
	if got := run(t, "check", "--kafka-brokers=127.0.0.1:1"); got.code != exitFailed || !strings.Contains(got.err, "leave --kafka-brokers and KAFKA_BROKERS away") {
		t.Errorf("without Kafka: code %d\n%s", got.code, got.err)
	}
}

func TestCheckWritesJSON(t *testing.T) {
	alone(t)
	for _, tt := range []struct {
		args  []string
		code  int
		rules []string
	}{
		{nil, 0, nil},
		{tooLong, exitFailed, []string{"life-too-short"}},
	} {
		got := run(t, append([]string{"check", "--json"}, tt.args...)...)
		var r checkReport
		if err := json.Unmarshal([]byte(got.out), &r); err != nil || got.code != tt.code {
			t.Fatalf("code %d, %v in\n%s", got.code, err, got.out)
		}
		var rules []string
		for _, f := range r.Findings {
			rules = append(rules, f.Rule)
			if f.Severity != saga.SeverityError || f.File != "consumers/delivery/delivery.go" || f.Line == 0 || f.Group != "delivery" || f.Reaction != "schedule" || f.Mend == "" {
				t.Errorf("%+v", f)
			}
		}
		if !slices.Equal(rules, tt.rules) || r.Errors != len(tt.rules) || r.Groups != 9 || r.Rules != len(saga.Rules()) || r.Topics != nil {
			t.Errorf("%+v", r)
		}
		if r.Findings == nil {
			t.Error("no findings are null, and not an empty list")
		}
	}
}

// broken is the choreography with mistakes of many kinds: in reactions, in groups, and in none.
func broken(t *testing.T) saga.Choreography {
	t.Helper()
	c, err := app.Config{}.Choreography()
	if err != nil {
		t.Fatal(err)
	}
	for i, g := range c.Groups {
		switch g.Name() {
		case "inventory":
			c.Groups[i] = g.Without("release", "kitchen.cancelled")
		case "orders":
			c.Groups[i] = g.Without("complete", "delivery.completed")
		}
	}
	c.Groups = append(c.Groups, saga.Define("fraud", nil))
	c.Schemas = append(c.Schemas, "order.archived")
	c.Partitions = map[string]int{"orders": 12, "likes": 6, "kitchen": 6}
	return c
}

// The SARIF is what the standard's own schema says.
func TestCheckWritesValidSARIF(t *testing.T) {
	schema := sarifSchemaOf(t)
	r := reportOf(broken(t))
	if r.Errors < 5 || r.Notes == 0 {
		t.Fatalf("%d errors and %d notes are too few to try", r.Errors, r.Notes)
	}
	var out bytes.Buffer
	if err := r.sarif(&out); err != nil {
		t.Fatal(err)
	}
	if err := validates(t, schema, out.Bytes()); err != nil {
		t.Errorf("%v in\n%s", err, &out)
	}
	for spoiled, with := range map[string]string{`"level": "note"`: `"level": "remark"`, `"ruleIndex"`: `"ruleNumber"`, `"version": "2.1.0"`: `"version": "2.1"`} {
		if validates(t, schema, bytes.ReplaceAll(out.Bytes(), []byte(spoiled), []byte(with))) == nil {
			t.Errorf("the schema takes %s", with)
		}
	}
	var log sarifLog
	if err := json.Unmarshal(out.Bytes(), &log); err != nil {
		t.Fatal(err)
	}
	run := log.Runs[0]
	if len(run.Results) != len(r.Findings) {
		t.Errorf("%d results for %d findings", len(run.Results), len(r.Findings))
	}
	prints := map[string]bool{}
	for i, result := range run.Results {
		if rule := run.Tool.Driver.Rules[result.RuleIndex]; rule.ID != result.RuleID || rule.Default.Level != result.Level {
			t.Errorf("%s is said to be rule %s", result.RuleID, rule.ID)
		}
		if f := r.Findings[i]; (f.File != "") != (len(result.Locations) > 0) || f.File != "" && (strings.HasPrefix(f.File, "/") || result.Locations[0].Physical.Artifact.URI != f.File) {
			t.Errorf("%s is at %+v", f.Place(), result.Locations)
		}
		if prints[result.Prints.Finding] {
			t.Errorf("two findings have the fingerprint %s", result.Prints.Finding)
		}
		prints[result.Prints.Finding] = true
	}
	out.Reset()
	if err := (checkReport{}).sarif(&out); err != nil {
		t.Fatal(err)
	}
	if err := validates(t, schema, out.Bytes()); err != nil {
		t.Errorf("without findings: %v", err)
	}
}

func sarifSchemaOf(t *testing.T) *jsonschema.Schema {
	t.Helper()
	data, err := os.ReadFile("testdata/sarif-schema-2.1.0.json")
	if err != nil {
		t.Fatal(err)
	}
	source, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	compiler := jsonschema.NewCompiler()
	if err := compiler.AddResource(sarifSchema, source); err != nil {
		t.Fatal(err)
	}
	schema, err := compiler.Compile(sarifSchema)
	if err != nil {
		t.Fatal(err)
	}
	return schema
}

func validates(t *testing.T, schema *jsonschema.Schema, data []byte) error {
	t.Helper()
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
	if err != nil {
		t.Fatalf("%v in %s", err, data)
	}
	return schema.Validate(value)
}

// The `tiffin up` that was found was killed: there is no broker, and enough to check.
func TestCheckGoesOnWithoutAnUpThatWasKilled(t *testing.T) {
	alone(t)
	if err := os.Mkdir("tiffin-data", 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join("tiffin-data", "servers.json"), []byte(`{"kafka": ["127.0.0.1:1"]}`), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := run(t, "check"); got.code != 0 || !strings.Contains(got.out, "Topics: not looked at, for those of the `tiffin up` with tiffin-data can't be asked for: kafka: ") {
		t.Errorf("%+v", got)
	}
	if got := run(t, "check", "--kafka-brokers=127.0.0.1:1"); got.code != exitFailed {
		t.Errorf("%+v", got)
	}
}

// Where brokers are named, the topics that are there are looked at too.
func TestCheckLooksAtTheTopicsThatAreThere(t *testing.T) {
	brokers, prefix := testservers.Kafka(t), testservers.Name("check-")
	alone(t)
	client, err := kafka.Open(kafka.Config{Brokers: []string{brokers}, TopicPrefix: prefix})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	check := func(code int, want string) {
		t.Helper()
		got := run(t, "check", "--kafka-brokers="+brokers, "--topic-prefix="+prefix)
		if got.code != code || !strings.Contains(got.out, want) {
			t.Errorf("code %d, want %d, and %q in\n%s%s", got.code, code, want, got.out, got.err)
		}
	}
	check(0, "note: missing-topic")
	c, err := app.Config{}.Choreography()
	if err != nil {
		t.Fatal(err)
	}
	names := topics(c)
	var specs []kafka.TopicSpec
	for _, name := range names {
		specs = append(specs, kafka.TopicSpec{Name: name, Partitions: 2})
	}
	specs[0].Partitions = 3
	if err := client.CreateTopics(t.Context(), specs[1:], 1); err != nil {
		t.Fatal(err)
	}
	check(0, "note: missing-topic")
	if err := client.CreateTopics(t.Context(), specs[:1], 1); err != nil {
		t.Fatal(err)
	}
	check(exitFailed, "error: unequal-partitions")
	check(exitFailed, "Topics: 8 are there")
}
