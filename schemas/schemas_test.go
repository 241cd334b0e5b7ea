package schemas_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"tiffin/schemas"
)

// document is a JSON object as encoding/json reads it, independent of the reader under test.
type document = map[string]any

func readDocument(t *testing.T, data []byte) document {
	t.Helper()
	var doc document
	if err := json.Unmarshal(data, &doc); err != nil {
		t.Fatalf("%v in %s", err, data)
	}
	return doc
}

// sameNames compares two lists, and says what to do about each name (%s) that only one of them has.
func sameNames(t *testing.T, got, want []string, missing, extra string) {
	t.Helper()
	for _, name := range want {
		if !slices.Contains(got, name) {
			t.Errorf(missing, name)
		}
	}
	for _, name := range got {
		if !slices.Contains(want, name) {
			t.Errorf(extra, name)
		}
	}
}

func eventTypes() (names []string) {
	for _, fact := range schemas.All() {
		names = append(names, fact.EventType())
	}
	return names
}

func compile(t *testing.T, eventType string) *jsonschema.Schema {
	t.Helper()
	if schemas.Schema(eventType) == nil {
		t.Fatalf("write its schema, json/%s.json", eventType)
	}
	source, err := jsonschema.UnmarshalJSON(bytes.NewReader(schemas.Schema(eventType)))
	if err != nil {
		t.Fatalf("json/%s.json: %v", eventType, err)
	}
	compiler := jsonschema.NewCompiler()
	if err := compiler.AddResource("urn:tiffin:schema:"+eventType, source); err != nil {
		t.Fatal(err)
	}
	schema, err := compiler.Compile("urn:tiffin:schema:" + eventType)
	if err != nil {
		t.Fatalf("json/%s.json: %v", eventType, err)
	}
	return schema
}

func accepts(t *testing.T, schema *jsonschema.Schema, data []byte) error {
	t.Helper()
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
	if err != nil {
		t.Fatalf("%v in %s", err, data)
	}
	return schema.Validate(value)
}

// TestRouting holds each fact's topic and the member that is its key: others store and partition by them, so a
// change here moves facts that exist.
func TestRouting(t *testing.T) {
	want := map[string][2]string{}
	for topic, facts := range map[string]string{
		"orders":    "orderId: order.placed cancellation.requested order.completed order.cancelled",
		"inventory": "sku: dish.offered stock.delivered orderId: stock.reserved stock.rejected stock.released",
		"payments": "accountId: account.credited paymentId: payment.initiated payment.requested payment.succeeded " +
			"payment.failed payment.refunded payment.settled",
		"fraud": "accountId: account.blocked account.unblocked paymentId: payment.cleared payment.flagged",
		"kitchen": "restaurantId: restaurant.opened orderId: restaurant.accepted restaurant.rejected meal.cooked " +
			"kitchen.asked kitchen.accepted kitchen.rejected kitchen.cancelled cancellation.refused meal.ready meal.written-off",
		"delivery":      "city: fleet.sized orderId: courier.delivered courier.failed delivery.scheduled delivery.completed delivery.failed",
		"likes":         "userId: post.liked post.unliked",
		"notifications": "about: notification.sent notification.failed",
	} {
		var key string
		for _, word := range strings.Fields(facts) {
			if member, isKey := strings.CutSuffix(word, ":"); isKey {
				key = member
				continue
			}
			want[word] = [2]string{topic, key}
		}
	}

	sameNames(t, slices.Sorted(maps.Keys(want)), eventTypes(), "name the topic and key of %s in this test", "this test knows %s, which is no fact")
	for _, zero := range schemas.All() {
		eventType := zero.EventType()
		data := golden(t, eventType, "full.json")
		fact, err := schemas.Decode(eventType, data)
		if err != nil {
			t.Errorf("%s: %v", eventType, err)
			continue
		}
		if topic := want[eventType][0]; fact.Topic() != topic || zero.Topic() != topic {
			t.Errorf("%s is on topic %q, want %q", eventType, fact.Topic(), topic)
		}
		if key := readDocument(t, data)[want[eventType][1]]; fact.Key() != key {
			t.Errorf("%s has key %q, want %q", eventType, fact.Key(), key)
		}
	}
	if types := eventTypes(); !slices.IsSorted(types) {
		t.Errorf("All() is not sorted: %q", types)
	}
}

// A fact that is written but not listed could be said, and nobody could read it.
func TestEachFactIsListed(t *testing.T) {
	listed := map[string]bool{}
	for _, fact := range schemas.All() {
		listed[reflect.TypeOf(fact).Name()] = true
	}
	files, err := filepath.Glob("*.go")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	written := 0
	for _, file := range files {
		source, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile(`(?m)^func \((?:\w+ )?(\w+)\) EventType\(\) string`).FindAllSubmatch(source, -1) {
			if written++; !listed[string(m[1])] {
				t.Errorf("%s: write kindOf[%s]() into the list of kinds in schemas.go", file, m[1])
			}
		}
	}
	if written != len(listed) {
		t.Errorf("%d facts are listed, and %d found in the source", len(listed), written)
	}
}

