package saga

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"tiffin/saga/words"
)

// names refuses two groups of one name.
func (in *inspection) names() {
	seen := map[string]*Group{}
	for _, g := range in.Groups {
		if other := seen[g.name]; other != nil {
			in.foundIn("same-name", g, fmt.Sprintf("give one of them another name: saga.Define(%q, ...)", g.name+"-2"),
				"two declarations have the name %s, here and in %s", g.name, place(other.at.file, other.at.line))
		}
		seen[g.name] = g
	}
}

// facts looks at each fact by itself: who says it, who hears it, and where.
func (in *inspection) facts() {
	for _, t := range slices.Sorted(maps.Keys(in.types)) {
		in.unheard(t)
		in.unsaid(t)
		in.speakersOf(t)
		in.topicsOf(t)
	}
}

// unheard finds facts that nobody hears, and that do not say of themselves that nobody needs to; and such as say so and are heard.
func (in *inspection) unheard(eventType string) {
	acts := in.hearers(eventType, RoleDoes, RoleThen, RoleUndoes, RoleOnce, RoleAnswers)
	for _, n := range in.said[eventType] {
		said := n.saying(eventType)
		switch {
		case said.Final && len(acts) > 0:
			in.found("heard-announcement", n, fmt.Sprintf("take saga.Announces[%s]() away on the line of %s, and write saga.Says for it if nothing else there says it", said.goType, n.Name),
				"%s announces %s to whom it may concern, and %s goes by it", n, eventType, acts[0])
		case said.Final || said.Ends || len(in.heard[eventType]) > 0:
			continue
		case n.Role == RoleBegins:
			in.found("unheard-fact", n, fmt.Sprintf("let a group hear it, or take saga.Begins[%s]() away", said.goType), "%s says %s, which nobody hears", n.group.name, eventType)
		case said.Fails || said.Closes:
			in.found("unheard-fact", n, fmt.Sprintf("let a group hear it; or write saga.Announces[%s]() as well on the line of %s, if it is for others to know", said.goType, n.Name),
				"%s says %s, which nobody hears", n, eventType)
		default:
			in.found("unheard-fact", n, fmt.Sprintf("let a group hear it; or write saga.Announces[%s]() for saga.Says on the line of %s, if it is for others to know", said.goType, n.Name),
				"%s says %s, which nobody hears", n, eventType)
		}
		return
	}
}

// unsaid finds facts that are heard and that nobody says. Only who knows those outside can tell.
func (in *inspection) unsaid(eventType string) {
	if in.open || len(in.said[eventType]) > 0 {
		return
	}
	n, goType := in.heard[eventType][0], in.types[eventType].goType
	in.found("unsaid-fact", n, fmt.Sprintf("write saga.Says[%s]() on the line of who says it, or saga.Begins[%[1]s]() into the saga.Outside(...) of who does outside; or take it away here", goType),
		"%s hears %s, which nobody says", n, eventType)
}

// speakersOf finds facts that several groups say, or a group and somebody outside, unless all declare that they share them.
func (in *inspection) speakersOf(eventType string) {
	said := in.said[eventType]
	if len(in.speakers(eventType)) == 0 {
		return // people and APIs may say the same
	}
	other := slices.IndexFunc(said, func(n *node) bool { return n.group != said[0].group })
	if other > 0 && slices.ContainsFunc(said, func(n *node) bool { return !slices.Contains(n.group.shares, eventType) }) {
		in.found("two-speakers", said[other], fmt.Sprintf("let one of them say it; or write saga.Shared[%s]() into both declarations, if each says it of itself", in.types[eventType].goType),
			"%s says %s, which %s says too", said[other], eventType, said[0])
	}
}

// topicsOf finds event types that are said on one topic and heard on another.
func (in *inspection) topicsOf(eventType string) {
	var first FactType
	check := func(n *node, f FactType) bool {
		if first.Type == "" {
			first = f
		}
		if f.Topic == first.Topic {
			return false
		}
		in.found("two-topics", n, fmt.Sprintf("let %s and %s be one type, or name one of the events otherwise", first.goType, f.goType),
			"%s is on topic %s for %s, and on topic %s elsewhere (%s)", eventType, f.Topic, n, first.Topic, first.goType)
		return true
	}
	for _, n := range in.said[eventType] {
		if check(n, n.saying(eventType).FactType) {
			return
		}
	}
	for _, n := range in.heard[eventType] {
		h := n.Hears[slices.IndexFunc(n.Hears, func(f FactType) bool { return f.Type == eventType })]
		if check(n, h) {
			return
		}
	}
}

// contracts compares the facts with their schemas, and the topics with those that are there.
func (in *inspection) contracts() {
	if in.Schemas != nil {
		for _, t := range slices.Sorted(maps.Keys(in.types)) {
			if !slices.Contains(in.Schemas, t) {
				n := slices.Concat(in.said[t], in.heard[t])[0]
				in.found("fact-without-schema", n, fmt.Sprintf("write a schema for %s, where the other facts have theirs, and list it among them (for Tiffin's, go doc ./schemas says how)", t), "%s has no schema", t)
			}
		}
		for _, t := range slices.Sorted(slices.Values(in.Schemas)) {
			if in.types[t].Type == "" {
				in.foundIn("schema-without-fact", nil, "take the schema away, or let a group say or hear the fact", "there is a schema for %s, which nobody says or hears", t)
			}
		}
	}
	if in.Partitions != nil {
		for _, g := range in.groups {
			in.partitions(g)
		}
	}
}

// partitions compares the topics that a group hears: its lanes have one partition of each.
func (in *inspection) partitions(g *Group) {
	var missing, there []string
	for _, t := range g.Topics() {
		if in.Partitions[t] == 0 {
			missing = append(missing, t)
		} else {
			there = append(there, t)
		}
	}
	if len(missing) > 0 {
		in.foundIn("missing-topic", g, "create it, with as many partitions as the others", "%s hears topics that are not there: %s", g.name, strings.Join(missing, ", "))
	}
	for _, t := range there {
		if n, first := in.Partitions[t], in.Partitions[there[0]]; n != first {
			in.foundIn("unequal-partitions", g, "create both with the same number, under another prefix if they hold facts already: partitions can't be taken away",
				"%s hears %s, which has %s, and %s, which has %d", g.name, there[0], words.Count(first, "partition"), t, n)
			return
		}
	}
}
