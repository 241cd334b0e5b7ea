package saga

import "slices"

// Rule is one of the mistakes that a check looks for.
type Rule struct {
	Name     string
	Severity Severity
	Short    string // what is wrong, in a few words
	Why      string // why that matters, in one sentence
}

// Rules are what [Check] looks for, by what they are about: facts, contracts, acts, races, waits, ends. RULES.md tells each with
// examples.
func Rules() []Rule {
	const wrong, note = SeverityError, SeverityNote
	return []Rule{
		{"same-name", wrong, "two groups have one name", "A group's name is its Kafka consumer group and its schema in PostgreSQL: two would share each other's lanes and rows."},
		{"unheard-fact", wrong, "a fact that nobody hears", "Whatever was to come of it never happens, and nobody notices."},
		{"heard-announcement", note, "a fact that is announced, and that an act goes by", "Who reads that nobody needs to hear it may take it away."},
		{"unsaid-fact", wrong, "a fact that is heard and never said", "The reaction never runs, and whatever waits for it waits for ever."},
		{"two-speakers", wrong, "a fact that two groups say", "Facts keep their order from one sender only, and who hears this one can't tell which of two decided."},
		{"two-topics", wrong, "an event type on two topics", "A group that listens on one topic never hears what is said on the other."},

		{"fact-without-schema", wrong, "a fact without a schema", "Readers in other languages can't know what it holds, and nothing keeps a later version readable."},
		{"schema-without-fact", wrong, "a schema without a fact", "It promises its readers a fact that never comes."},
		{"missing-topic", note, "a topic that is not there", "The group can't start before it is."},
		{"unequal-partitions", wrong, "topics with different numbers of partitions", "Facts of one saga then come on partitions of different numbers, so different processes handle them side by side."},

		{"mute-do", wrong, "a do that can say nothing", "A do that says nothing has not acted: its act never begins, and what it changes is refused."},
		{"no-undo", wrong, "an act that a failure leaves standing", "The saga fails and the act stays done: stock that nobody gets, money that nobody gives back."},
		{"never-settled", wrong, "an act that stays open", "A late or repeated fact may still undo what was completed long ago, and nobody can tell it from one that hangs."},
		{"dead-undo", wrong, "an undo that never has anything to undo", "Who reads it believes that the act is taken back, and it never is."},
		{"once-again", wrong, "a join that does not end its act", "What was to happen once happens as often as the facts come."},

		{"silent-judge", wrong, "a judge that does not always answer", "A request that comes early is then answered late or never, and the others go on with what is to be undone."},
		{"two-judges", wrong, "a request that two groups decide", "They hear it at different moments: one may undo its part while the other is past undoing."},
		{"undo-upon-undo", wrong, "an undo that hears another's compensation", "A compensation comes on its own topic, and may overtake what the judge has said before it."},
		{"verdict-on-two-topics", wrong, "a verdict that may overtake another", "Facts keep their order within a topic only: the act may be undone although it was settled before."},

		{"foreign-deadline", wrong, "a deadline for what others decide", "Both may happen: the time is over here, and the others go on with what has been taken back."},
		{"wait-without-deadline", wrong, "a wait for people without a deadline", "People may never answer, and then the saga never ends."},
		{"nameless-wait", wrong, "a wait whose name does not last", "Rows outlive the program: after an edit, an act that waits runs another deadline, or none."},
		{"life-too-short", wrong, "waits that are longer than a saga may live", "What comes too late in a saga's life is refused, although everybody kept the time that they were given."},

		{"no-owner", wrong, "a saga that nobody ends", "Then neither the customer nor an audit can tell one that is over from one that hangs."},
		{"path-without-end", wrong, "a way that comes to no end", "A saga that goes this way hangs for ever, in the eyes of everybody who waits for its end."},
		{"endless-cycle", wrong, "facts that lead to each other for ever", "One fact is enough to keep the groups busy with it until somebody stops them."},
	}
}

func ruleNamed(name string) Rule {
	rules := Rules()
	i := slices.IndexFunc(rules, func(r Rule) bool { return r.Name == name })
	return rules[i]
}
