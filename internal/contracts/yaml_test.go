package contracts_test

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strconv"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v4"
)

// object is a YAML mapping of names and values in this order; names without a value (nil, or empty) are left out.
func object(pairs ...any) *yaml.Node {
	node := &yaml.Node{Kind: yaml.MappingNode}
	for i := 0; i < len(pairs); i += 2 {
		if v := reflect.ValueOf(pairs[i+1]); pairs[i+1] != nil && !(v.Kind() != reflect.Bool && v.IsZero()) {
			add(node, pairs[i].(string), pairs[i+1])
		}
	}
	return node
}

// add adds a member to a mapping.
func add(to *yaml.Node, name string, value any) {
	to.Content = append(to.Content, scalar(name), nodeOf(value))
}

// nodeOf is a value as a node; lists of scalars take one line.
func nodeOf(value any) *yaml.Node {
	list := &yaml.Node{Kind: yaml.SequenceNode}
	switch v := value.(type) {
	case *yaml.Node:
		return v
	case []*yaml.Node:
		list.Content = v
	case []string:
		list.Style = yaml.FlowStyle
		for _, text := range v {
			list.Content = append(list.Content, scalar(text))
		}
	default:
		return scalar(v)
	}
	return list
}

func scalar(value any) *yaml.Node {
	var node yaml.Node
	if err := node.Encode(value); err != nil {
		panic(err) // a value that a test wrote down
	}
	return &node
}

// ref is a reference to another place in the document.
func ref(place string) *yaml.Node { return object("$ref", "#/"+place) }

// fromJSON reads JSON in the order in which it is written.
func fromJSON(t *testing.T, data []byte) *yaml.Node {
	t.Helper()
	var document yaml.Node
	if err := yaml.Load(data, &document); err != nil {
		t.Fatal(err)
	}
	unfold(&document)
	return document.Content[0]
}

// unfold gives JSON the looks of YAML: a line for each member, but one for a list of scalars.
func unfold(node *yaml.Node) {
	node.Style = 0
	scalars := node.Kind == yaml.SequenceNode
	for _, child := range node.Content {
		unfold(child)
		scalars = scalars && child.Kind == yaml.ScalarNode
	}
	if scalars {
		node.Style = yaml.FlowStyle
	}
}

// member finds a member of a mapping; nil if it has none of that name.
func member(of *yaml.Node, name string) *yaml.Node {
	for i := 0; of != nil && i < len(of.Content); i += 2 {
		if of.Content[i].Value == name {
			return of.Content[i+1]
		}
	}
	return nil
}

// without is a mapping but for some of its members.
func without(of *yaml.Node, names ...string) *yaml.Node {
	rest := &yaml.Node{Kind: yaml.MappingNode}
	for i := 0; i < len(of.Content); i += 2 {
		left := true
		for _, name := range names {
			left = left && of.Content[i].Value != name
		}
		if left {
			rest.Content = append(rest.Content, of.Content[i], of.Content[i+1])
		}
	}
	return rest
}

// plain is a YAML document in the types that the library of JSON Schema takes.
func plain(t *testing.T, text string) map[string]any {
	t.Helper()
	var document any
	if err := yaml.Load([]byte(text), &document); err != nil {
		t.Fatal(err)
	}
	data, err := json.Marshal(document)
	if err != nil {
		t.Fatal(err)
	}
	return parse(t, data).(map[string]any)
}

// parse reads JSON in those types.
func parse(t *testing.T, data []byte) any {
	t.Helper()
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
	if err != nil {
		t.Fatalf("%v in %s", err, data)
	}
	return value
}

// at follows a path of members and indexes, and references on the way; nil if it leads nowhere.
func at(document map[string]any, path ...string) any {
	var here any = document
	for _, step := range path {
		here = resolved(document, here)
		switch v := here.(type) {
		case map[string]any:
			here = v[step]
		case []any:
			i, err := strconv.Atoi(step)
			if err != nil || i >= len(v) {
				return nil
			}
			here = v[i]
		default:
			return nil
		}
	}
	return resolved(document, here)
}

// resolved is what a reference refers to, or the value itself.
func resolved(document map[string]any, value any) any {
	object, _ := value.(map[string]any)
	place, ok := object["$ref"].(string)
	if !ok {
		return value
	}
	return at(document, pointer(place)...)
}

// pointer splits a reference within a document into its steps.
func pointer(reference string) []string {
	steps := strings.Split(strings.TrimPrefix(reference, "#/"), "/")
	for i, step := range steps {
		steps[i] = strings.NewReplacer("~1", "/", "~0", "~").Replace(step)
	}
	return steps
}

// references are all that a value holds.
func references(value any) (all []string) {
	switch v := value.(type) {
	case map[string]any:
		for name, member := range v {
			if text, ok := member.(string); ok && name == "$ref" {
				all = append(all, text)
			}
			all = append(all, references(member)...)
		}
	case []any:
		for _, element := range v {
			all = append(all, references(element)...)
		}
	}
	return all
}

// schemaAt compiles the JSON Schema that stands at a place in a document.
func schemaAt(t *testing.T, document map[string]any, draft *jsonschema.Draft, place string) *jsonschema.Schema {
	t.Helper()
	compiler := jsonschema.NewCompiler()
	compiler.DefaultDraft(draft)
	if err := compiler.AddResource("urn:document", document); err != nil {
		t.Fatal(err)
	}
	schema, err := compiler.Compile("urn:document#/" + place)
	if err != nil {
		t.Fatal(err)
	}
	return schema
}
