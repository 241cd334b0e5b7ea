package schemas_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
)

// source makes random documents for a schema, and spoils them.
type source struct {
	*rand.Rand
	root document // the schema, for its $defs
}

const (
	lower    = "abcdefghijklmnopqrstuvwxyz"
	digits   = "0123456789"
	idLetter = lower + digits + "ABCDEFGHIJKLMNOPQRSTUVWXYZ-_"
	strange  = "@ .:/~\"\\<>\n\x00éß漢🍱" // in no id, currency, reason or purpose, but for the first @
	anything = idLetter + strange
)

func (s source) resolve(schema any) document {
	doc, _ := schema.(document)
	if ref, ok := doc["$ref"].(string); ok {
		return s.root["$defs"].(document)[strings.TrimPrefix(ref, "#/$defs/")].(document)
	}
	return doc
}

// text has a length in characters between the bounds.
func (s source) text(alphabet string, shortest, longest int) string {
	letters := []rune(alphabet)
	var b strings.Builder
	for range shortest + s.IntN(longest-shortest+1) {
		b.WriteRune(letters[s.IntN(len(letters))])
	}
	return b.String()
}

// value is valid for the schema. Ids have at least 8 characters, so that no two are the same by chance.
func (s source) value(schema document) any {
	if values, ok := schema["enum"].([]any); ok {
		return values[s.IntN(len(values))]
	}
	switch schema["type"] {
	case "object":
		doc := document{}
		properties := schema["properties"].(document)
		for _, name := range slices.Sorted(maps.Keys(properties)) {
			if slices.Contains(schema["required"].([]any), any(name)) || s.IntN(2) == 0 {
				doc[name] = s.value(s.resolve(properties[name]))
			}
		}
		return doc
	case "array":
		least, most := int(schema["minItems"].(float64)), int(schema["maxItems"].(float64))
		return s.array(schema, least+s.IntN(min(4, most-least+1)))
	case "integer":
		least, most := int64(schema["minimum"].(float64)), int64(schema["maximum"].(float64))
		return least + s.Int64N(most-least+1)
	case "string":
		return s.string(schema)
	}
	panic(fmt.Sprintf("no random value for the schema %v: teach this test", schema))
}

func (s source) array(schema document, length int) any {
	list := make([]any, length)
	for i := range list {
		list[i] = s.value(s.resolve(schema["items"]))
	}
	return list
}

func (s source) string(schema document) string {
	switch schema["pattern"] {
	case nil:
		return s.text(anything, int(schema["minLength"].(float64)), int(schema["maxLength"].(float64)))
	case "^[A-Za-z0-9_-]{1,64}$":
		return s.text(idLetter, 8, 64)
	case "^@?[A-Za-z0-9_-]{1,64}$":
		return s.text("@", 0, 1) + s.text(idLetter, 8, 64)
	case "^[A-Z]{3}$":
		return strings.ToUpper(s.text(lower, 3, 3))
	case "^[a-z][a-z0-9-]{0,63}$":
		return s.text(lower, 1, 1) + s.text(lower+digits+"-", 7, 63)
	}
	if pattern, _ := schema["pattern"].(string); strings.HasPrefix(pattern, "^20[0-9]{2}-(0[1-9]|1[0-2])-") {
		return s.moment()
	}
	panic(fmt.Sprintf("no random text for the pattern %v: teach this test", schema["pattern"]))
}

// moment is on the 2nd to 8th or 12th to 18th of its month: no change of one character makes a day of these that only the
// schema takes, such as the 30th of February.
func (s source) moment() string {
	return fmt.Sprintf("20%02d-%02d-%d%dT%02d:%02d:%02d.%06dZ",
		s.IntN(100), 1+s.IntN(12), s.IntN(2), 2+s.IntN(7), s.IntN(24), s.IntN(60), s.IntN(60), s.IntN(1_000_000))
}

// valid makes documents until one fits the rule between members too, if there is one.
func (s source) valid(accepted func(any) bool) any {
	for {
		if doc := s.value(s.root); s.root["if"] == nil || accepted(doc) {
			return doc
		}
	}
}

// slot is one place in a document that the schema knows.
type slot struct {
	schema document
	value  any
	set    func(any)
	drop   func() // nil where nothing is missing without it
}

// slots lists all places of the document, the whole of it first.
func (s source) slots(doc *any) []slot {
	list := []slot{{schema: s.root, value: *doc, set: func(v any) { *doc = v }}}
	for i := 0; i < len(list); i++ {
		switch holder := list[i].value.(type) {
		case document:
			for _, name := range slices.Sorted(maps.Keys(holder)) {
				member := slot{
					schema: s.resolve(list[i].schema["properties"].(document)[name]),
					value:  holder[name],
					set:    func(v any) { holder[name] = v },
				}
				// Where a rule between members says which of them must be there, those that need not be are of the rule.
				if slices.Contains(list[i].schema["required"].([]any), any(name)) || s.root["if"] != nil {
					member.drop = func() { delete(holder, name) }
				}
				list = append(list, member)
			}
		case []any:
			for j := range holder {
				list = append(list, slot{schema: s.resolve(list[i].schema["items"]), value: holder[j], set: func(v any) { holder[j] = v }})
			}
		}
	}
	return list
}

// pick chooses one of the places that fit.
func (s source) pick(doc *any, fits func(slot) bool) slot {
	list := slices.DeleteFunc(s.slots(doc), func(place slot) bool { return !fits(place) })
	return list[s.IntN(len(list))]
}

// junk is JSON of any form. Its numbers are integers or have a fraction, never both ("1.0"): see the $comment of
// the schemas. Its names and values are often those of facts, so that it comes near to being one.
func (s source) junk(depth int) any {
	kinds := 9
	if depth == 0 {
		kinds = 7
	}
	switch s.IntN(kinds) {
	case 0:
		return nil
	case 1:
		return s.IntN(2) == 0
	case 2:
		return s.text(anything, 0, 5)
	case 3:
		return s.text(idLetter, 0, 66)
	case 4:
		return s.IntN(200) - 50
	case 5:
		return float64(s.IntN(100)) + 0.5
	case 6:
		return json.Number([]string{"1e400", "-1e400", "99999999999999999999", "-0", "1e-7"}[s.IntN(5)])
	case 7:
		list := make([]any, s.IntN(4))
		for i := range list {
			list[i] = s.junk(depth - 1)
		}
		return list
	default:
		return s.junkObject(depth)
	}
}

func (s source) junkObject(depth int) document {
	doc := document{}
	names := slices.Sorted(maps.Keys(s.root["properties"].(document)))
	for range s.IntN(len(names) + 2) {
		name := names[s.IntN(len(names))]
		if s.IntN(4) == 0 {
			name = s.text(anything, 0, 5)
		}
		doc[name] = s.junk(depth - 1)
	}
	return doc
}
