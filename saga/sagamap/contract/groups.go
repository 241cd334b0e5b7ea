package contract

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"tiffin/saga"
)

// compareGroups finds groups that are new or gone.
func (c *comparison) compareGroups() {
	for _, name := range slices.Sorted(maps.Keys(c.after.groups)) {
		if c.before.groups[name] == nil {
			c.newGroup(c.after.groups[name])
		}
	}
	for _, name := range slices.Sorted(maps.Keys(c.before.groups)) {
		if c.after.groups[name] != nil {
			continue
		}
		g := c.before.groups[name]
		if t := g.act(); t != nil {
			c.add(Breaking, "group-gone", name, "the group is gone",
				"Its acts that are open stay as they are: nobody undoes them, answers them or ends them any more, and no deadline of theirs passes.",
				fmt.Sprintf("Let it run until none is open (select count(*) from %s where state = 'done' is 0 while nothing new begins), then remove it and drop its schema.", g.table(t)))
		} else {
			c.add(Careful, "group-gone", name, "the group is gone", "Its tables stay as they are from then on, and its parked events are not handled.",
				"Redrive or discard what it has parked first (tiffin parked list), then drop its schema and its topic of dead letters.")
		}
	}
}

func (c *comparison) newGroup(g *Group) {
	topics := slices.Sorted(maps.Keys(c.after.topics(g)))
	means := fmt.Sprintf("It begins with the oldest facts that are kept on %s, so it hears of sagas that were over long ago.", list(topics))
	if g.act() != nil {
		means += fmt.Sprintf(" A do upon a fact of a saga that is older than %s says its refusal, if it has one, and acts otherwise.", g.Life)
	}
	var heard []string
	for _, r := range g.Reactions {
		for _, s := range r.Says {
			if others := minded(c.after.hears[s.Fact]); len(others) > 0 && !slices.Contains(heard, s.Fact) {
				heard = append(heard, s.Fact)
			}
		}
	}
	if heard != nil {
		means += fmt.Sprintf(" Of each of these it may say %s, and others hear that.", list(heard))
	}
	c.add(Careful, "group-new", g.Name, "the group is new", means,
		"See that what it does upon old facts does no harm, or deploy it while its topics hold none.")
}

// compareTopics finds topics that a group begins to read, or reads no more.
func (c *comparison) compareTopics(before, after *Group) {
	old, now := c.before.topics(before), c.after.topics(after)
	for _, topic := range slices.Sorted(maps.Keys(now)) {
		if old[topic] == nil {
			c.add(Careful, "topic-new", after.Name, fmt.Sprintf("it reads %s, which it did not", topic),
				fmt.Sprintf("Its lanes read that topic from its beginning: it hears %s also of sagas that are over. An undo that it hears so leaves a mark that bars an act.", list(now[topic])),
				"See that what it does upon old facts does no harm.")
		}
	}
	for _, topic := range slices.Sorted(maps.Keys(old)) {
		if now[topic] == nil {
			c.add(Fine, "topic-gone", after.Name, fmt.Sprintf("it reads %s no more", topic),
				"Its place in that topic is kept: if it reads it again, it goes on from there.", "")
		}
	}
}

// compareActs finds changes of what holds for all acts of a group.
func (c *comparison) compareActs(before, after *Group) {
	name, old, now := after.Name, before.act(), after.act()
	switch {
	case old == nil && now == nil:
		return
	case old == nil:
		c.add(Careful, "act-new", name, "it keeps acts now, and did not", "Sagas in flight have none: whatever goes on from an act, or undoes it, finds nothing done.", "See that the group can do without, for sagas that have begun.")
		return
	case now == nil || old.Name != now.Name:
		c.add(Breaking, "act-gone", name, fmt.Sprintf("its acts were in %s, and are no more", old.Name),
			"All acts in flight are left behind: nobody undoes, answers or ends them.",
			"Keep the table, or move its rows in a migration while the group is stopped.")
		return
	}
	pivots := func(g *Group) (names []string) {
		for _, r := range g.Reactions {
			if r.Pivots {
				names = append(names, r.Name)
			}
		}
		return names
	}
	was, is := pivots(before), pivots(after)
	switch {
	case was != nil && is == nil:
		c.add(Breaking, "pivot-gone", name, fmt.Sprintf("%s pivots no more, and nothing else does", list(was)),
			"Acts that are past it have that in their row: an undo finds them past their pivot, has nothing to say to that, and is parked.",
			fmt.Sprintf("Make them undoable while the group is stopped, if they are: update %s set pivoted = false where state = 'done'.", after.table(now)))
	case is != nil && !slices.Equal(was, is):
		c.add(Careful, "pivot-moved", name, fmt.Sprintf("its pivot is %s, and was %s", list(is), strings.Replace(list(was), "nobody", "nothing", 1)),
			"Acts keep what is in their row: those that went through the new one before can be undone, and those past the old one can't.", "")
	}
	switch longer(after.Life, before.Life) {
	case -1:
		c.add(Careful, "life-shorter", name, fmt.Sprintf("its sagas may live %s, and could live %s", after.Life, before.Life),
			"What comes later in a saga in flight than that is refused, and the marks of undos that came first are forgotten earlier.", "")
	case 1:
		c.add(Fine, "life-longer", name, fmt.Sprintf("its sagas may live %s, and could live %s", after.Life, before.Life), "Late dos that were refused are done.", "")
	}
}

