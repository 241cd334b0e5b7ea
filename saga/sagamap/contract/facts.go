package contract

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"tiffin/saga"
)

// compareFacts finds facts that have nobody who says or hears them any more, or that go another way.
func (c *comparison) compareFacts() {
	types := maps.Clone(c.before.facts)
	maps.Copy(types, c.after.facts)
	for _, fact := range slices.Sorted(maps.Keys(types)) {
		was, old := c.before.facts[fact]
		is, now := c.after.facts[fact]
		switch {
		case !now:
			c.factGone(fact)
			continue
		case !old:
			c.add(Fine, "fact-new", fact, fmt.Sprintf("it is new, said by %s and heard by %s", list(names(c.after.says[fact])), list(names(c.after.hears[fact]))), "Nothing in flight knows it.", "")
			continue
		case was.Topic != is.Topic:
			c.moved(fact, was.Topic, is.Topic)
		}
		c.unheard(fact)
		c.unsaid(fact)
		c.otherSpeaker(fact)
	}
}

// moved: it is said on another topic.
func (c *comparison) moved(fact, was, is string) {
	var deaf []string
	for _, name := range names(c.after.hears[fact]) {
		if g := c.after.groups[name]; g != nil && c.after.topics(g)[was] == nil {
			deaf = append(deaf, name)
		}
	}
	what := fmt.Sprintf("it is said on %s, and was on %s", is, was)
	if deaf == nil {
		c.add(Careful, "fact-moved", fact, what, "Who hears it still reads the old topic, and so what is there; but nothing keeps the order of the one with the other.", "")
		return
	}
	c.add(Breaking, "fact-moved", fact, what,
		fmt.Sprintf("What is on the old topic when the new version starts is not heard by %s, and nothing keeps its order with the other facts there.", list(deaf)),
		"Say it as a new fact, beside the old one, until nothing in flight has the old one.")
}

// factGone: nobody says or hears it any more.
func (c *comparison) factGone(fact string) {
	heard := minded(c.before.hears[fact])
	if len(heard) == 0 {
		c.add(Fine, "fact-gone", fact, "nobody says or hears it any more", "Nothing depended on it.", "")
		return
	}
	c.add(Careful, "fact-gone", fact, "nobody says or hears it any more",
		fmt.Sprintf("Those that are on the topic when the new version starts are passed over: a saga whose next step is %s stops there.", reactions(heard)),
		fmt.Sprintf("Deploy who says it first, and %s once all that was said has been heard.", list(names(heard))))
}

// unheard: it is still said, and nobody hears it any more.
func (c *comparison) unheard(fact string) {
	said := c.after.says[fact]
	was, is := minded(c.before.hears[fact]), minded(c.after.hears[fact])
	if len(said) == 0 || len(was) == 0 || len(is) > 0 {
		return
	}
	what := "nobody hears it any more"
	if len(c.after.hears[fact]) > 0 {
		what = fmt.Sprintf("nobody hears it any more but %s, which only write down or remember", list(names(c.after.hears[fact])))
	}
	final := slices.ContainsFunc(said, func(h hearing) bool {
		return slices.ContainsFunc(h.reaction.Says, func(s Said) bool { return s.Fact == fact && s.Final })
	})
	if final {
		c.add(Careful, "fact-unheard", fact, what+", and that is declared",
			fmt.Sprintf("A saga in flight whose next step is %s stops there.", reactions(was)), fmt.Sprintf("Deploy once all that was said has been heard by %s.", list(names(was))))
		return
	}
	c.add(Breaking, "fact-unheard", fact, what,
		fmt.Sprintf("It is still said, by %s, and every saga whose next step is %s stops there.", list(names(said)), reactions(was)),
		"Let a group hear it; or say no more what it was for; or, if others need it, declare it with saga.Announces.")
}

// unsaid: it is still heard, and nobody says it any more.
func (c *comparison) unsaid(fact string) {
	heard := c.after.hears[fact]
	if len(c.before.says[fact]) == 0 || len(c.after.says[fact]) > 0 || len(heard) == 0 {
		return
	}
	what := fmt.Sprintf("nobody says it any more; it was said by %s", list(names(c.before.says[fact])))
	var means []string
	for _, h := range minded(heard) {
		name := h.group + "." + h.reaction.Name
		switch h.reaction.Role {
		case saga.RoleDoes:
			means = append(means, name+" begins nothing any more.")
		case saga.RoleUndoes:
			means = append(means, name+" is not asked by it to undo any more.")
		case saga.RoleOnce:
			means = append(means, name+" can't come to hold by it.")
		case saga.RoleThen:
			if h.reaction.Wait != "" {
				means = append(means, fmt.Sprintf("%s is never the answer: what waits for it waits for its deadline.", name))
			} else {
				means = append(means, name+" does not go on any more.")
			}
		case saga.RoleAnswers:
			means = append(means, fmt.Sprintf("%s is not asked any more, and does not say %s.", h.group, list(saidBy(h.reaction))))
		}
	}
	if means == nil {
		c.add(Careful, "fact-unsaid", fact, what, "What "+list(names(heard))+" keep of it is as it was; there will be no more.", "")
		return
	}
	c.add(Breaking, "fact-unsaid", fact, what, strings.Join(means, " ")+" So it is for every saga that has not come that far.",
		"Let somebody say it; or take it from who hears it in a later deployment, once no saga in flight needs it.")
}

