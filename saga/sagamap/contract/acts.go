package contract

import (
	"fmt"
	"reflect"
	"slices"

	"tiffin/saga"
)

// compareJoins finds joins by which sagas in flight would not end as they were to. An act remembers the types of the facts that
// its group's joins have asked for, and nothing else; and a join runs upon a fact that it asks for.
func (c *comparison) compareJoins(before, after *Group) {
	joins := func(g *Group) (out []Reaction, facts []string) {
		for _, r := range g.Reactions {
			if r.Awaits != nil {
				out, facts = append(out, r), append(facts, r.Awaits.leaves()...)
			}
		}
		return out, facts
	}
	old, remembered := joins(before)
	now, _ := joins(after)
	counterpart := func(r Reaction, in []Reaction) *Reaction {
		for _, same := range []func(Reaction) bool{
			func(o Reaction) bool { return o.Name == r.Name },
			func(o Reaction) bool { return reflect.DeepEqual(o.Awaits, r.Awaits) },
		} {
			if i := slices.IndexFunc(in, same); i >= 0 {
				return &in[i]
			}
		}
		return nil
	}
	for _, r := range old {
		where := after.Name + "." + r.Name
		other := counterpart(r, now)
		if other == nil {
			c.add(Breaking, "join-gone", where, "the join is gone",
				fmt.Sprintf("Acts in flight that have heard some of what it asked for come to no end by it: nobody says %s.", list(saidBy(r))),
				"Leave it until no act in flight can come to it.")
			continue
		}
		c.compareCondition(where, *r.Awaits, *other.Awaits, remembered)
	}
	for _, r := range now {
		if counterpart(r, old) == nil {
			forgotten := less(r.Awaits.leaves(), remembered)
			if len(forgotten) == 0 {
				c.add(Fine, "join-new", after.Name+"."+r.Name, "the join is new", "Acts in flight remember all that it asks for; it runs upon the next of those facts.", "")
				continue
			}
			c.add(Careful, "join-new", after.Name+"."+r.Name, "the join is new",
				fmt.Sprintf("Acts in flight do not remember having heard %s: for them it holds only once that is said after the deployment.", list(forgotten)), "")
		}
	}
}

func (c *comparison) compareCondition(where string, old, now Condition, remembered []string) {
	if reflect.DeepEqual(old, now) {
		return
	}
	leaves := now.leaves()
	for _, way := range old.ways() {
		switch unheard := less(way, leaves); {
		case !now.holds(way):
			c.add(Breaking, "join-stricter", where, fmt.Sprintf("it held by %s, and that is not enough now", list(way)),
				"Sagas in flight that were to end so wait for more, which may have been said already, or may never be.",
				"Keep the old way beside the new one until no saga in flight needs it.")
			return
		case len(unheard) > 0:
			c.add(Breaking, "join-deaf", where, fmt.Sprintf("it does not ask for %s any more", list(unheard)),
				"Acts in flight that have heard all but that would have ended upon it, and now nothing makes them look: they end when they hear another fact that the join asks for, or never.",
				"Keep asking for it, beside the rest, until no act in flight waits for it.")
			return
		}
	}
	if forgotten := less(leaves, remembered); len(forgotten) > 0 {
		c.add(Careful, "join-wider", where, fmt.Sprintf("it also holds in ways that ask for %s", list(forgotten)),
			"Acts in flight do not remember having heard that before the deployment.", "")
		return
	}
	c.add(Fine, "join-wider", where, "it holds in other ways too, or is written in another way", "What was enough for sagas in flight still is.", "")
}

// less are those of some facts that are not among others.
func less(facts, others []string) (out []string) {
	for _, f := range facts {
		if !slices.Contains(others, f) && !slices.Contains(out, f) {
			out = append(out, f)
		}
	}
	return out
}

func saidBy(r Reaction) (facts []string) {
	for _, s := range r.Says {
		facts = append(facts, s.Fact)
	}
	return facts
}

// compareEffects finds effects that are not performed any more. A request that waits in its table knows the effect by its name.
func (c *comparison) compareEffects(before, after *Group) {
	find := func(g *Group, name string) *Effect {
		if i := slices.IndexFunc(g.Effects, func(e Effect) bool { return e.Name == name }); i >= 0 {
			return &g.Effects[i]
		}
		return nil
	}
	for _, e := range before.Effects {
		where, now := after.Name+"."+e.Name, find(after, e.Name)
		switch {
		case now == nil:
			c.add(Breaking, "effect-gone", where, "nobody performs the effect any more",
				"Requests that wait for it are kept by that name, and can't be performed; what was to follow from them never does.",
				fmt.Sprintf("Keep the name, and leave it until none waits: select count(*) from %s.effects where effect = '%s' is 0.", quoted(after.Name), e.Name))
			continue
		case now.Within != e.Within:
			c.add(Fine, "effect-time", where, fmt.Sprintf("it is tried for %s, and was for %s", now.Within, e.Within), "What has been requested keeps the time that it has.", "")
		}
		for _, role := range []saga.Role{saga.RolePerformed, saga.RoleNotPerformed} {
			reacts := func(g *Group) bool {
				return slices.ContainsFunc(g.Reactions, func(r Reaction) bool { return r.Effect == e.Name && r.Role == role })
			}
			if reacts(before) && !reacts(after) {
				c.add(Breaking, "outcome-gone", where, fmt.Sprintf("nobody minds any more that it was %s", role),
					"Requests in flight come to that outcome, and nothing follows from it.", "Leave the reaction until no request waits.")
			}
		}
	}
	for _, e := range after.Effects {
		if find(before, e.Name) == nil {
			c.add(Fine, "effect-new", after.Name+"."+e.Name, "the effect is new", "Nothing in flight has requested it.", "")
		}
	}
	c.compareMeanings(before, after)
}