// compareWaits finds changes of what acts wait for. An act in flight knows its wait by the name of its Else.
func (c *comparison) compareWaits(before, after *Group) {
	t := after.act()
	if before.act() == nil || t == nil {
		return
	}
	old, now := before.waits(), after.waits()
	find := func(in []wait, name string) int {
		return slices.IndexFunc(in, func(w wait) bool { return w.name == name })
	}
	for i, w := range old {
		if find(now, w.name) >= 0 {
			continue
		}
		what := fmt.Sprintf("the wait that ends with %s is gone", w.name)
		if i < len(now) && find(old, now[i].name) < 0 {
			what += fmt.Sprintf("; one that ends with %s is in its place: renamed?", now[i].name)
		}
		c.add(Breaking, "wait-gone", after.Name+"."+w.name, what,
			"Acts in flight wait by that name: for them no deadline passes any more, and every answer is dropped.",
			fmt.Sprintf("Keep the name; or give them the new one while the group is stopped: update %s set waiting = 'NAME' where waiting = '%s'.", after.table(t), w.name))
	}
	for i, w := range now {
		where := after.Name + "." + w.name
		at := find(old, w.name)
		if at < 0 {
			c.newWait(after, w, where, i+1 < len(now), slices.ContainsFunc(old, func(o wait) bool { return find(now, o.name) < 0 }))
			continue
		}
		if w.within != old[at].within {
			c.add(Fine, "wait-time", where, fmt.Sprintf("it waits %s, and waited %s", w.within, old[at].within),
				"Acts that wait already keep the deadline that they have; new ones get the new one.", "")
		}
		c.compareAnswers(after, old[at], w, where)
	}
	common := func(in, other []wait) (names []string) {
		for _, w := range in {
			if find(other, w.name) >= 0 {
				names = append(names, w.name)
			}
		}
		return names
	}
	if was, is := common(old, now), common(now, old); !slices.Equal(was, is) {
		c.add(Careful, "wait-order", after.Name, fmt.Sprintf("its waits follow one another as %s, and did as %s", list(is), list(was)),
			"An act in flight goes on from the wait that it is in to the one that follows now: it may wait twice for one, or never for another.", "")
	}
}

// newWait is a wait that was not there. Acts in flight come to it only from an earlier one.
func (c *comparison) newWait(g *Group, w wait, where string, followed, renamed bool) {
	switch {
	case renamed: // that one has been told of
		c.add(Careful, "wait-new", where, "the wait is new", "Acts in flight that are past the waits before it are never in it: its answers are dropped for them.", "")
	case followed:
		c.add(Careful, "wait-new", where, "the wait is new", "Acts that are in a later wait by now are never in it.", "")
	default:
		c.add(Breaking, "wait-new", where, "the wait is new, and nothing follows it",
			fmt.Sprintf("Acts in flight that wait for nothing by now are never in it: for them no deadline passes, and %s is dropped.", list(w.answers)),
			fmt.Sprintf("Let them wait too while the group is stopped, those that should: update %s set waiting = '%s', waits_until = now() + interval '%s' where state = 'done' and waiting = ''.", g.table(g.act()), w.name, w.within))
	}
}

// compareAnswers finds answers that a wait has no more.
func (c *comparison) compareAnswers(after *Group, old, now wait, where string) {
	for _, fact := range old.answers {
		if slices.Contains(now.answers, fact) {
			continue
		}
		what := fmt.Sprintf("%s does not answer it any more", fact)
		heard := after.hearers(fact)
		switch {
		case slices.ContainsFunc(heard, func(r Reaction) bool { return r.Role == saga.RoleThen && r.Wait == "" }):
			c.add(Breaking, "wait-answer-gone", where, what,
				fmt.Sprintf("The act goes on upon it and still waits: when the time is over, %s runs as well.", now.name),
				"Keep the answer within the wait.")
		case len(c.after.says[fact]) > 0:
			c.add(Breaking, "wait-answer-gone", where, what,
				fmt.Sprintf("It is still said: acts in flight drop it, and end as if nobody had answered, with %s.", now.name),
				"Keep the answer until who says it says it no more, and no act waits for it.")
		default:
			c.add(Careful, "wait-answer-gone", where, what,
				fmt.Sprintf("Those that are on the topic already are dropped, and their acts end with %s.", now.name),
				"Deploy who said it first, and this group once it has heard what was said.")
		}
	}
	for _, fact := range now.answers {
		if !slices.Contains(old.answers, fact) {
			c.add(Fine, "wait-answer-new", where, fmt.Sprintf("%s answers it", fact), "Acts that wait already take it too.", "")
		}
	}
}
