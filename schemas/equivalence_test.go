package schemas_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"tiffin/schemas"
)

var (
	seedFlag      = flag.Uint64("seed", 0, "seed of TestStructAndSchemaAgree, 0 for a new one")
	documentsFlag = flag.Int("documents", 200, "documents of each mutation and fact in TestStructAndSchemaAgree")
)

type outcome int

const (
	accepted outcome = iota // all documents of the mutation are valid
	refused                 // none is
	both                    // some are, for every fact
	either                  // by chance
)

// mutations change a valid document in one place each: two could break a rule that the schemas can't express.
var mutations = []struct {
	name   string
	want   outcome
	change func(s source, doc *any)
}{
	{"none", accepted, func(source, *any) {}},
	{"members that a later version may add", accepted, addMembers},
	{"a missing member", refused, func(s source, doc *any) {
		s.pick(doc, func(place slot) bool { return place.drop != nil }).drop()
	}},
	{"null", refused, func(s source, doc *any) { s.pick(doc, anywhere).set(nil) }},
	{"another type", refused, changeType},
	{"more nesting", refused, func(s source, doc *any) {
		place := s.pick(doc, anywhere)
		place.set([]any{[]any{place.value}, document{"value": place.value}}[s.IntN(2)])
	}},
	{"another size", both, changeSize},
	{"another character", both, changeCharacter},
	{"junk", either, func(s source, doc *any) { *doc = s.junk(4) }},
	{"junk with the right names", either, func(s source, doc *any) { *doc = s.junkObject(4) }},
}

func anywhere(slot) bool { return true }

// addMembers adds names that the fact does not have, some of them like its own in other letters.
func addMembers(s source, doc *any) {
	place := s.pick(doc, func(place slot) bool { _, ok := place.value.(document); return ok })
	object := place.value.(document)
	known := slices.Sorted(maps.Keys(place.schema["properties"].(document)))
	for range 1 + s.IntN(3) {
		name := known[s.IntN(len(known))]
		switch s.IntN(3) {
		case 0:
			name = strings.ToUpper(name)
		case 1:
			name = name[:1] + "_" + name[1:]
		default:
			name = "x" + s.text(anything, 0, 9)
		}
		object[name] = s.junk(3)
	}
}

func changeType(s source, doc *any) {
	place := s.pick(doc, anywhere)
	var others []any
	switch place.value.(type) {
	case document:
		others = []any{"text", 3, true, []any{}, []any{place.value}}
	case []any:
		others = []any{"text", 3, false, document{}, place.value.([]any)[0]}
	case string:
		others = []any{3, 2.5, true, []any{}, document{}}
	default:
		others = []any{"3", 2.5, true, []any{}, document{}, json.Number("1e400")}
	}
	place.set(others[s.IntN(len(others))])
}

// changeSize goes to the bounds of numbers, texts and arrays, and one beyond.
func changeSize(s source, doc *any) {
	place := s.pick(doc, func(place slot) bool { _, ok := place.value.(document); return !ok })
	switch value := place.value.(type) {
	case []any:
		least, most := int(place.schema["minItems"].(float64)), int(place.schema["maxItems"].(float64))
		lengths := []int{least - 1, least, most, most + 1}
		place.set(s.array(place.schema, lengths[s.IntN(len(lengths))]))
	case int64:
		least, most := place.schema["minimum"].(float64), place.schema["maximum"].(float64)
		numbers := []any{least - 1, least, least + 1, most - 1, most, most + 1, -most, int64(1) << 62, json.Number("-0"), json.Number("99999999999999999999")}
		place.set(numbers[s.IntN(len(numbers))])
	case string:
		if values, ok := place.schema["enum"].([]any); ok {
			place.set(values[s.IntN(len(values))])
			return
		}
		alphabet := []string{idLetter, lower, "A", "é", "🍱"}[s.IntN(5)]
		length := []int{0, 1, 2, 3, 4, 63, 64, 65, 66, 99, 100, 101}[s.IntN(12)]
		prefix := []string{"", "", "@", "@@", "a"}[s.IntN(5)]
		place.set(prefix + s.text(alphabet, length, length))
	default:
		panic(value)
	}
}

// changeCharacter puts one in or takes its place.
func changeCharacter(s source, doc *any) {
	place := s.pick(doc, func(place slot) bool { _, ok := place.value.(string); return ok })
	letters := []rune(place.value.(string))
	i := s.IntN(len(letters))
	alphabet := []string{idLetter, lower, strange}[s.IntN(3)]
	place.set(string(letters[:i]) + s.text(alphabet, 1, 1) + string(letters[i+s.IntN(2):]))
}

// TestStructAndSchemaAgree compares Decode with the schema on random documents.
func TestStructAndSchemaAgree(t *testing.T) {
	seed := *seedFlag
	if seed == 0 {
		seed = rand.Uint64()
	}
	t.Logf("to repeat: -seed=%d -documents=%d", seed, *documentsFlag)
	for i, fact := range schemas.All() {
		t.Run(fact.EventType(), func(t *testing.T) {
			t.Parallel()
			schema := compile(t, fact.EventType())
			s := source{rand.New(rand.NewPCG(seed, uint64(i))), readDocument(t, schemas.Schema(fact.EventType()))}
			for _, mutation := range mutations {
				count := map[bool]int{}
				for range *documentsFlag {
					doc := s.valid(func(doc any) bool { return schema.Validate(plain(t, doc)) == nil })
					mutation.change(s, &doc)
					count[agree(t, fact.EventType(), schema, doc)]++
				}
				if mutation.want == accepted && count[false] > 0 || mutation.want == refused && count[true] > 0 ||
					mutation.want == both && (count[true] < *documentsFlag/20 || count[false] < *documentsFlag/20) {
					t.Errorf("%s: %d accepted, %d refused", mutation.name, count[true], count[false])
				}
				if mutation.want == either && count[false] == 0 {
					t.Errorf("%s: nothing was refused", mutation.name)
				}
			}
		})
	}
}

// plain gives the document the types that the schema's library expects.
func plain(t *testing.T, doc any) any {
	t.Helper()
	data, err := json.Marshal(doc)
	if err != nil {
		t.Fatal(err)
	}
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	return value
}

// agree reports whether the document is accepted, and fails the test where struct and schema differ.
func agree(t *testing.T, eventType string, schema *jsonschema.Schema, doc any) bool {
	t.Helper()
	data, err := json.Marshal(doc)
	if err != nil {
		t.Fatal(err)
	}
	schemaErr := accepts(t, schema, data)
	fact, err := schemas.Decode(eventType, data)
	if (err == nil) != (schemaErr == nil) {
		t.Errorf("%s\ndecoded: %v\nschema: %v", data, err, schemaErr)
		return err == nil
	}
	if err != nil {
		faults(t, err)
		return false
	}
	if again, err := schemas.Encode(fact); err != nil || accepts(t, schema, again) != nil {
		t.Errorf("%s\nis written as %s, %v", data, again, err)
	}
	return true
}