func TestTopicsNamesEachTopicOnce(t *testing.T) {
	var described, used []string
	for _, topic := range schemas.Topics() {
		if slices.Contains(described, topic.Name) {
			t.Errorf("Topics() names %s twice", topic.Name)
		}
		described = append(described, topic.Name)
		if !strings.HasSuffix(topic.About, ".") {
			t.Errorf("topic %s: About is not a sentence: %q", topic.Name, topic.About)
		}
	}
	for _, fact := range schemas.All() {
		used = append(used, fact.Topic())
	}
	sameNames(t, described, slices.Compact(slices.Sorted(slices.Values(used))), "describe the topic %s in Topics(), in schemas.go",
		"Topics() describes %s, which no fact is on")
}

// TestEachFactHasItsSchema compares names and members; TestStructAndSchemaAgree compares what they mean.
func TestEachFactHasItsSchema(t *testing.T) {
	entries, err := fs.ReadDir(os.DirFS("."), "json")
	if err != nil {
		t.Fatal(err)
	}
	var files []string
	for _, entry := range entries {
		name, isJSON := strings.CutSuffix(entry.Name(), ".json")
		if !isJSON {
			t.Errorf("json/%s is no schema", entry.Name())
		}
		files = append(files, name)
	}
	sameNames(t, files, eventTypes(), "write the schema of %[1]s, json/%[1]s.json", "json/%s.json is of no fact")
	definitions := map[string]any{}
	for _, fact := range schemas.All() {
		eventType := fact.EventType()
		compile(t, eventType)
		schema := readDocument(t, schemas.Schema(eventType))
		if schema["$schema"] != "https://json-schema.org/draft/2020-12/schema" || schema["$id"] != "urn:tiffin:schema:"+eventType ||
			schema["title"] != eventType || schema["description"] == nil {
			t.Errorf("%s: $schema, $id, title or description is wrong: %v", eventType, schema)
		}
		compareMembers(t, eventType, schema, reflect.TypeOf(fact))
		defs, _ := schema["$defs"].(document)
		for name, definition := range defs {
			if known, ok := definitions[name]; ok && !reflect.DeepEqual(known, definition) {
				t.Errorf("%s: $defs/%s differs from another file's", eventType, name)
			}
			definitions[name] = definition
		}
	}
	compareMembers(t, "money", definitions["money"].(document), reflect.TypeFor[schemas.Money]())
	compareMembers(t, "item", definitions["item"].(document), reflect.TypeFor[schemas.Item]())
}

func compareMembers(t *testing.T, name string, schema document, structure reflect.Type) {
	t.Helper()
	var required, properties []string
	for i := range structure.NumField() {
		member, options, _ := strings.Cut(structure.Field(i).Tag.Get("json"), ",")
		properties = append(properties, member)
		if options != "omitzero" {
			required = append(required, member)
		}
	}
	slices.Sort(properties)
	if got := slices.Sorted(maps.Keys(schema["properties"].(document))); !slices.Equal(got, properties) {
		t.Errorf("%s: the schema has properties %q, the struct %q", name, got, properties)
	}
	var got []string
	for _, member := range schema["required"].([]any) {
		got = append(got, member.(string))
	}
	if !slices.Equal(got, required) {
		t.Errorf("%s: the schema requires %q, the struct %q", name, got, required)
	}
}

func TestUnknownEventType(t *testing.T) {
	for _, eventType := range []string{"", "order", "order.placed.json", "../json/order.placed", "zebra.seen"} {
		if fact, err := schemas.Decode(eventType, []byte(`{}`)); fact != nil || !errors.Is(err, schemas.ErrUnknownType) {
			t.Errorf("Decode(%q) = %v, %v; want nil, ErrUnknownType", eventType, fact, err)
		}
		if schema := schemas.Schema(eventType); schema != nil {
			t.Errorf("Schema(%q) = %s, want nil", eventType, schema)
		}
	}
}

// Who writes its own JSON writes what Encode does.
func TestOwnJSONIsTheSame(t *testing.T) {
	own := 0
	for _, fact := range schemas.All() {
		files, err := filepath.Glob(filepath.Join("testdata", fact.EventType(), "*.json"))
		if err != nil || len(files) == 0 {
			t.Fatalf("%s has no golden files: %v", fact.EventType(), err)
		}
		for _, file := range files {
			golden, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			read, err := schemas.Decode(fact.EventType(), golden)
			if err != nil {
				t.Fatal(err)
			}
			a, ok := read.(interface{ AppendJSON([]byte) []byte })
			if !ok {
				continue
			}
			own++
			want, err := schemas.Encode(read)
			if got := string(a.AppendJSON([]byte("x"))); err != nil || got != "x"+string(want) {
				t.Errorf("%s writes %s, want x%s (%v)", file, got, want, err)
			}
		}
	}
	if own < 4 {
		t.Errorf("%d documents were compared", own)
	}
}
