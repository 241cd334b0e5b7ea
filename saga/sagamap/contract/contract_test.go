package contract_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"tiffin/saga"
	"tiffin/saga/sagamap/contract"
)

// paidSchema is the schema of money.paid; no other fact has one.
const paidSchema = `{
  "$schema": "https://json-schema.org/draft/2020-12/schema", "title": "money.paid", "description": "Somebody has paid.",
  "type": "object",
  "required": ["id", "amount"],
  "properties": {
    "id": {"$ref": "#/$defs/id"},
    "amount": {"$ref": "#/$defs/money"},
    "description": {"description": "A member that is named like a keyword.", "type": "string", "maxLength": 10},
    "how": {"enum": ["cash", "card"]},
    "tags": {"type": "array", "items": {"$ref": "#/$defs/id"}}
  },
  "if": {"required": ["how"]},
  "$defs": {
    "id": {"description": "An id.", "type": "string", "pattern": "^[a-z]+$"},
    "money": {"type": "object", "required": ["cents"], "properties": {"cents": {"type": "integer", "minimum": 1}, "currency": {"type": "string"}}}
  }
}`

func declared(t *testing.T, groups ...*saga.Group) contract.Declaration {
	t.Helper()
	d, err := contract.Of(func(eventType string) []byte {
		if eventType == "money.paid" {
			return []byte(paidSchema)
		}
		return nil
	}, groups...)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// After a change that is meant: TIFFIN_UPDATE=1 go test ./saga/sagamap/contract
func TestADeclarationIsWrittenDown(t *testing.T) {
	got, err := declared(t, shop()...).JSON()
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "shop.json", string(got))
	reversed := shop()
	slices.Reverse(reversed)
	if again, err := declared(t, reversed...).JSON(); err != nil || string(again) != string(got) {
		t.Errorf("in another order of groups it is written otherwise (%v):\n%s", err, again)
	}
	read, err := contract.Parse(got)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := read.JSON(); err != nil || string(again) != string(got) {
		t.Errorf("what was read is written otherwise (%v):\n%s", err, again)
	}
}

