package lane

import (
	"strings"
	"testing"
	"testing/fstest"

	"github.com/jackc/pgx/v5"

	"tiffin/internal/testservers"
	"tiffin/saga"
)

// A part is found by its whole key. By its shard alone, which is nearly always the same, a batch would read the whole table.
func TestPartsAreFoundByTheirKey(t *testing.T) {
	url := testservers.Postgres(t)
	g := saga.Define("tallying", saga.Documents(parts))
	tables := fstest.MapFS{"migrations/00001_init.sql": {Data: []byte(`-- +goose Up
		create table parts (name text, shard integer, count bigint not null, primary key (name, shard));`)}}
	if err := Migrate(t.Context(), url, "", g, tables); err != nil {
		t.Fatal(err)
	}
	s, err := connect(t.Context(), url, g, 12)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for statement, arguments := range map[string]string{
		"prepare load(text[], bigint[]) as " + s.sql[parts].load:               "load('{a}', '{3}')",
		"prepare change(text[], bigint[], bigint[]) as " + s.sql[parts].update: "change('{a}', '{3}', '{1}')",
	} {
		lines := explain(t, s, statement, arguments)
		plan := strings.Join(lines, "\n")
		found := false
		for _, line := range lines {
			found = found || strings.Contains(line, "Index Cond") && strings.Contains(line, "name =") && strings.Contains(line, "shard =")
		}
		if !found {
			t.Errorf("%s\n%s", statement, plan)
		}
	}
}

// Deadlines are looked for several times a second: by the index of those that wait, and each by the index of what is parked.
func TestDeadlinesAreFoundByTheirTime(t *testing.T) {
	url := testservers.Postgres(t)
	g := jobbers()
	tables := fstest.MapFS{"migrations/00001_init.sql": {Data: []byte(`-- +goose Up
		create table jobs (id text primary key, like act including all);
		create index on jobs (waits_until) where waits_until is not null;`)}}
	if err := Migrate(t.Context(), url, "", g, tables); err != nil {
		t.Fatal(err)
	}
	s, err := connect(t.Context(), url, g, 12)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	plan := strings.Join(explain(t, s, "prepare due(timestamptz, bigint[], bigint, text[], text[]) as "+dueSQL(g), "due(now(), '{1}', 500, '{x}', '{}')"), "\n")
	for _, part := range []string{"jobs_waits_until_idx", "Index Cond: (waits_until <= $1)", "parked_lane_key_position_idx", "Index Cond: ((lane = t.lane) AND (key = t.id))"} {
		if !strings.Contains(plan, part) {
			t.Errorf("the plan lacks %s:\n%s", part, plan)
		}
	}
}

func explain(t *testing.T, s *store, statement, arguments string) []string {
	t.Helper()
	if _, err := s.conn.Exec(t.Context(), statement); err != nil {
		t.Fatal(err)
	}
	rows, err := s.conn.Query(t.Context(), "explain execute "+arguments)
	if err != nil {
		t.Fatal(err)
	}
	lines, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	return lines
}
