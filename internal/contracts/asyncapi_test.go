package contracts_test

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"tiffin/saga"
	"tiffin/saga/wire"
	"tiffin/schemas"
)

// TestAsyncAPIIsWhatIsDeclared: who changes a fact, or what a group hears or says, changes the contract, and sees it in
// the difference.
func TestAsyncAPIIsWhatIsDeclared(t *testing.T) {
	want := declared(t).write(t)
	if os.Getenv("TIFFIN_UPDATE") != "" {
		if err := os.WriteFile("../../schemas/asyncapi.yaml", []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if schemas.AsyncAPI() != want {
		t.Error("schemas/asyncapi.yaml is not what is declared; if the change is meant: TIFFIN_UPDATE=1 go test ./internal/contracts")
	}
}

// TestAsyncAPIIsValid, by the standard's own schema, and holds all that it refers to.
func TestAsyncAPIIsValid(t *testing.T) {
	data, err := os.ReadFile("testdata/asyncapi-3.0.0.json")
	if err != nil {
		t.Fatal(err)
	}
	compiler := jsonschema.NewCompiler()
	if err := compiler.AddResource("urn:asyncapi", parse(t, data)); err != nil {
		t.Fatal(err)
	}
	standard, err := compiler.Compile("urn:asyncapi")
	if err != nil {
		t.Fatal(err)
	}
	document := plain(t, schemas.AsyncAPI())
	if err := standard.Validate(document); err != nil {
		t.Error(err)
	}
	for _, place := range references(document) {
		if at(document, pointer(place)...) == nil {
			t.Errorf("%s leads nowhere", place)
		}
	}
	document["channels"].(map[string]any)["orders"].(map[string]any)["key"] = "orderId"
	if standard.Validate(document) == nil {
		t.Error("a channel with a member that the standard does not know is valid: nothing is checked here")
	}
}

// TestAsyncAPIHasTheChoreography reads the document as a stranger does, and finds in it what each group hears and says, and nothing else.
func TestAsyncAPIHasTheChoreography(t *testing.T) {
	document, c, want := plain(t, schemas.AsyncAPI()), declared(t), map[string]bool{}
	for _, g := range c.groups {
		for _, r := range g.Reactions() {
			for _, f := range r.Hears {
				want[strings.Join([]string{g.Name(), "receive", f.Topic, f.Type}, " ")] = true
			}
			for _, f := range r.Says {
				want[strings.Join([]string{g.Name(), "send", f.Topic, f.Type}, " ")] = true
			}
		}
		want[g.Name()+" send "+g.DeadLetters()+" dead-letter"] = true
	}
	got, told := map[string]bool{}, map[string]bool{}
	for name := range document["operations"].(map[string]any) {
		who := at(document, "operations", name, "tags", "0", "name").(string)
		action := at(document, "operations", name, "action").(string)
		topic := at(document, "operations", name, "channel", "address").(string)
		group := at(document, "operations", name, "bindings", "kafka", "groupId", "const")
		isGroup := slices.ContainsFunc(c.groups, func(g *saga.Group) bool { return g.Name() == who })
		if action == "receive" && group != who {
			t.Errorf("%s has the group id %v", name, group)
		}
		for i := range at(document, "operations", name, "messages").([]any) {
			fact := at(document, "operations", name, "messages", strconv.Itoa(i), "name").(string)
			told[fact] = true
			line := strings.Join([]string{who, action, topic, fact}, " ")
			if isGroup || action != "send" {
				got[line] = true
			} else if said := c.Speakers(fact); !slices.Contains(said, who) {
				t.Errorf("%s is said by %v", line, said)
			}
		}
	}
	for line := range want {
		if !got[line] {
			t.Errorf("the contract lacks: %s", line)
		}
	}
	for line := range got {
		if !want[line] {
			t.Errorf("nothing declares: %s", line)
		}
	}
	messages := document["components"].(map[string]any)["messages"].(map[string]any)
	if names := slices.Sorted(maps.Keys(messages)); !slices.Equal(names, slices.Sorted(maps.Keys(told))) {
		t.Errorf("the contract has the messages\n%v, and operations with\n%v", names, slices.Sorted(maps.Keys(told)))
	}
}

// TestRecordsAreAsAsyncAPIHasThem makes the record of every fact that was ever sent, and finds it as its message says.
func TestRecordsAreAsAsyncAPIHasThem(t *testing.T) {
	document := plain(t, schemas.AsyncAPI())
	for name := range document["components"].(map[string]any)["messages"].(map[string]any) {
		if name == deadLetter {
			continue
		}
		t.Run(name, func(t *testing.T) {
			files, err := filepath.Glob("../../schemas/testdata/" + name + "/*.json")
			if err != nil || len(files) == 0 {
				t.Fatal(files, err)
			}
			for _, file := range files {
				testRecord(t, document, name, file)
			}
			payload := schemaAt(t, document, jsonschema.Draft7, "components/messages/"+name+"/payload")
			if payload.Validate(map[string]any{}) == nil {
				t.Error("a fact without members is valid")
			}
		})
	}
}

func testRecord(t *testing.T, document map[string]any, name, file string) {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	fact, err := schemas.Decode(name, data)
	if err != nil {
		t.Fatal(err)
	}
	moment := time.Date(2026, 1, 2, 3, 4, 5, 678_000_000, time.UTC)
	record, err := wire.Encode(fact, saga.Envelope{
		ID: "019b796d-d67b-75d6-93ba-5b65b4ff124e", Source: "/tiffin/orders-api", Saga: fact.Key(), CauseID: "019b796d-0000-7000-8000-000000000001",
		Trace: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", Started: moment,
	}, moment, 12)
	if err != nil {
		t.Fatal(err)
	}
	wire.Stamp(&record, wire.Mark{Lane: "kitchen/3", Epoch: 1_767_323_045_678, Number: 42})

	if at(document, "channels", record.Topic, "messages", name) == nil {
		t.Errorf("it goes to the topic %s, whose channel does not have it", record.Topic)
	}
	if err := schemaAt(t, document, jsonschema.Draft7, "components/messages/"+name+"/payload").Validate(parse(t, record.Value)); err != nil {
		t.Errorf("%s: %v", file, err)
	}
	got := map[string]any{}
	for _, h := range record.Headers {
		got[h.Key] = string(h.Value)
	}
	if err := schemaAt(t, document, jsonschema.Draft7, "components/messages/"+name+"/headers").Validate(got); err != nil {
		t.Errorf("%s: %v", file, err)
	}
	described := at(document, "components", "schemas", "headers", "properties").(map[string]any)
	if want := slices.Sorted(maps.Keys(described)); !slices.Equal(slices.Sorted(maps.Keys(got)), want) {
		t.Errorf("it has the headers\n%v, and the contract\n%v", slices.Sorted(maps.Keys(got)), want)
	}
	about := at(document, "components", "messages", name, "bindings", "kafka", "key", "description").(string)
	keyed := strings.TrimSuffix(strings.TrimPrefix(about, "The payload's "), ".")
	var members map[string]any
	if err := json.Unmarshal(record.Value, &members); err != nil || members[keyed] != string(record.Key) {
		t.Errorf("its key is %s, and not %s (%v)", record.Key, keyed, err)
	}
}

// TestDeadLettersAreAsAsyncAPIHasThem: the names of their headers stand in the runtime alone.
func TestDeadLettersAreAsAsyncAPIHasThem(t *testing.T) {
	source, err := os.ReadFile("../../saga/lane/batch.go")
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]bool{}
	for _, name := range regexp.MustCompile(`"(dlq_[a-z]+)"`).FindAllSubmatch(source, -1) {
		want[string(name[1])] = true
	}
	got := at(plain(t, schemas.AsyncAPI()), "components", "messages", deadLetter, "headers", "properties").(map[string]any)
	if a, b := slices.Sorted(maps.Keys(got)), slices.Sorted(maps.Keys(want)); !slices.Equal(a, b) {
		t.Errorf("the contract has\n%v, the runtime\n%v", a, b)
	}
}
