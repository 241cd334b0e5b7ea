// Package contract writes down what a choreography declares, and says what a change of it means for the sagas that are in flight
// while it is deployed.
//
// A saga lives for minutes or hours, in rows and on topics, and a new version of a group finds it half done: an act that waits
// by the name of a deadline, a join that remembers what it has heard, an effect that was requested, a fact that was said and not yet
// heard. [Of] makes a [Declaration] of the groups as they are, which is kept as JSON where every version of the code has it;
// [Compare] reads two of them, and has a sentence for each difference: what it does to what is in flight, and what to do about it.
//
// What a declaration does not show can't be compared: see [NotSeen].
package contract

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"tiffin/saga"
)

// Version is that of the JSON. A later one is not read.
const Version = 1

// Declaration is all that a choreography declares.
type Declaration struct {
	Version int     `json:"version"`
	Groups  []Group `json:"groups"`  // by name
	Outside []Group `json:"outside"` // who speaks from outside, by name
	Facts   []Fact  `json:"facts"`   // all that anybody hears or says, by type
}

// Group is what one group declares, or somebody outside.
type Group struct {
	Name      string     `json:"name"`
	Life      string     `json:"life,omitzero"` // the longest that a saga lives
	Tables    []Table    `json:"tables,omitempty"`
	Effects   []Effect   `json:"effects,omitempty"`
	Reactions []Reaction `json:"reactions"` // as declared: waits follow one another
}

// Table is a table of documents, or a journal.
type Table struct {
	Name    string   `json:"name"`
	Journal bool     `json:"journal,omitzero"`
	Act     bool     `json:"act,omitzero"` // it keeps the group's acts
	Columns []Column `json:"columns"`      // without those of the act; the first is the key
}

// Column is a column, and its type in PostgreSQL.
type Column struct {
	Name string `json:"name"`
	Type string `json:"type"`
}

// Effect is an effect that a group performs.
type Effect struct {
	Name   string `json:"name"`
	Within string `json:"within"`
}

// Reaction is one reaction.
type Reaction struct {
	Name          string     `json:"name"`
	Role          saga.Role  `json:"role"`
	Hears         []string   `json:"hears,omitempty"`
	Awaits        *Condition `json:"awaits,omitzero"`
	Says          []Said     `json:"says,omitempty"`
	Uses          []string   `json:"uses,omitempty"`
	Requests      []string   `json:"requests,omitempty"`
	Effect        string     `json:"effect,omitzero"`
	Wait          string     `json:"wait,omitzero"`
	Within        string     `json:"within,omitzero"`
	Pivots        bool       `json:"pivots,omitzero"`
	Closes        bool       `json:"closes,omitzero"`
	EvenIfNothing bool       `json:"evenIfNothing,omitzero"`
	Silently      bool       `json:"silently,omitzero"`
	Optional      bool       `json:"optional,omitzero"`
	TooLate       string     `json:"tooLate,omitzero"`
	Refuses       string     `json:"refuses,omitzero"`
}

// Said is a fact that a reaction may say.
type Said struct {
	Fact   string `json:"fact"`
	Fails  bool   `json:"fails,omitzero"`
	Closes bool   `json:"closes,omitzero"`
	Ends   bool   `json:"ends,omitzero"`
	Final  bool   `json:"final,omitzero"` // nobody needs to hear it
}

// Condition is what a join waits for: one fact, all of some conditions, or any of some.
type Condition struct {
	Fact string      `json:"fact,omitzero"`
	All  []Condition `json:"all,omitempty"`
	Any  []Condition `json:"any,omitempty"`
}

// Fact is a kind of fact.
type Fact struct {
	Type   string         `json:"type"`
	Topic  string         `json:"topic"`
	Schema jsontext.Value `json:"schema,omitempty"` // its JSON Schema, without what is there for people
}

