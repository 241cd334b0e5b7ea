package saga_test

import (
	"slices"
	"testing"
	"time"

	"tiffin/saga"
)

// Book is a document with each sort of field that columns may keep, or not.
type Book struct {
	saga.Act
	Prices
	ID    string
	Small int32
	Since time.Time
	Tags  []string
	Cover struct {
		Title string
		Pages int
	}
	opened int
}

// Prices are embedded in a document.
type Prices struct{ Cents, Before int64 }

// cover writes two fields as one JSON.
type cover struct{ Title, Pages any }

// columnsOf are those of a book, without some and with others.
func columnsOf(b *Book, without string, more ...saga.Column) saga.Columns {
	all := saga.Columns{
		{"id", &b.ID},
		{"cents", &b.Cents},
		{"before", &b.Before},
		{"small", saga.JSON(&b.Small)},
		{"since", &b.Since},
		{"tags", saga.JSON(&b.Tags)},
		{"title", &b.Cover.Title},
		{"pages", &b.Cover.Pages},
	}
	b.opened++
	return append(slices.DeleteFunc(all, func(c saga.Column) bool { return c.Name == without }), more...)
}

// Columns that would lose something, or break upon the first event or at the first start, are refused with a sentence that says which.
func TestColumnsThatCannotKeepADocumentAreRefused(t *testing.T) {
	for _, tt := range []struct {
		name, want string
		columns    func(*Book) saga.Columns
	}{
		{"all kept", "", func(b *Book) saga.Columns { return columnsOf(b, "") }},
		{"a struct as one JSON", "", func(b *Book) saga.Columns {
			return slices.DeleteFunc(columnsOf(b, "title", saga.Column{"cover", saga.JSON(&b.Cover)}), func(c saga.Column) bool { return c.Name == "pages" })
		}},
		{"an embedded struct as one JSON", "", func(b *Book) saga.Columns {
			return slices.DeleteFunc(columnsOf(b, "cents", saga.Column{"prices", saga.JSON(&b.Prices)}), func(c saga.Column) bool { return c.Name == "before" })
		}},
		{"a JSON of what is no part of the document, so nobody knows what it keeps", "", func(b *Book) saga.Columns {
			return columnsOf(b, "title", saga.Column{"cover", saga.JSON(&cover{&b.Cover.Title, &b.Cover.Pages})})
		}},
		{"none", "has no columns: let the function of its saga.In name them, the key first", func(*Book) saga.Columns { return nil }},
		{"the key is not first", "begins with the column cents, a *int64: put the key first, a string", func(b *Book) saga.Columns { return columnsOf(b, "id", saga.Column{"id", &b.ID}) }},
		{"an int32", "has a column small that is a *int32: let it point at a string, int, int64, bool or time.Time, or make it a saga.JSON(&...)", func(b *Book) saga.Columns { return columnsOf(b, "small", saga.Column{"small", &b.Small}) }},
		{"a JSON that can't be read", "has a column tags that is a saga.JSON of a []string, into which nothing can be read: let it point at a string, int, int64, bool or time.Time, or make it a saga.JSON(&...)", func(b *Book) saga.Columns { return columnsOf(b, "tags", saga.Column{"tags", saga.JSON(b.Tags)}) }},
		{"one twice", "has two columns Cents: give each a name of its own", func(b *Book) saga.Columns { return columnsOf(b, "", saga.Column{"Cents", &b.Before}) }},
		{"one of the act's", "has a column state, as the library has one for each act: give it another name", func(b *Book) saga.Columns { return columnsOf(b, "", saga.Column{"state", &b.Cover.Title}) }},
		{"one of the lanes'", "has a column lane, as the library has one for each act: give it another name", func(b *Book) saga.Columns { return columnsOf(b, "", saga.Column{"lane", &b.Cover.Title}) }},
		{"a forgotten time", "has no column for Book.Since, which a restart would lose: add one, or begin its name with a small letter if it may be lost", func(b *Book) saga.Columns { return columnsOf(b, "since") }},
		{"a forgotten part of an embedded struct", "has no column for Book.Prices.Before, which a restart would lose: add one, or begin its name with a small letter if it may be lost", func(b *Book) saga.Columns { return columnsOf(b, "before") }},
		{"a forgotten part of a struct", "has no column for Book.Cover.Pages, which a restart would lose: add one, or begin its name with a small letter if it may be lost", func(b *Book) saga.Columns { return columnsOf(b, "pages") }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			want := tt.want
			if want != "" {
				want = "saga: group library: table books " + want
			}
			if got := panicOf(func() { saga.Define("library", saga.Documents(saga.In("books", tt.columns))) }); got != want {
				t.Errorf("panics with %q, want %q", got, want)
			}
		})
	}
	t.Run("a document without an act has its own state", func(t *testing.T) {
		states := saga.In("states", func(s *Line) saga.Columns { return saga.Columns{{"id", &s.JobID}, {"state", &s.Type}} })
		saga.Define("library", saga.Documents(states))
	})
	t.Run("a journal's rows have no key", func(t *testing.T) {
		counts := saga.JournalIn("counts", func(s *Shelf) saga.Columns { return saga.Columns{{"free", &s.Free}, {"id", &s.ID}} })
		saga.Define("library", saga.Documents(counts))
	})
	t.Run("but nothing of them is lost, either", func(t *testing.T) {
		counts := saga.JournalIn("counts", func(s *Shelf) saga.Columns { return saga.Columns{{"free", &s.Free}} })
		got := panicOf(func() { saga.Define("library", saga.Documents(counts)) })
		if want := "saga: group library: table counts has no column for Shelf.ID, which a restart would lose: add one, or begin its name with a small letter if it may be lost"; got != want {
			t.Errorf("panics with %q, want %q", got, want)
		}
	})
}