func golden(t *testing.T, file, got string) {
	t.Helper()
	file = filepath.Join("testdata", file)
	if os.Getenv("TIFFIN_UPDATE") != "" {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if want, err := os.ReadFile(file); err != nil || string(want) != got {
		t.Errorf("%s (%v) is not what there is:\n%s", file, err, got)
	}
}

func TestWhatIsNoDeclarationIsRefused(t *testing.T) {
	for data, want := range map[string]string{
		"":                            "no exported choreography",
		"[]":                          "no exported choreography",
		"{}":                          "version 0",
		`{"version": 2}`:              "version 2, and only those up to 1",
		`{"version": 1, "groups": 3}`: "no exported choreography",
	} {
		if _, err := contract.Parse([]byte(data)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", data, err, want)
		}
	}
	if _, err := contract.Of(func(string) []byte { return []byte("{") }, shop()...); err == nil || !strings.Contains(err.Error(), "the JSON Schema of money.paid") {
		t.Errorf("a schema that is none: %v", err)
	}
}

// edit changes a declaration.
type edit func(*contract.Declaration)

// group finds a group to be changed.
func group(d *contract.Declaration, name string) *contract.Group {
	for _, groups := range [][]contract.Group{d.Groups, d.Outside} {
		for i := range groups {
			if groups[i].Name == name {
				return &groups[i]
			}
		}
	}
	panic("no group " + name)
}

func reaction(d *contract.Declaration, name string) *contract.Reaction {
	groupName, reactionName, _ := strings.Cut(name, ".")
	g := group(d, groupName)
	for i := range g.Reactions {
		if g.Reactions[i].Name == reactionName {
			return &g.Reactions[i]
		}
	}
	panic("no reaction " + name)
}

// change edits a reaction.
func change(name string, how func(*contract.Reaction)) edit {
	return func(d *contract.Declaration) { how(reaction(d, name)) }
}

func changeGroup(name string, how func(*contract.Group)) edit {
	return func(d *contract.Declaration) { how(group(d, name)) }
}

// without takes a reaction away.
func without(name string) edit {
	return func(d *contract.Declaration) {
		groupName, reactionName, _ := strings.Cut(name, ".")
		g := group(d, groupName)
		g.Reactions = slices.DeleteFunc(g.Reactions, func(r contract.Reaction) bool { return r.Name == reactionName })
	}
}

func with(groupName string, r contract.Reaction) edit {
	return func(d *contract.Declaration) {
		group(d, groupName).Reactions = append(group(d, groupName).Reactions, r)
	}
}

// deaf takes a fact from what a reaction hears.
func deaf(name, fact string) edit {
	return change(name, func(r *contract.Reaction) {
		r.Hears = slices.DeleteFunc(r.Hears, func(f string) bool { return f == fact })
	})
}

// silent takes a fact from what a reaction says.
func silent(name, fact string) edit {
	return change(name, func(r *contract.Reaction) {
		r.Says = slices.DeleteFunc(r.Says, func(s contract.Said) bool { return s.Fact == fact })
	})
}

// unknown takes a fact from the declaration's list.
func unknown(fact string) edit {
	return func(d *contract.Declaration) {
		d.Facts = slices.DeleteFunc(d.Facts, func(f contract.Fact) bool { return f.Type == fact })
	}
}

func onTopic(fact, topic string) edit {
	return func(d *contract.Declaration) {
		for i := range d.Facts {
			if d.Facts[i].Type == fact {
				d.Facts[i].Topic = topic
			}
		}
	}
}

// schema changes the text of money.paid's schema.
func schema(old, replacement string) edit {
	return func(d *contract.Declaration) {
		for i := range d.Facts {
			if d.Facts[i].Type == "money.paid" {
				text := string(d.Facts[i].Schema)
				if !strings.Contains(text, old) {
					panic("no " + old + " in " + text)
				}
				d.Facts[i].Schema = []byte(strings.Replace(text, old, replacement, 1))
			}
		}
	}
}

func all(edits ...edit) edit {
	return func(d *contract.Declaration) {
		for _, e := range edits {
			e(d)
		}
	}
}

// awaits gives office's join another condition.
func awaits(c contract.Condition) edit {
	return change("office.end", func(r *contract.Reaction) {
		r.Awaits, r.Hears = &c, nil
		var hear func(contract.Condition)
		hear = func(c contract.Condition) {
			if c.Fact != "" {
				r.Hears = append(r.Hears, c.Fact)
			}
			for _, part := range slices.Concat(c.All, c.Any) {
				hear(part)
			}
		}
		hear(c)
	})
}

func heard(facts ...string) (parts []contract.Condition) {
	for _, f := range facts {
		parts = append(parts, contract.Condition{Fact: f})
	}
	return parts
}

func nothing(*contract.Declaration) {}

// cases are pairs of declarations: the shop's, with an edit before and one after, and all that is to be found.
var cases = []struct {
	name          string
	before, after edit
	want          []string // "severity rule where"
}{
	{"nothing", nothing, nothing, nil},
	{"a function is renamed, which is stored nowhere", nothing, change("bank.pay", func(r *contract.Reaction) { r.Name = "charge" }), nil},

	{
		"a group is new", func(d *contract.Declaration) { d.Groups = d.Groups[1:] }, nothing,
		[]string{"careful group-new bank"},
	},
	{
		"a group with acts is gone", nothing, func(d *contract.Declaration) { d.Groups = d.Groups[:2] },
		[]string{"breaking fact-unheard cancellation.requested", "breaking fact-unheard money.paid", "breaking group-gone ware-house", "breaking fact-unsaid parcel.packed", "careful fact-unsaid cancellation.refused"},
	},
	{"a group without acts is gone", func(d *contract.Declaration) {
		d.Groups = append(d.Groups, contract.Group{Name: "counter", Reactions: []contract.Reaction{{Name: "count", Role: saga.RoleOn, Hears: []string{"order.done"}}}})
	}, nothing, []string{"breaking fact-unheard order.done", "careful group-gone counter"}},

	{"nobody hears a fact any more", nothing, without("ware-house.pack"), []string{
		"breaking fact-unheard money.paid", "breaking fact-unsaid parcel.packed", "breaking pivot-gone ware-house",
	}},
	{
		"nobody hears a fact, which is declared", nothing, all(deaf("ware-house.pack", "money.paid"),
			change("bank.pay", func(r *contract.Reaction) { r.Says[0].Final = true })),
		[]string{"careful fact-unheard money.paid"},
	},
	{"a fact is not said any more", nothing, silent("bank.pay", "money.paid"), []string{"breaking fact-unsaid money.paid"}},
	{"a fact is not said that is only written down", nothing, silent("ware-house.takeBack", "cancellation.refused"), []string{"careful fact-unsaid cancellation.refused"}},
	{
		"an undo's cause is not said any more", nothing, all(silent("ware-house.giveUp", "parcel.lost"), silent("carrier.fetch", "parcel.lost")),
		[]string{"breaking fact-unsaid parcel.lost"},
	},
	{
		"a fact is gone", nothing, all(silent("bank.pay", "money.paid"), without("ware-house.pack"), deaf("office.write", "money.paid"), unknown("money.paid")),
		[]string{"breaking fact-unsaid parcel.packed", "breaking pivot-gone ware-house", "careful fact-gone money.paid"},
	},
	{"a fact is gone that nobody heard", nothing, all(silent("office.sent", "letter.sent"), unknown("letter.sent")), []string{"fine fact-gone letter.sent"}},
	{"a fact is new", unknown("letter.sent"), nothing, []string{"fine fact-new letter.sent"}},
	{"a fact is said elsewhere", nothing, onTopic("money.refunded", "orders"), []string{"careful fact-moved money.refunded"}},
	{
		"a fact is said elsewhere, and who hears it reads no other there", nothing, onTopic("cancellation.requested", "money"),
		[]string{"breaking fact-moved cancellation.requested", "fine topic-gone ware-house"},
	},
	{"somebody else says a fact", nothing, all(silent("ware-house.pack", "parcel.packed"), with("bank", contract.Reaction{
		Name: "pack", Role: saga.RoleThen, Hears: []string{"goods.ordered"}, Says: []contract.Said{{Fact: "parcel.packed"}},
	})), []string{"careful fact-other-speaker parcel.packed", "careful hears-more bank"}},

	{
		"a group reads a topic more", nothing, with("bank", contract.Reaction{Name: "note", Role: saga.RoleOn, Hears: []string{"letter.sent"}}),
		[]string{"careful topic-new bank"},
	},
	{
		"a group reads a topic less", with("bank", contract.Reaction{Name: "note", Role: saga.RoleOn, Hears: []string{"letter.sent"}}), nothing,
		[]string{"careful fact-unheard letter.sent", "fine topic-gone bank"},
	},
	{
		"a group hears more", nothing, all(change("bank.refund", func(r *contract.Reaction) { r.Hears = append(r.Hears, "cancellation.requested") }),
			with("bank", contract.Reaction{Name: "note", Role: saga.RoleOn, Hears: []string{"order.done"}})),
		[]string{"careful hears-more bank", "fine hears-more bank"},
	},
	{"an undo hears a fact no more", nothing, deaf("bank.refund", "parcel.lost"), []string{"breaking undo-gone bank"}},
	{
		"nobody undoes, or hears, upon a fact any more", nothing, all(deaf("bank.refund", "parcel.lost"), without("ware-house.search")),
		[]string{"breaking fact-unheard parcel.lost", "breaking undo-gone bank", "breaking wait-answer-gone ware-house.giveUp"},
	},
	{
		"an undo becomes a step", nothing, change("bank.refund", func(r *contract.Reaction) { r.Role = saga.RoleThen }),
		[]string{"breaking undo-gone bank", "careful hears-more bank"},
	},
	{"a do is gone", nothing, without("bank.pay"), []string{
		"breaking does-gone bank", "breaking fact-unsaid money.paid", "breaking fact-unsaid money.refused", "fine topic-gone bank",
	}},
	{"a step is gone", nothing, without("bank.settle"), []string{"breaking then-gone bank"}},
	{
		"a step only counts", nothing, all(without("bank.settle"), with("bank", contract.Reaction{Name: "settle", Role: saga.RoleOn, Hears: []string{"parcel.fetched"}})),
		[]string{"breaking then-gone bank", "fine hears-more bank"},
	},
	{"a line of the journal is gone", nothing, deaf("office.write", "money.paid"), []string{"careful hears-less office"}},

	{"a wait is renamed", nothing, func(d *contract.Declaration) {
		for i := range group(d, "ware-house").Reactions {
			if r := &group(d, "ware-house").Reactions[i]; r.Wait != "" {
				r.Wait = "abandon"
			}
		}
		reaction(d, "ware-house.giveUp").Name = "abandon"
	}, []string{"breaking wait-gone ware-house.giveUp", "careful wait-new ware-house.abandon"}},
	{"a wait has another time", nothing, func(d *contract.Declaration) {
		for i := range group(d, "ware-house").Reactions {
			if r := &group(d, "ware-house").Reactions[i]; r.Wait != "" {
				r.Within = "2h"
			}
		}
	}, []string{"fine wait-time ware-house.giveUp"}},
	{
		"a wait is new, at the end", nothing, all(with("ware-house", contract.Reaction{Name: "search", Role: saga.RoleThen, Hears: []string{"order.done"}, Wait: "forget", Within: "1h"}),
			with("ware-house", contract.Reaction{Name: "forget", Role: saga.RoleElse, Wait: "forget", Within: "1h"})),
		[]string{"breaking wait-new ware-house.forget"},
	},
	{"a wait is new, before another", nothing, changeGroup("ware-house", func(g *contract.Group) {
		g.Reactions = slices.Insert(g.Reactions, 0, contract.Reaction{Name: "hesitate", Role: saga.RoleElse, Wait: "hesitate", Within: "1s"})
	}), []string{"careful wait-new ware-house.hesitate"}},
	{
		"waits change places", with("ware-house", contract.Reaction{Name: "forget", Role: saga.RoleElse, Wait: "forget", Within: "1h"}),
		changeGroup("ware-house", func(g *contract.Group) {
			g.Reactions = slices.Insert(g.Reactions, 0, contract.Reaction{Name: "forget", Role: saga.RoleElse, Wait: "forget", Within: "1h"})
		}),
		[]string{"careful wait-order ware-house"},
	},
	{"an answer is gone that is still said", nothing, without("ware-house.handOver"), []string{"breaking wait-answer-gone ware-house.giveUp"}},
	{
		"an answer is gone that is said no more", nothing, all(without("ware-house.search"), without("bank.refund"), silent("carrier.fetch", "parcel.lost"),
			silent("ware-house.giveUp", "parcel.lost"), unknown("parcel.lost")),
		[]string{"breaking fact-unsaid money.refunded", "careful fact-gone parcel.lost", "careful wait-answer-gone ware-house.giveUp"},
	},
	{
		"an answer has left its wait", nothing, change("ware-house.handOver", func(r *contract.Reaction) { r.Wait, r.Within = "", "" }),
		[]string{"breaking wait-answer-gone ware-house.giveUp"},
	},
	{"an answer is new", without("ware-house.handOver"), nothing, []string{"fine wait-answer-new ware-house.giveUp"}},

	{"acts are kept elsewhere", nothing, changeGroup("ware-house", func(g *contract.Group) { g.Tables[0].Name = "boxes" }), []string{"breaking act-gone ware-house"}},
	{"acts are new", all(changeGroup("bank", func(g *contract.Group) { g.Tables[0].Act = false })), nothing, []string{"careful act-new bank"}},
	{"the pivot is another", nothing, all(change("ware-house.pack", func(r *contract.Reaction) { r.Pivots = false }),
		change("ware-house.handOver", func(r *contract.Reaction) { r.Pivots = true })), []string{"careful pivot-moved ware-house"}},
	{"a saga lives shorter", nothing, changeGroup("bank", func(g *contract.Group) { g.Life = "1h" }), []string{"careful life-shorter bank"}},
	{"a saga lives longer", nothing, changeGroup("bank", func(g *contract.Group) { g.Life = "48h" }), []string{"fine life-longer bank"}},
	{"a judge is silent", nothing, change("ware-house.takeBack", func(r *contract.Reaction) { r.EvenIfNothing = false }), []string{"breaking verdict-gone ware-house.takeBack"}},
	{
		"a reaction closes no more, and a refusal is none", nothing, all(change("bank.settle", func(r *contract.Reaction) { r.Closes = false }),
			change("bank.pay", func(r *contract.Reaction) { r.Says[1].Fails = false })),
		[]string{"careful meaning-changed bank.pay", "careful meaning-changed bank.settle"},
	},

	{"a join is gone", nothing, without("office.end"), []string{
		"breaking join-gone office.end", "breaking fact-unheard money.refused",
	}},
	{
		"a join needs more", nothing, awaits(contract.Condition{All: append(heard("goods.ordered", "parcel.packed"), contract.Condition{Any: heard("parcel.fetched", "money.refused", "money.refunded")})}),
		[]string{"breaking join-stricter office.end"},
	},
	{"a join needs less", nothing, awaits(contract.Condition{Any: heard("parcel.fetched", "money.refused", "money.refunded")}), []string{"breaking join-deaf office.end"}},
	{
		"a join holds in one more way", nothing, awaits(contract.Condition{All: append(heard("goods.ordered"), contract.Condition{Any: heard("parcel.fetched", "money.refused", "money.refunded", "parcel.lost")})}),
		[]string{"careful join-wider office.end"},
	},
	{
		"a join is written in another way", nothing, awaits(contract.Condition{All: append(heard("goods.ordered"), contract.Condition{Any: heard("money.refunded", "parcel.fetched", "money.refused")})}),
		[]string{"fine join-wider office.end"},
	},
	{
		"a join is new", nothing, with("office", contract.Reaction{Name: "see", Role: saga.RoleOnce, Hears: []string{"parcel.lost", "parcel.packed"}, Awaits: &contract.Condition{All: heard("parcel.lost", "parcel.packed")}}),
		[]string{"careful join-new office.see"},
	},
	{
		"a join is new, of what is remembered", nothing, with("office", contract.Reaction{Name: "see", Role: saga.RoleOnce, Hears: []string{"goods.ordered", "parcel.fetched"}, Awaits: &contract.Condition{All: heard("goods.ordered", "parcel.fetched")}}),
		[]string{"fine join-new office.see"},
	},

	{
		"an effect is gone", nothing, all(changeGroup("office", func(g *contract.Group) { g.Effects = nil }), without("office.sent"), without("office.unsent"), unknown("letter.sent"), unknown("letter.failed")),
		[]string{"breaking effect-gone office.letter", "fine fact-gone letter.failed", "fine fact-gone letter.sent"},
	},
	{"an effect has another time", nothing, changeGroup("office", func(g *contract.Group) { g.Effects[0].Within = "5m" }), []string{"fine effect-time office.letter"}},
	{"an effect is new", changeGroup("office", func(g *contract.Group) { g.Effects = nil }), nothing, []string{"fine effect-new office.letter"}},
	{"an outcome is minded no more", nothing, without("office.unsent"), []string{"breaking outcome-gone office.letter"}},

	{"a table is gone", nothing, changeGroup("ware-house", func(g *contract.Group) { g.Tables = g.Tables[:1] }), []string{"careful table-gone ware-house.shelves"}},
	{"a table is new", changeGroup("ware-house", func(g *contract.Group) { g.Tables = g.Tables[:1] }), nothing, []string{"fine table-new ware-house.shelves"}},
	{"a journal is a table", nothing, changeGroup("office", func(g *contract.Group) { g.Tables[1].Journal = false }), []string{"breaking table-kind office.entries"}},
	{"a key is another", nothing, changeGroup("bank", func(g *contract.Group) { g.Tables[0].Columns[0].Name = "payment_id" }), []string{"breaking key-column bank.payments"}},
	{"a column is gone", nothing, changeGroup("bank", func(g *contract.Group) { g.Tables[0].Columns = g.Tables[0].Columns[:4] }), []string{"careful column-gone bank.payments.details"}},
	{"a column is of another type", nothing, changeGroup("bank", func(g *contract.Group) { g.Tables[0].Columns[1].Type = "text" }), []string{"breaking column-type bank.payments.cents"}},
	{
		"columns are new", all(changeGroup("bank", func(g *contract.Group) { g.Tables[0].Columns = g.Tables[0].Columns[:4] }),
			changeGroup("office", func(g *contract.Group) { g.Tables[1].Columns = g.Tables[1].Columns[:1] })), nothing,
		[]string{"careful column-new bank.payments.details", "fine column-new office.entries.what"},
	},

	{"a definition has another name", nothing, all(schema(`"$ref":"#/$defs/money"`, `"$ref":"#/$defs/price"`), schema(`"money":{`, `"price":{`)), nil},
	{"a schema has a new member", schema(`"how":{"enum":["cash","card"]},`, ``), nothing, []string{"fine schema-member-new money.paid"}},
	{"a schema has a new member that is required", all(schema(`"id":{"$ref":"#/$defs/id"},`, ``), schema(`["id","amount"]`, `["amount"]`)), nothing, []string{"breaking schema-member-required money.paid"}},
	{"a member is required that was optional", nothing, schema(`["id","amount"]`, `["id","amount","how"]`), []string{"breaking schema-member-required money.paid"}},
	{"a member is optional that was required", nothing, schema(`["id","amount"]`, `["id"]`), []string{"careful schema-looser money.paid"}},
	{"a required member is gone", nothing, all(schema(`"id":{"$ref":"#/$defs/id"},`, ``), schema(`["id","amount"]`, `["amount"]`)), []string{"breaking schema-member-gone money.paid"}},
	{"an optional member is gone", nothing, schema(`"how":{"enum":["cash","card"]},`, ``), []string{"careful schema-member-gone money.paid"}},
	{"a member deep within is gone", nothing, schema(`,"currency":{"type":"string"}`, ``), []string{"careful schema-member-gone money.paid"}},
	{"a member deep within is stricter", nothing, schema(`"minimum":1`, `"minimum":10`), []string{"breaking schema-stricter money.paid"}},
	{"a member is looser", nothing, schema(`"minimum":1`, `"minimum":0`), []string{"careful schema-looser money.paid"}},
	{"a longest length is shorter", nothing, schema(`"maxLength":10`, `"maxLength":9`), []string{"breaking schema-stricter money.paid"}},
	{"a longest length is longer", nothing, schema(`"maxLength":10`, `"maxLength":11`), []string{"careful schema-looser money.paid"}},
	{"a limit is gone", nothing, schema(`"maxLength":10,`, ``), []string{"careful schema-looser money.paid"}},
	{"a limit is new", schema(`"maxLength":10,`, ``), nothing, []string{"breaking schema-stricter money.paid"}},
	{"a choice is gone", nothing, schema(`["cash","card"]`, `["card"]`), []string{"breaking schema-stricter money.paid"}},
	{"a choice is new", nothing, schema(`["cash","card"]`, `["card","cash","gold"]`), []string{"careful schema-looser money.paid"}},
	{"a choice is another", nothing, schema(`["cash","card"]`, `["card","gold"]`), []string{"breaking schema-stricter money.paid"}},
	{"a type is another", nothing, schema(`"type":"integer"`, `"type":"string"`), []string{"breaking schema-type money.paid"}},
	{"a type is wider", nothing, schema(`"type":"integer"`, `"type":"number"`), []string{"careful schema-looser money.paid"}},
	{"a type is narrower", schema(`"type":"integer"`, `"type":["integer","null"]`), nothing, []string{"breaking schema-stricter money.paid"}},
	{
		"elements of a list are others", nothing, schema(`"items":{"$ref":"#/$defs/id"}`, `"items":{"type":"integer"}`),
		[]string{"breaking schema-type money.paid", "careful schema-looser money.paid"},
	},
	{"elements of a list have a schema", schema(`"items":{"$ref":"#/$defs/id"},`, ``), nothing, []string{"breaking schema-stricter money.paid"}},
	{"a definition is used twice", nothing, schema(`^[a-z]+$`, `^[a-z]*$`), []string{"careful schema-other money.paid", "careful schema-other money.paid"}},
	{"a rule that can't be weighed", nothing, schema(`{"required":["how"]}`, `{"required":["tags"]}`), []string{"careful schema-other money.paid"}},
	{"a member is forbidden", nothing, schema(`"how":{"enum":["cash","card"]}`, `"how":false`), []string{"careful schema-other money.paid"}},
	{"a schema is lost", nothing, func(d *contract.Declaration) {
		for i := range d.Facts {
			d.Facts[i].Schema = nil
		}
	}, nil},
	{"a schema is broken", nothing, func(d *contract.Declaration) {
		for i := range d.Facts {
			d.Facts[i].Schema = []byte("{")
		}
	}, []string{"careful schema-unread money.paid"}},
}

func TestChangesMean(t *testing.T) {
	seen := map[string]bool{}
	for _, test := range cases {
		t.Run(test.name, func(t *testing.T) {
			before, after := declared(t, shop()...), declared(t, shop()...)
			test.before(&before)
			test.after(&after)
			var got []string
			for _, c := range contract.Compare(before, after) {
				got = append(got, fmt.Sprintf("%s %s %s", c.Severity, c.Rule, c.Where))
				seen[c.Rule] = true
				if c.What == "" || c.Means == "" || c.Severity == contract.Breaking && c.Do == "" {
					t.Errorf("it does not say all: %+v", c)
				}
			}
			slices.Sort(got)
			want := slices.Sorted(slices.Values(test.want))
			if !slices.Equal(got, want) {
				t.Errorf("found\n  %s\nwant\n  %s", strings.Join(got, "\n  "), strings.Join(want, "\n  "))
			}
		})
	}
	for _, rule := range rules(t) {
		if !seen[rule] {
			t.Errorf("no case has a change of the kind %s", rule)
		}
	}
}

// rules are the kinds of changes that the code knows.
func rules(t *testing.T) (found []string) {
	t.Helper()
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		code, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile(`\.add\((?:Breaking|Careful|Fine), "([a-z-]+)"`).FindAllStringSubmatch(string(code), -1) {
			found = append(found, m[1])
		}
	}
	if len(found) < 40 {
		t.Fatalf("only %d kinds of changes are to be found in the code", len(found))
	}
	return found
}

func TestChangesReadWell(t *testing.T) {
	before, after := declared(t, shop()...), declared(t, shop()...)
	all(without("ware-house.search"), deaf("bank.refund", "parcel.lost"), schema(`["id","amount"]`, `["id","amount","how"]`),
		changeGroup("bank", func(g *contract.Group) { g.Life = "1h" }), changeGroup("office", func(g *contract.Group) { g.Effects[0].Within = "5m" }))(&after)
	changes := contract.Compare(before, after)
	golden(t, "changes.txt", contract.Text(changes))
	golden(t, "unchanged.txt", contract.Text(nil))
	if !contract.Broken(changes) || contract.Broken(changes[4:]) {
		t.Errorf("what is breaking is not told from what is not: %+v", changes)
	}
}
