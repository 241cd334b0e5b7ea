package saga_test

import (
	"strings"
	"testing"

	"tiffin/saga"
)

// Vote is a document that only its voter may ask for: "1/paper" is 1's.
type Vote struct {
	ID string
	N  int
}

// Poll is a sum of parts.
type Poll struct {
	Name string
	Part int
	N    int
}

var (
	votes = saga.In("votes", func(v *Vote) saga.Columns { return saga.Columns{{Name: "id", At: &v.ID}, {Name: "n", At: &v.N}} }).
		KeptBy(func(id string) string { voter, _, _ := strings.Cut(id, "/"); return voter })
	polls = saga.In("polls", func(p *Poll) saga.Columns {
		return saga.Columns{{Name: "name", At: &p.Name}, {Name: "part", At: &p.Part}, {Name: "n", At: &p.N}}
	}).Sharded(func(p *Poll) *int { return &p.Part })
)

// A document that is kept by one key is refused to the events of others, and what they have changed is taken back.
func TestWhatIsKeptByAKeyIsRefusedToOthers(t *testing.T) {
	for voter, want := range map[string]string{
		"1": "",
		"2": `asks for votes "2/paper" upon a fact with the key "1", and the table is declared to be kept by "2"`,
	} {
		g := saga.Define("polling", saga.Documents(votes, shelves), saga.On(func(e saga.Event[Asked]) []saga.Fact {
			shelves.Get(e, "s").Free++
			votes.Get(e, voter+"/paper").N++
			return nil
		}, saga.Uses(votes, shelves)))
		var w saga.Working
		w.Put(shelves, "s", &Shelf{"s", 1}, true)
		w.Put(votes, voter+"/paper", votes.New(voter+"/paper"), false)
		out := g.React(&w, hearing(Asked{work{"1"}}))
		dirty := w.Find(votes, voter+"/paper").Dirty
		if want == "" && (out.Err != nil || !dirty) {
			t.Errorf("voter %s: %v, changed %v", voter, out.Err, dirty)
		}
		if want != "" && (out.Err == nil || !strings.Contains(out.Err.Error(), want) || dirty || w.Find(shelves, "s").Dirty) {
			t.Errorf("voter %s: %v, changed %v", voter, out.Err, dirty)
		}
	}
}

// An act belongs to the events of its key: its lane alone changes it, without a lock, and may have it in memory.
func TestTheActOfAnotherKeyIsRefused(t *testing.T) {
	for key, want := range map[string]string{"1": "", "2": `asks for the act of "2" in jobs upon a fact with the key "1"`} {
		g := saga.Define("prying", saga.Documents(jobs, shelves), saga.On(func(e saga.Event[Asked]) []saga.Fact {
			shelves.Get(e, "s").Free += jobs.Get(e, key).Did
			return nil
		}, saga.Uses(jobs, shelves)))
		var w saga.Working
		w.Put(shelves, "s", &Shelf{"s", 1}, true)
		w.Put(jobs, key, &Job{ID: key, Did: 1}, true)
		out := g.React(&w, hearing(Asked{work{"1"}}))
		if want == "" && out.Err != nil || want != "" && (out.Err == nil || !strings.Contains(out.Err.Error(), want) || w.Find(shelves, "s").Dirty) {
			t.Errorf("key %s: %v", key, out.Err)
		}
	}
}

// Only tables whose rows several lanes change need a lock.
func TestWhatLanesShare(t *testing.T) {
	for table, want := range map[saga.AnyTable]bool{votes: true, polls: true, jobs: true, lines: true, shelves: false} {
		if got := saga.Unshared(table); got != want {
			t.Errorf("%s is unshared: %v", table.Name(), got)
		}
	}
	if got := saga.ShardColumn(polls) + saga.ShardColumn(votes) + saga.ShardColumn(lines); got != "part" {
		t.Errorf("the columns of shards are %s", got)
	}
}

// Only a group that shares nothing, and has shards, gets several loops.
func TestWhichGroupsAreParallel(t *testing.T) {
	for want, all := range map[bool][][]saga.AnyTable{
		true:  {{polls}, {votes, polls}, {jobs, polls, lines}},
		false: {nil, {votes}, {jobs, lines}, {polls, shelves}},
	} {
		for _, tables := range all {
			g := saga.Define("tally", saga.Documents(tables...))
			if g.Parallel() != want {
				t.Errorf("with %d tables, parallel: %v", len(tables), !want)
			}
		}
	}
}

func TestAShardNeedsAColumn(t *testing.T) {
	lacks := saga.In("polls", func(p *Poll) saga.Columns { return saga.Columns{{Name: "name", At: &p.Name}} }).
		Sharded(func(p *Poll) *int { return &p.Part })
	acts := saga.In("jobs", func(j *Job) saga.Columns { return saga.Columns{{Name: "id", At: &j.ID}, {Name: "did", At: &j.Did}} }).
		Sharded(func(j *Job) *int { return &j.Did })
	for want, table := range map[string]saga.AnyTable{
		"table polls is sharded, and its columns lack the shard": lacks,
		"table jobs keeps an act, which is one":                  acts,
	} {
		func() {
			defer func() {
				if thrown, _ := recover().(string); !strings.Contains(thrown, want) {
					t.Errorf("it panics with %q, want %q", thrown, want)
				}
			}()
			saga.Define("polling", saga.Documents(table))
		}()
	}
}
