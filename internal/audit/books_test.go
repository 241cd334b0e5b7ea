package audit

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"tiffin/internal/simworld"
	"tiffin/saga"
	"tiffin/saga/lane"
)

// kept is what the groups keep in a real database, for the simulator's books.
type kept struct {
	t      *testing.T
	tx     pgx.Tx
	groups []*saga.Group
}

func (k kept) Documents(group, table string) []any {
	k.t.Helper()
	i := slices.IndexFunc(k.groups, func(g *saga.Group) bool { return g.Name() == group })
	j := slices.IndexFunc(k.groups[i].Tables(), func(t saga.AnyTable) bool { return t.Name() == table })
	t := k.groups[i].Tables()[j]
	var names []string
	for _, c := range t.Columns(t.New("")) {
		names = append(names, c.Name)
	}
	rows, err := k.tx.Query(k.t.Context(), "select "+strings.Join(names, ", ")+" from "+pgx.Identifier{group, table}.Sanitize()+" order by 1")
	if err != nil {
		k.t.Fatal(err)
	}
	documents, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (any, error) {
		d := t.New("")
		return d, lane.Scan(row, t.Columns(d))
	})
	if err != nil {
		k.t.Fatal(err)
	}
	return documents
}

func (k kept) Lanes(group string) []lane.Row {
	rows, err := k.tx.Query(k.t.Context(), "select lane, gaps from "+pgx.Identifier{group, "lanes"}.Sanitize()+" order by 1")
	if err != nil {
		k.t.Fatal(err)
	}
	lanes, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (r lane.Row, err error) {
		return r, row.Scan(&r.Number, &r.Gaps)
	})
	if err != nil {
		k.t.Fatal(err)
	}
	return lanes
}

func (k kept) Parked(group string) []lane.ParkedEvent {
	rows, err := k.tx.Query(k.t.Context(), "select key, reason from "+pgx.Identifier{group, "parked"}.Sanitize()+" order by position")
	if err != nil {
		k.t.Fatal(err)
	}
	parked, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (p lane.ParkedEvent, err error) {
		return p, row.Scan(&p.Key, &p.Reason)
	})
	if err != nil {
		k.t.Fatal(err)
	}
	return parked
}

// movementID is what only the database knows.
var movementID = regexp.MustCompile(`^movement \d+ of`)

// same holds the simulator's judge to the audit: of the same database, both must say the same, in the same words.
func (p *product) same(t *testing.T, tx pgx.Tx, report Report) {
	t.Helper()
	books := simworld.NewBooks(p.cfg.Groups, kept{t, tx, p.cfg.Groups}, report.At, p.cfg.Grace)
	says := map[string][]string{}
	for _, f := range books.Wrong() {
		says[f.Rule] = append(says[f.Rule], f.What)
	}
	for _, c := range report.Checks {
		if c.Verdict == Skipped || c.Name == "outboxes" || c.Name == "lag" || c.Name == "places" {
			continue
		}
		var audited []string
		for _, e := range c.Examples {
			audited = append(audited, movementID.ReplaceAllString(e, "movement of"))
		}
		judged := says[c.Name]
		slices.Sort(audited)
		slices.Sort(judged)
		if int(c.Found) <= maxExamples && !slices.Equal(audited, judged) {
			t.Errorf("%s: the audit says %s\nand the simulator's books %s", c.Name, fmt.Sprintf("%q", audited), fmt.Sprintf("%q", judged))
		}
		delete(says, c.Name)
	}
	if len(says) > 0 {
		t.Errorf("the simulator's books say, and the audit does not: %v", says)
	}
}
