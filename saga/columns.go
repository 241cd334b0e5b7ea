package saga

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"
)

// verifyColumns refuses columns in which no runtime could keep a document.
func (g *Group) verifyColumns(t AnyTable) {
	document := t.New("")
	columns := t.Columns(document)
	own := len(columns)
	var reserved []string
	if t.Act(document) != nil {
		reserved = append(ActColumns(), "lane") // which package lane adds
		own -= len(ActColumns())
	}
	columns = columns[:own]
	if own == 0 {
		g.wrong("table %s has no columns: let the function of its saga.In name them, the key first", t.Name())
	}
	if _, text := columns[0].At.(*string); !text && !t.Appends() {
		g.wrong("table %s begins with the column %s, a %T: put the key first, a string", t.Name(), columns[0].Name, columns[0].At)
	}
	for i, c := range columns {
		same := func(name string) bool { return strings.EqualFold(name, c.Name) } // as PostgreSQL takes them
		switch {
		case !canKeep(c.At):
			g.wrong("table %s has a column %s that %s: let it point at a string, int, int64, bool or time.Time, or make it a saga.JSON(&...)", t.Name(), c.Name, kindOf(c.At))
		case slices.ContainsFunc(reserved, same):
			g.wrong("table %s has a column %s, as the library has one for each act: give it another name", t.Name(), c.Name)
		case slices.ContainsFunc(columns[:i], func(other Column) bool { return same(other.Name) }):
			g.wrong("table %s has two columns %s: give each a name of its own", t.Name(), c.Name)
		}
	}
}

// verifyFields refuses a document with a field that no column keeps: it would last as long as the document stays in memory, and be
// gone after a restart.
func (g *Group) verifyFields(t AnyTable) {
	document := t.New("")
	v := reflect.ValueOf(document).Elem()
	if v.Kind() != reflect.Struct {
		return
	}
	if kept, all := keptBy(t.Columns(document), spanOf(v)); all {
		if field := unkept(v, kept); field != "" {
			g.wrong("table %s has no column for %s.%s, which a restart would lose: add one, or begin its name with a small letter if it may be lost", t.Name(), v.Type().Name(), field)
		}
	}
}

// canKeep says whether a column may point at this: whether it can be saved, and read into.
func canKeep(at any) bool {
	switch at.(type) {
	case *string, *int, *int64, *bool, *time.Time, JSONColumn:
		v := reflect.ValueOf(target(at))
		return v.Kind() == reflect.Pointer && !v.IsNil()
	}
	return false
}

// target is what a column points at.
func target(at any) any {
	if j, ok := at.(JSONColumn); ok {
		return j.V
	}
	return at
}

func kindOf(at any) string {
	if j, ok := at.(JSONColumn); ok {
		return fmt.Sprintf("is a saga.JSON of a %T, into which nothing can be read", j.V)
	}
	return fmt.Sprintf("is a %T", at)
}

// span is a piece of memory.
type span struct{ from, to uintptr }

func spanOf(v reflect.Value) span { return span{v.UnsafeAddr(), v.UnsafeAddr() + v.Type().Size()} }

func (s span) holds(other span) bool { return s.from <= other.from && other.to <= s.to }

// keptBy is where in a document its columns keep something; false if one points elsewhere, so that nobody can know what it keeps: a
// type that writes several fields as one JSON, say.
func keptBy(columns Columns, document span) (kept []span, all bool) {
	for _, c := range columns {
		s := spanOf(reflect.ValueOf(target(c.At)).Elem())
		if !document.holds(s) {
			return nil, false
		}
		kept = append(kept, s)
	}
	return kept, true
}

// unkept is an exported field of a struct of which no column keeps all; "" if there is none. Others are the author's own affair.
func unkept(v reflect.Value, kept []span) string {
	for i := range v.NumField() {
		f, is := v.Field(i), v.Type().Field(i)
		where := spanOf(f)
		inside := func(s span) bool { return where.holds(s) }
		switch {
		case is.Type == reflect.TypeFor[Act]() && is.Anonymous, !is.IsExported() && !is.Anonymous,
			slices.ContainsFunc(kept, func(s span) bool { return s.holds(where) }):
		case f.Kind() == reflect.Struct && (is.Anonymous || slices.ContainsFunc(kept, inside)):
			if field := unkept(f, kept); field != "" {
				return is.Name + "." + field
			}
		case is.IsExported():
			return is.Name
		}
	}
	return ""
}