// Of writes down what these groups declare, and who speaks from outside. The JSON Schema of a fact is asked for by its type; nil
// stands for none.
func Of(schema func(eventType string) []byte, groups ...*saga.Group) (Declaration, error) {
	d := Declaration{Version: Version}
	facts := map[string]Fact{}
	var faults []error
	note := func(f saga.FactType) {
		if _, known := facts[f.Type]; known {
			return
		}
		kept, err := stripped(schema(f.Type))
		if err != nil {
			faults = append(faults, fmt.Errorf("the JSON Schema of %s: %w", f.Type, err))
		}
		facts[f.Type] = Fact{f.Type, f.Topic, kept}
	}
	for _, g := range groups {
		for _, r := range g.Reactions() {
			for _, f := range r.Hears {
				note(f)
			}
			for _, s := range r.Says {
				note(s.FactType)
			}
		}
		if g.Outside() {
			d.Outside = append(d.Outside, groupOf(g))
		} else {
			d.Groups = append(d.Groups, groupOf(g))
		}
	}
	for _, f := range facts {
		d.Facts = append(d.Facts, f)
	}
	byName := func(a, b Group) int { return strings.Compare(a.Name, b.Name) }
	slices.SortStableFunc(d.Groups, byName)
	slices.SortStableFunc(d.Outside, byName)
	slices.SortFunc(d.Facts, func(a, b Fact) int { return strings.Compare(a.Type, b.Type) })
	return d, errors.Join(faults...)
}

func groupOf(g *saga.Group) Group {
	out := Group{Name: g.Name()}
	if !g.Outside() {
		out.Life = saga.Duration(g.Longest())
	}
	for i, t := range g.Tables() {
		out.Tables = append(out.Tables, tableOf(t, i == 0 && g.HasAct()))
	}
	for _, e := range g.Effects() {
		out.Effects = append(out.Effects, Effect{e, saga.Duration(g.Within(e))})
	}
	for _, r := range g.Reactions() {
		out.Reactions = append(out.Reactions, reactionOf(r))
	}
	return out
}

func tableOf(t saga.AnyTable, act bool) Table {
	document := t.New("")
	columns := t.Columns(document)
	if t.Act(document) != nil {
		columns = columns[:len(columns)-len(saga.ActColumns())]
	}
	out := Table{Name: t.Name(), Journal: t.Appends(), Act: act}
	for _, c := range columns {
		out.Columns = append(out.Columns, Column{c.Name, typeOf(c)})
	}
	return out
}

func typeOf(c saga.Column) string {
	switch c.At.(type) {
	case *string:
		return "text"
	case *int, *int64:
		return "bigint"
	case *bool:
		return "boolean"
	case *time.Time:
		return "timestamptz"
	case saga.JSONColumn:
		return "jsonb"
	}
	return fmt.Sprintf("%T", c.At)
}

func reactionOf(r saga.Reaction) Reaction {
	out := Reaction{
		Name: r.Name, Role: r.Role, Uses: r.Uses, Requests: r.Requests, Effect: r.Effect, Wait: r.Wait,
		Pivots: r.Pivots, Closes: r.Closes, EvenIfNothing: r.EvenIfNothing, Silently: r.Silently, Optional: r.Optional,
		TooLate: r.TooLateName, Refuses: r.RefusesName,
	}
	if r.Within > 0 {
		out.Within = saga.Duration(r.Within)
	}
	for _, f := range r.Hears {
		out.Hears = append(out.Hears, f.Type)
	}
	for _, s := range r.Says {
		out.Says = append(out.Says, Said{s.Type, s.Fails, s.Closes, s.Ends, s.Final})
	}
	if r.Condition != nil {
		c := conditionOf(*r.Condition)
		out.Awaits = &c
	}
	return out
}

func conditionOf(c saga.Condition) Condition {
	fact, anyOf, of := c.Parts()
	if fact.Type != "" {
		return Condition{Fact: fact.Type}
	}
	var parts []Condition
	for _, part := range of {
		parts = append(parts, conditionOf(part))
	}
	if anyOf {
		return Condition{Any: parts}
	}
	return Condition{All: parts}
}

// JSON is the declaration as it is kept: the same bytes whenever the same is declared.
func (d Declaration) JSON() ([]byte, error) {
	out, err := json.Marshal(d, jsontext.WithIndent("  "), json.Deterministic(true))
	return append(out, '\n'), err
}

// Parse reads a declaration from its JSON.
func Parse(data []byte) (Declaration, error) {
	var version struct {
		Version int `json:"version"`
	}
	if err := json.Unmarshal(data, &version); err != nil {
		return Declaration{}, fmt.Errorf("this is no exported choreography: %w", err)
	}
	if version.Version < 1 || version.Version > Version {
		return Declaration{}, fmt.Errorf("this is an exported choreography of version %d, and only those up to %d can be read: use the command that wrote it, or a later one", version.Version, Version)
	}
	var d Declaration
	if err := json.Unmarshal(data, &d); err != nil {
		return Declaration{}, fmt.Errorf("this is no exported choreography: %w", err)
	}
	return d, nil
}
