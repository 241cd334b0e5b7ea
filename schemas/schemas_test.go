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

func compile(t *testing.T, eventType string) *jsonschema.Schema {
	t.Helper()
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

	var got []string
	for _, zero := range schemas.All() {
		eventType := zero.EventType()
		got = append(got, eventType)
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
	if types := slices.Sorted(maps.Keys(want)); !slices.Equal(got, types) {
		t.Errorf("All() gives\n%q, want, sorted,\n%q", got, types)
	}
}

func TestTopicsNamesEachTopicOnce(t *testing.T) {
	described := map[string]int{}
	for _, topic := range schemas.Topics() {
		described[topic.Name]++
		if !strings.HasSuffix(topic.About, ".") {
			t.Errorf("topic %s: About is not a sentence: %q", topic.Name, topic.About)
		}
	}
	used := map[string]int{}
	for _, fact := range schemas.All() {
		used[fact.Topic()] = 1
	}
	if !maps.Equal(described, used) {
		t.Errorf("Topics() describes %v, the facts use %v", described, used)
	}
}

// TestEachFactHasItsSchema compares names and members; TestStructAndSchemaAgree compares what they mean.
func TestEachFactHasItsSchema(t *testing.T) {
	entries, err := fs.ReadDir(os.DirFS("."), "json")
	if err != nil {
		t.Fatal(err)
	}
	var files, want []string
	for _, entry := range entries {
		files = append(files, entry.Name())
	}
	definitions := map[string]any{}
	for _, fact := range schemas.All() {
		eventType := fact.EventType()
		want = append(want, eventType+".json")
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
	slices.Sort(want)
	if !slices.Equal(files, want) {
		t.Errorf("json holds\n%q, want\n%q", files, want)
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
