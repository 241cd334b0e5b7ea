package contract

import (
	"cmp"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// What a JSON Schema says to people, not of documents.
var annotations = []string{"$schema", "$id", "$comment", "title", "description", "examples", "default", "deprecated", "readOnly", "writeOnly"}

// stripped is a JSON Schema without what it says to people, so that a better word is no change.
func stripped(schema []byte) (jsontext.Value, error) {
	if schema == nil {
		return nil, nil
	}
	var v any
	if err := json.Unmarshal(schema, &v); err != nil {
		return nil, err
	}
	out, err := json.Marshal(strip(v), json.Deterministic(true))
	return out, err
}

func strip(schema any) any {
	switch v := schema.(type) {
	case map[string]any:
		out := map[string]any{}
		for keyword, value := range v {
			switch {
			case slices.Contains(annotations, keyword):
			case keyword == "properties" || keyword == "patternProperties" || keyword == "$defs" || keyword == "dependentSchemas":
				named := map[string]any{} // its keys are names
				if members, ok := value.(map[string]any); ok {
					for name, member := range members {
						named[name] = strip(member)
					}
				}
				out[keyword] = named
			case keyword == "enum" || keyword == "const":
				out[keyword] = value
			default:
				out[keyword] = strip(value)
			}
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, element := range v {
			out[i] = strip(element)
		}
		return out
	}
	return schema
}

// compareSchemas finds facts that one version says and another can't read. Old facts are on the topics and in what is parked, and
// while a new version is deployed, the old one still says and hears.
func (c *comparison) compareSchemas() {
	for _, fact := range slices.Sorted(maps.Keys(c.after.facts)) {
		old, now := c.before.facts[fact], c.after.facts[fact]
		if old.Schema == nil || now.Schema == nil {
			continue
		}
		was, errWas := parsed(old.Schema)
		is, errIs := parsed(now.Schema)
		if errWas != nil || errIs != nil {
			c.add(Careful, "schema-unread", fact, "its JSON Schema can't be read", "Whether facts in flight can still be read is unknown.", "Export the declaration again.")
			continue
		}
		(&schemas{c, fact, was, is}).compare("", was, is, 0)
	}
}

func parsed(schema jsontext.Value) (v any, err error) {
	err = json.Unmarshal(schema, &v)
	return v, err
}

// schemas are the two schemas of a fact that are compared.
type schemas struct {
	*comparison
	fact     string
	old, now any // the documents, for references
}

// resolve follows references within a document.
func resolve(document, schema any) any {
	for range 10 {
		v, ok := schema.(map[string]any)
		ref, isRef := v["$ref"].(string)
		if !ok || !isRef || !strings.HasPrefix(ref, "#") {
			return schema
		}
		schema = document
		for name := range strings.SplitSeq(strings.TrimPrefix(strings.TrimPrefix(ref, "#"), "/"), "/") {
			if name != "" {
				m, _ := schema.(map[string]any)
				schema = m[name]
			}
		}
	}
	return schema
}

// maxDepth is how deep documents are looked into. Deeper schemas refer to themselves.
const maxDepth = 20

func (s *schemas) compare(at string, old, now any, depth int) {
	old, now = resolve(s.old, old), resolve(s.now, now)
	if depth > maxDepth || reflect.DeepEqual(old, now) && reflect.DeepEqual(s.old, s.now) {
		return
	}
	was, wasObject := old.(map[string]any)
	is, isObject := now.(map[string]any)
	if !wasObject || !isObject {
		if !reflect.DeepEqual(old, now) {
			s.unclear(at, "it is allowed or forbidden as a whole, and was not")
		}
		return
	}
	keywords := maps.Clone(was)
	maps.Copy(keywords, is)
	for _, keyword := range slices.Sorted(maps.Keys(keywords)) {
		before, after := was[keyword], is[keyword]
		switch keyword {
		case "$defs", "$ref":
		case "properties":
			s.members(at, was, is, depth)
		case "required":
			if was["properties"] == nil && is["properties"] == nil && !reflect.DeepEqual(before, after) {
				s.unclear(at, "what is required has changed")
			}
		case "items", "additionalProperties":
			if before != nil && after != nil {
				s.compare(at+"/*", before, after, depth+1)
			} else {
				s.rule(at, keyword, before, after)
			}
		default:
			if !reflect.DeepEqual(before, after) {
				s.rule(at, keyword, before, after)
			}
		}
	}
}

// members compares the members of an object.
func (s *schemas) members(at string, was, is map[string]any, depth int) {
	before, _ := was["properties"].(map[string]any)
	after, _ := is["properties"].(map[string]any)
	required := func(schema map[string]any, name string) bool {
		all, _ := schema["required"].([]any)
		return slices.Contains(all, any(name))
	}
	all := maps.Clone(before)
	if all == nil {
		all = map[string]any{}
	}
	maps.Copy(all, after)
	for _, name := range slices.Sorted(maps.Keys(all)) {
		here, needed, needs := at+"/"+name, required(was, name), required(is, name)
		_, had := before[name]
		_, has := after[name]
		switch {
		case has && !had && needs:
			s.add(Breaking, "schema-member-required", s.fact, here+" is new and required", "Facts in flight lack it and can't be read: each parks its key.",
				"Make it optional, and let reactions do without; or say a new fact.")
		case has && !had:
			s.add(Fine, "schema-member-new", s.fact, here+" is new and optional", "Who does not know it passes over it; facts in flight lack it.", "")
		case had && !has && needed:
			s.add(Breaking, "schema-member-gone", s.fact, here+" is gone, and was required", "Processes of the old version can't read what lacks it, while the new one is deployed, and reactions that used it find nothing.",
				"Make it optional first, and take it away in a later version.")
		case had && !has:
			s.add(Careful, "schema-member-gone", s.fact, here+" is gone", "Who used it finds nothing any more, also in facts in flight that have it.", "See that nobody needs it.")
		default:
			if needs && !needed {
				s.add(Breaking, "schema-member-required", s.fact, here+" is required, and was not", "Facts in flight that lack it can't be read: each parks its key.",
					"Leave it optional, and let reactions do without; or say a new fact.")
			}
			if needed && !needs {
				s.looser(here, "it need not be there, and had to be")
			}
			s.compare(here, before[name], after[name], depth+1)
		}
	}
}

// rule compares one rule of a schema for a value.
func (s *schemas) rule(at, keyword string, before, after any) {
	what := fmt.Sprintf("%s is %s, and was %s", keyword, shown(after), shown(before))
	x, wasNumber := before.(float64)
	y, isNumber := after.(float64)
	both := wasNumber && isNumber
	list := func(v any) []any {
		if all, ok := v.([]any); ok {
			return all
		}
		return []any{v}
	}
	allIn := func(some, others any) bool {
		return !slices.ContainsFunc(list(some), func(v any) bool {
			return !slices.ContainsFunc(list(others), func(o any) bool { return reflect.DeepEqual(v, o) || v == "integer" && o == "number" })
		})
	}
	switch keyword {
	case "minimum", "minLength", "minItems", "exclusiveMinimum", "maximum", "maxLength", "maxItems", "exclusiveMaximum":
		stricter := cmp.Compare(y, x)
		if strings.HasPrefix(strings.ToLower(strings.TrimPrefix(keyword, "exclusive")), "max") {
			stricter = -stricter
		}
		if before == nil || both && stricter > 0 {
			s.stricter(at, what)
		} else {
			s.looser(at, what)
		}
	case "enum", "type":
		switch {
		case before == nil || after != nil && allIn(after, before):
			s.stricter(at, what)
		case after == nil || allIn(before, after):
			s.looser(at, what)
		case keyword == "type":
			s.add(Breaking, "schema-type", s.fact, root(at)+": "+what, "Facts in flight can't be read: each parks its key; and the old version can't read the new ones.", "Take a new member, beside the old one; or say a new fact.")
		default:
			s.stricter(at, what)
		}
	default:
		switch {
		case before == nil:
			s.stricter(at, what)
		case after == nil:
			s.looser(at, what)
		default:
			s.unclear(at, what)
		}
	}
}

func shown(v any) string {
	if v == nil {
		return "free"
	}
	out, err := json.Marshal(v, json.Deterministic(true))
	if err != nil || len(out) > 60 {
		return "otherwise"
	}
	return string(out)
}

func root(at string) string { return cmp.Or(at, "the whole") }

// stricter: what was allowed may be refused now.
func (s *schemas) stricter(at, what string) {
	s.add(Breaking, "schema-stricter", s.fact, root(at)+": "+what, "Facts in flight that were allowed may be refused: each parks its key.", "Leave the rule as it was; or say a new fact.")
}

// looser: what was refused may be said now.
func (s *schemas) looser(at, what string) {
	s.add(Careful, "schema-looser", s.fact, root(at)+": "+what, "Processes of the old version that still run refuse what was not allowed, and park its key.", "Deploy all who hear it before who says it.")
}

// unclear: only people can tell.
func (s *schemas) unclear(at, what string) {
	s.add(Careful, "schema-other", s.fact, root(at)+": "+what, "Whether all facts in flight are still allowed can't be told from this rule.", "See that what is on the topic still is: the golden documents in the tests say.")
}
