package contracts_test

import (
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// texts64 are at and around the limits of most texts.
var texts64 = []string{"a", "A-1_z", strings.Repeat("a", 64), strings.Repeat("a", 65), "é", "a b", "@escrow", "a.b", "1a"}

// changes are all ways in which a value can differ in one place from one that is allowed; the schema gives the limits. Some
// are allowed as well.
func (c *contract) changes(value, schema any) (all []any) {
	all = c.variants(value, schema)
	rules, _ := resolved(c.document, schema).(map[string]any)
	switch v := value.(type) {
	case map[string]any:
		for _, name := range slices.Sorted(maps.Keys(v)) {
			rest := maps.Clone(v)
			delete(rest, name)
			all = append(all, rest)
			for _, changed := range c.changes(v[name], at(rules, "properties", name)) {
				with := maps.Clone(v)
				with[name] = changed
				all = append(all, with)
			}
		}
		more := maps.Clone(v)
		more["price"] = json.Number("1")
		all = append(all, more)
	case []any:
		for i, element := range v {
			for _, changed := range c.changes(element, rules["items"]) {
				with := slices.Clone(v)
				with[i] = changed
				all = append(all, with)
			}
		}
	}
	return all
}

// variants are other values of all kinds, and those at and beyond the schema's limits.
func (c *contract) variants(value, schema any) []any {
	rules, _ := resolved(c.document, schema).(map[string]any)
	all := []any{nil, true, "text", json.Number("3"), json.Number("2.5"), json.Number("-1"), json.Number("0"), []any{}, map[string]any{}}
	limit := func(name string, make func(int64) any) {
		if text, ok := rules[name].(json.Number); ok {
			n, err := text.Int64()
			if err != nil {
				c.Fatal(err)
			}
			all = append(all, make(n-1), make(n), make(n+1))
		}
	}
	number := func(n int64) any { return json.Number(strconv.FormatInt(n, 10)) }
	text := func(n int64) any { return strings.Repeat("é", int(max(n, 0))) }
	limit("minimum", number)
	limit("maximum", number)
	limit("minLength", text)
	limit("maxLength", text)
	switch v := value.(type) {
	case string:
		for _, other := range texts64 {
			all = append(all, other)
		}
	case []any:
		list := func(n int64) any { return copies(v[0], int(max(n, 0))) }
		limit("minItems", list)
		limit("maxItems", list)
	}
	return all
}

// copies are so many of an element, no two with the same texts.
func copies(of any, n int) []any {
	list := make([]any, n)
	for i := range list {
		list[i] = of
		if object, ok := of.(map[string]any); ok {
			with := maps.Clone(object)
			for name, member := range object {
				if _, isText := member.(string); isText {
					with[name] = "n" + strconv.Itoa(i)
				}
			}
			list[i] = with
		}
	}
	return list
}
