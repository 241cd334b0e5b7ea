// Package pure declares reactions that are pure, although they look otherwise to who does not look closely.
package pure

import (
	"context"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"tiffin/saga"
	"tiffin/saga/sagapure/testdata/helper"
)

type fact struct{ ID string }

func (fact) EventType() string { return "fact" }
func (fact) Topic() string     { return "facts" }
func (f fact) Key() string     { return f.ID }

type doc struct {
	saga.Act
	ID, At string
	N      int
	Tags   map[string]int
}

var (
	docs   = saga.In("docs", func(d *doc) saga.Columns { return saga.Columns{{Name: "id", At: &d.ID}} })
	mail   = saga.EffectOf[string]("mail")
	limits = map[string]int{"a": 1}
)

type judge struct {
	limit int
	names []string
}

func group(extra int) *saga.Group {
	j := judge{limit: extra}
	return saga.Define("pure", saga.Documents(docs),
		saga.Does(j.score, saga.Refuses(late[fact]), saga.Says[fact]()),
		saga.Then(func(d *doc, e saga.Event[fact]) []saga.Fact {
			total := extra
			add := func(n int) { total += n }
			add(limits[d.ID])
			d.N = total
			return nil
		}),
		saga.On(read),
		saga.Mirrors(docs, func(context.Context, []doc) error { _, err := os.Stat("/"); return err }),
		saga.Performs(mail, time.Hour, func(context.Context, string, string) error { fmt.Println(time.Now()); return nil }, saga.Performed(sent)),
	)
}

// score changes its own copy of j, its document, and what it has made.
func (j judge) score(d *doc, e saga.Event[fact]) []saga.Fact {
	j.limit++
	j.names = append(slices.Clone(j.names), d.ID)
	d.N, d.At = helper.Double(d.N), e.Time.Add(time.Hour).UTC().Format(time.RFC3339)
	d.Tags[d.ID]++
	made := map[string]int{}
	made[d.ID]++
	p := &made
	(*p)[d.ID]++
	for _, k := range slices.Sorted(maps.Keys(d.Tags)) {
		d.At += k
	}
	return saga.Say(fact{uuid.NewSHA1(uuid.NameSpaceOID, []byte(d.ID)).String()})
}

func late[F saga.Fact](d *doc, _ saga.Event[F]) []saga.Fact {
	var b strings.Builder
	fmt.Fprintf(&b, "%s is late", d.ID)
	return saga.Say(fact{b.String()})
}

func read(e saga.Event[fact]) []saga.Fact {
	docs.Get(e, e.Fact.ID).N++
	return nil
}

func sent(string, saga.Cause) []saga.Fact { return nil }

var _ = group