// compareMeanings finds reactions of the same name that mean something else for the act.
func (c *comparison) compareMeanings(before, after *Group) {
	for _, r := range after.Reactions {
		at := slices.IndexFunc(before.Reactions, func(o Reaction) bool { return o.Name == r.Name && o.Role == r.Role })
		if at < 0 {
			continue
		}
		old, where := before.Reactions[at], after.Name+"."+r.Name
		if old.EvenIfNothing && !r.EvenIfNothing {
			c.add(Breaking, "verdict-gone", where, "it says nothing any more when there is nothing to undo",
				fmt.Sprintf("Who waits for its verdict on a saga that this group has no part in yet gets none: nobody says %s then.", list(saidBy(r))),
				"Leave saga.EvenIfNothing, or let nobody depend on the verdict.")
		}
		if old.Closes != r.Closes {
			c.add(Careful, "meaning-changed", where, fmt.Sprintf("after it an act is %s", open(!r.Closes)),
				fmt.Sprintf("Acts in flight that went through it before are %s, and stay so.", open(!old.Closes)), "")
		}
		for _, s := range r.Says {
			for _, was := range old.Says {
				if was.Fact == s.Fact && (was.Fails != s.Fails || was.Closes != s.Closes || was.Ends != s.Ends) {
					c.add(Careful, "meaning-changed", where, fmt.Sprintf("with %s %s, and before %s", s.Fact, s.meaning(), was.meaning()),
						"Acts in flight for which it has been said are as it meant then, and others become as it means now.", "")
				}
			}
		}
	}
}

func open(is bool) string {
	if is {
		return "still open"
	}
	return "past undoing"
}

// meaning is what saying a fact means for the act.
func (s Said) meaning() string {
	switch {
	case s.Ends:
		return "the saga ends"
	case s.Fails:
		return "the act is refused"
	case s.Closes:
		return "the act is past undoing"
	}
	return "the act goes on"
}

// compareTables finds columns that rows in flight have otherwise.
func (c *comparison) compareTables(before, after *Group) {
	find := func(g *Group, name string) *Table {
		if i := slices.IndexFunc(g.Tables, func(t Table) bool { return t.Name == name }); i >= 0 {
			return &g.Tables[i]
		}
		return nil
	}
	for _, t := range before.Tables {
		where, now := after.Name+"."+t.Name, find(after, t.Name)
		switch {
		case now == nil && t.Act: // told of with the acts
		case now == nil:
			c.add(Careful, "table-gone", where, "the group declares the table no more", "What is in it is neither read nor changed any more.", "Drop it in a migration of a later version, or an older process fails.")
		case now.Journal != t.Journal:
			c.add(Breaking, "table-kind", where, "it was a journal and is a table of documents, or the other way round", "A journal has a primary key of its own, and a table of documents has its first column: rows can't be added as they were.", "Take another name for it.")
		default:
			c.compareColumns(where, t, *now)
		}
	}
	for _, t := range after.Tables {
		if find(before, t.Name) == nil && !t.Act {
			c.add(Fine, "table-new", after.Name+"."+t.Name, "the table is new", "Sagas in flight have nothing in it.", "")
		}
	}
}

func (c *comparison) compareColumns(where string, old, now Table) {
	if old.Columns[0].Name != now.Columns[0].Name && !now.Journal {
		c.add(Breaking, "key-column", where, fmt.Sprintf("its key is %s, and was %s", now.Columns[0].Name, old.Columns[0].Name),
			"Documents in flight are looked for by another column, and are not found.", "Rename the column in a migration while the group is stopped.")
		old.Columns, now.Columns = old.Columns[1:], now.Columns[1:]
	}
	for _, col := range old.Columns {
		at := slices.IndexFunc(now.Columns, func(o Column) bool { return o.Name == col.Name })
		switch {
		case at < 0:
			c.add(Careful, "column-gone", where+"."+col.Name, "the group declares the column no more",
				"What is in it is not read any more. New rows are inserted without it, which fails if it is not null and has no default.",
				"Give it a default in a migration now, and drop it in one of a later version, or an older process fails.")
		case now.Columns[at].Type != col.Type:
			c.add(Breaking, "column-type", where+"."+col.Name, fmt.Sprintf("it is %s, and was %s", now.Columns[at].Type, col.Type),
				"Rows in flight hold the old type: the new version can't read or write them, or, once they are migrated, the old one can't.",
				"Take a new column beside it, or migrate it while the group is stopped.")
		}
	}
	for _, col := range now.Columns {
		if slices.ContainsFunc(old.Columns, func(o Column) bool { return o.Name == col.Name }) {
			continue
		}
		if old.Journal {
			c.add(Fine, "column-new", where+"."+col.Name, "the column is new", "Rows that are there have its default.", "Add it in a migration, with a default.")
		} else {
			c.add(Careful, "column-new", where+"."+col.Name, "the column is new", "Documents in flight have its default, whatever has happened to them.", "Add it in a migration, with a default that reactions can do with.")
		}
	}
}