// otherSpeaker: it is said by others than before.
func (c *comparison) otherSpeaker(fact string) {
	was, is := names(c.before.says[fact]), names(c.after.says[fact])
	if len(was) == 0 || len(is) == 0 || slices.ContainsFunc(is, func(name string) bool { return slices.Contains(was, name) }) {
		return
	}
	c.add(Careful, "fact-other-speaker", fact, fmt.Sprintf("it is said by %s, and was by %s", list(is), list(was)),
		"Of one saga both may say it, and what one says is in no order with what the other does.",
		fmt.Sprintf("Stop %s before you start %s, or see that hearing it twice does no harm.", list(was), list(is)))
}

// compareHearings finds facts that a group hears no more in the way it did, or hears anew. What nobody hears any more has been told
// of, but for undos, and answers and joins are told of by themselves.
func (c *comparison) compareHearings(before, after *Group) {
	type heard struct {
		fact string
		role saga.Role
	}
	collect := func(g *Group) map[heard]Reaction {
		all := map[heard]Reaction{}
		for _, r := range g.Reactions {
			for _, f := range r.Hears {
				all[heard{f, r.Role}] = r
			}
		}
		return all
	}
	old, now := collect(before), collect(after)
	order := func(all map[heard]Reaction) []heard {
		return slices.SortedFunc(maps.Keys(all), func(a, b heard) int { return strings.Compare(a.fact+string(a.role), b.fact+string(b.role)) })
	}
	for _, h := range order(old) {
		_, still := now[h]
		told := old[h].moves() && h.role != saga.RoleUndoes && len(minded(c.after.hears[h.fact])) == 0
		if !still && !told && len(c.after.says[h.fact]) > 0 {
			c.heardNoMore(after, h.fact, old[h])
		}
	}
	topics := c.before.topics(before)
	for _, h := range order(now) {
		fact, known := c.before.facts[h.fact]
		if _, did := old[h]; did || !known || topics[fact.Topic] == nil || h.role == saga.RoleOnce || now[h].Wait != "" {
			continue
		}
		what := fmt.Sprintf("%s hears %s, which it did not", now[h].Name, h.fact)
		if h.role == saga.RoleDoes || h.role == saga.RoleThen || h.role == saga.RoleUndoes {
			c.add(Careful, "hears-more", after.Name, what, "It hears what is said from now on: a saga in flight of which it was said before goes on as if it had not been.", "")
		} else {
			c.add(Fine, "hears-more", after.Name, what, "It hears what is said from now on.", "")
		}
	}
}

// heardNoMore is about a fact that a reaction of the group heard, and that no reaction of that role hears now.
func (c *comparison) heardNoMore(after *Group, fact string, was Reaction) {
	what := fmt.Sprintf("it undoes upon %s no more", fact)
	switch was.Role {
	case saga.RoleUndoes:
		c.add(Breaking, "undo-gone", after.Name, what,
			fmt.Sprintf("It is still said, by %s: what the group has done for a saga in flight then stays done.", list(names(c.after.says[fact]))),
			fmt.Sprintf("Let an Undoes hear %s, as %s did; or see that nothing that it did needs undoing then.", fact, was.Name))
	case saga.RoleDoes:
		c.add(Breaking, "does-gone", after.Name, fmt.Sprintf("it does nothing upon %s any more; that was %s", fact, was.Name),
			fmt.Sprintf("It is still said, by %s: sagas in flight that come to that point go on without this group's part.", list(names(c.after.says[fact]))),
			"Leave it until what begins such sagas has ended, and those with it.")
	case saga.RoleThen:
		if was.Wait != "" {
			return // an answer: told of with its wait
		}
		c.add(Breaking, "then-gone", after.Name, fmt.Sprintf("it goes on upon %s no more; that was %s", fact, was.Name),
			fmt.Sprintf("It is still said, by %s: acts in flight that come to that point stay where they are.", list(names(c.after.says[fact]))),
			"Leave it until no act in flight needs it.")
	case saga.RoleOnce:
	default:
		c.add(Careful, "hears-less", after.Name, fmt.Sprintf("%s does not hear %s any more", was.Name, fact), "What it keeps of sagas in flight lacks that from now on.", "")
	}
}
