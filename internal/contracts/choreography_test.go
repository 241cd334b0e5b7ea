package contracts_test

import (
	"fmt"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v4"

	"tiffin/consumers"
	"tiffin/internal/app"
	"tiffin/saga"
	"tiffin/saga/sagamap"
	"tiffin/saga/wire"
	"tiffin/schemas"
)

// bindingVersion is that of AsyncAPI's words for Kafka.
const bindingVersion = "0.5.0"

// comment is what the schemas of all facts say beyond what a schema can; the document says it once.
const comment = "Beyond what this schema can say: the text is UTF-8 and has no lone surrogates, no object names a member twice, and integers " +
	"are written without fraction or exponent. Members that are not named here are ignored."

const about = `What Tiffin's services tell each other over Kafka. Nobody is in charge: the APIs say what people want, independent
consumer groups hear facts, react, and say facts of their own; when one of them fails, the others roll back by
reacting to that failure.

Every message is a fact in the past tense: a CloudEvents 1.0 event in Kafka's binary mode. The record's value is the
fact's plain JSON, its key is the fact's key, by which Java's murmur2 finds the partition, and everything else is in
headers. Facts of one key and topic, from one sender, are handled in the order in which they were said. Each is
delivered at least once and has its effect once.

You may say facts too: a record needs a valid value and the header ce_type, no more. Give it a ce_source and a
ce_id, by which a repetition is known: among the last thousand such records of its partition, and for a day.

Beyond what the schemas can say: the text is UTF-8 and has no lone surrogates, no object names a member twice, and
integers are written without fraction or exponent. Members that are not named are ignored: a later version may add
some, but never takes one away or gives it another meaning.

A deployment may put a prefix before the names of all its topics and groups. What happens in between, and in which
order, is drawn by ` + "`tiffin map`."

// headers are those of a fact, in the order in which they are written.
var headers = []struct {
	name, about string
	more        []any // of the header's schema
}{
	{wire.HeaderSpecVersion, "The version of CloudEvents.", []any{"const", "1.0"}},
	{wire.HeaderID, "The fact's id, a UUIDv7 if Tiffin said it. Whoever hears an id again from the same source knows the fact already.", []any{"minLength", 1}},
	{wire.HeaderType, "Which kind of fact it is.", nil},
	{wire.HeaderSource, "Who said it: in Tiffin /tiffin/ and the name of a group or an API.", nil},
	{wire.HeaderSubject, "What it is about: the record's key.", nil},
	{wire.HeaderTime, "When it was said, for information: what counts is the time at which the broker appended it.", []any{"format", "date-time"}},
	{wire.HeaderSchema, "The name of its JSON Schema, which is the payload's in this document.", []any{"pattern", "^" + wire.SchemaPrefix + "[a-z.-]+$"}},
	{wire.HeaderContentType, "The value's.", []any{"const", "application/json"}},
	{wire.HeaderSaga, "Which saga it belongs to: an order's or a payment's id. The record's key, where there is none.", nil},
	{wire.HeaderCause, "The id of the fact that led to this one, if any did.", nil},
	{wire.HeaderStarted, "When its saga began.", []any{"format", "date-time"}},
	{wire.HeaderTrace, "The trace of the request that began it all, as W3C's Trace Context has it.", []any{"pattern", "^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$"}},
	{wire.HeaderLane, "The sender's mark: its lane, the lane's epoch, and a number that runs on in each partition, by which a receiver tells a fact from a copy of it.", []any{"pattern", "^.+/[0-9]+/[1-9][0-9]*$"}},
}

// deadHeaders are those that a dead letter has beside the headers of the record that it copies.
var deadHeaders = [][2]string{
	{"dlq_group", "The group that could not handle it."},
	{"dlq_topic", "The topic of the record."},
	{"dlq_partition", "Its partition."},
	{"dlq_offset", "Its offset."},
	{"dlq_error", "Why it could not be handled."},
	{"dlq_at", "When that was, as RFC 3339 has it."},
	{"dlq_lane", "The record's own lane mark, if it had one: the header " + wire.HeaderLane + " is the dead letter's."},
}

// deadLetter is the name of the message that a dead letter is.
const deadLetter = "dead-letter"

// choreography is what the document says: the groups, and who speaks from outside.
type choreography struct {
	*sagamap.Map
	groups, outside []*saga.Group
	apis            []speaker
}

// speaker is an API, and what is said through it.
type speaker struct {
	name  string
	facts []string // event types
}

func declared(t *testing.T) choreography {
	t.Helper()
	all, err := consumers.All(consumers.Config{})
	if err != nil {
		t.Fatal(err)
	}
	var groups []*saga.Group
	for _, c := range all {
		groups = append(groups, c.Group)
	}
	outside := consumers.Outside()
	return choreography{sagamap.New(append(slices.Clone(groups), outside...)...), groups, outside, speakers(t)}
}

// through are the APIs through which somebody outside speaks.
func (c choreography) through(outside *saga.Group) (apis []string) {
	for _, api := range c.apis {
		if slices.ContainsFunc(outside.Reactions(), func(r saga.Reaction) bool {
			return slices.ContainsFunc(r.Says, func(s saga.Said) bool { return slices.Contains(api.facts, s.Type) })
		}) {
			apis = append(apis, api.name)
		}
	}
	return apis
}

// The declaration of who speaks from outside is true: each API says what is declared of it, and what people say through it; the
// operator alone speaks through none.
func TestWhoSpeaksFromOutsideIsDeclared(t *testing.T) {
	c := declared(t)
	for _, api := range c.apis {
		for _, fact := range api.facts {
			if c.Speakers(fact)[0] == sagamap.Outside {
				t.Errorf("%s says %s, and consumers.Outside lacks it", api.name, fact)
			}
		}
	}
	for _, o := range c.outside {
		through := c.through(o)
		isAPI := slices.ContainsFunc(c.apis, func(api speaker) bool { return api.name == o.Name() })
		switch {
		case isAPI && !slices.Equal(through, []string{o.Name()}):
			t.Errorf("what %s says is said by %v", o.Name(), through)
		case !isAPI && o.Name() != "operator" && len(through) != 1, o.Name() == "operator" && len(through) > 0:
			t.Errorf("%s speaks through %v", o.Name(), through)
		}
		for _, r := range o.Reactions() {
			for _, s := range r.Says {
				said := slices.ContainsFunc(c.apis, func(api speaker) bool { return slices.Contains(api.facts, s.Type) })
				if said == (o.Name() == "operator") {
					t.Errorf("%s: %s by an API: %v", s.Type, o.Name(), said)
				}
			}
		}
	}
}

// write writes the whole document.
func (c choreography) write(t *testing.T) string {
	t.Helper()
	schemasOf, messages := object(), object()
	for _, fact := range schemas.All() {
		if slices.Contains(c.Facts(fact.Topic()), fact.EventType()) {
			add(messages, fact.EventType(), c.message(t, fact, schemasOf))
		}
	}
	add(messages, deadLetter, deadLetterMessage())
	add(schemasOf, "headers", headersSchema())
	document := object(
		"asyncapi", "3.0.0",
		"info", object("title", "Tiffin's facts", "version", "1.0.0", "description", about),
		"defaultContentType", "application/json",
		"servers", object("kafka", object("host", app.DefaultKafkaAddr, "protocol", "kafka",
			"description", "Where `tiffin up` has its broker. Any Apache Kafka will do: see --kafka-brokers.")),
		"channels", c.channels(),
		"operations", c.operations(),
		"components", object("messages", messages, "schemas", schemasOf,
			"correlationIds", object("saga", object("description", "The saga that the fact belongs to.", "location", "$message.header#/"+wire.HeaderSaga))),
	)
	document.HeadComment = "Written by a test from the facts and from what the groups declare; don't edit it, but run\n" +
		"  TIFFIN_UPDATE=1 go test ./internal/contracts"
	out, err := yaml.Dump(document, yaml.WithLineWidth(-1))
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

// message is one kind of fact. What several facts have in common goes into shared.
func (c choreography) message(t *testing.T, fact schemas.Fact, shared *yaml.Node) *yaml.Node {
	t.Helper()
	name := fact.EventType()
	schema := fromJSON(t, schemas.Schema(name))
	rest, ok := strings.CutPrefix(member(schema, "$comment").Value, comment)
	if !ok {
		t.Fatalf("the $comment of %s does not begin like all others", name)
	}
	for i := 0; i < len(member(schema, "$defs").Content); i += 2 {
		definition, value := member(schema, "$defs").Content[i].Value, member(schema, "$defs").Content[i+1]
		if known := member(shared, definition); known == nil {
			relocate(value)
			add(shared, definition, value)
		} else if relocate(value); !reflect.DeepEqual(values(t, known), values(t, value)) {
			t.Fatalf("%s means something else by %s than other facts", name, definition)
		}
	}
	payload := object("description", strings.TrimSpace(rest))
	payload.Content = append(payload.Content, without(schema, "$schema", "$id", "$comment", "$defs", "title", "description").Content...)
	relocate(payload)
	golden, err := os.ReadFile("../../schemas/testdata/" + name + "/full.json")
	if err != nil {
		t.Fatal(err)
	}
	heard := "Nobody reacts to it."
	if names := c.Listeners(name); len(names) > 0 {
		heard = "Heard by " + list(names) + "."
	}
	return object(
		"name", name,
		"summary", member(schema, "description").Value,
		"description", strings.Replace("Said by "+list(c.Speakers(name))+". "+heard, "by "+sagamap.Outside, "from "+sagamap.Outside, 1),
		"correlationId", ref("components/correlationIds/saga"),
		"headers", object("type", "object", "required", []string{wire.HeaderType},
			"allOf", []*yaml.Node{ref("components/schemas/headers")},
			"properties", object(wire.HeaderType, object("const", name), wire.HeaderSchema, object("const", wire.SchemaPrefix+name))),
		"payload", payload,
		"bindings", object("kafka", object("key", object("type", "string", "description", "The payload's "+keyMember(t, fact)+"."), "bindingVersion", bindingVersion)),
		"examples", []*yaml.Node{object("headers", object(wire.HeaderType, name), "payload", fromJSON(t, golden))},
	)
}

// relocate turns the references within a fact's schema into such within the document.
func relocate(node *yaml.Node) {
	for i, child := range node.Content {
		if node.Kind == yaml.MappingNode && i%2 == 1 && node.Content[i-1].Value == "$ref" {
			child.Value = strings.Replace(child.Value, "#/$defs/", "#/components/schemas/", 1)
		}
		relocate(child)
	}
}

func values(t *testing.T, node *yaml.Node) (v any) {
	t.Helper()
	if err := node.Decode(&v); err != nil {
		t.Fatal(err)
	}
	return v
}

// keyMember finds the member of the fact that is its key: each gets its own name for a value.
func keyMember(t *testing.T, fact schemas.Fact) string {
	t.Helper()
	probe := reflect.New(reflect.TypeOf(fact)).Elem()
	for i := range probe.NumField() {
		if field := probe.Field(i); field.Kind() == reflect.String {
			name, _, _ := strings.Cut(probe.Type().Field(i).Tag.Get("json"), ",")
			field.SetString(name)
		}
	}
	key := probe.Interface().(schemas.Fact).Key()
	if key == "" {
		t.Fatalf("no text in %s is its key: teach this test how to say what is", fact.EventType())
	}
	return key
}

func headersSchema() *yaml.Node {
	properties := object()
	for _, h := range headers {
		add(properties, h.name, object(append([]any{"type", "string", "description", h.about}, h.more...)...))
	}
	return object(
		"description", "All of a fact that Tiffin says, but for the cause and the trace of one that has none; a stranger needs to give "+wire.HeaderType+" alone.",
		"type", "object", "required", []string{wire.HeaderType}, "properties", properties,
	)
}

func deadLetterMessage() *yaml.Node {
	properties, required := object(), []string{}
	for _, h := range deadHeaders {
		add(properties, h[0], object("type", "string", "description", h[1]))
		if h[0] != "dlq_lane" {
			required = append(required, h[0])
		}
	}
	return object(
		"name", deadLetter,
		"summary", "A copy of a record that a group could not handle, with its own headers and the reason.",
		"description", "Read it with `tiffin parked`, which also handles the record again, or drops it. Nobody reacts to it.",
		"headers", object("type", "object", "required", required, "properties", properties),
		"payload", object("description", "The record's value as it came, cut at 256 KiB: whatever a group could not read."),
		"bindings", object("kafka", object("key", object("type", "string", "description", "The record's."), "bindingVersion", bindingVersion)),
	)
}

// channels are the topics: one for each domain, and the dead letters of each group.
func (c choreography) channels() *yaml.Node {
	channels := object()
	channel := func(address, about string, messages ...string) {
		refs := object()
		for _, name := range messages {
			add(refs, name, ref("components/messages/"+name))
		}
		add(channels, address, object("address", address, "description", about, "messages", refs,
			"bindings", object("kafka", object("partitions", app.DefaultPartitions, "bindingVersion", bindingVersion))))
	}
	for _, topic := range schemas.Topics() {
		if facts := c.Facts(topic.Name); len(facts) > 0 {
			channel(topic.Name, topic.About, facts...)
		}
	}
	for _, g := range c.groups {
		channel(g.DeadLetters(), "What "+g.Name()+" could not handle, with the reason.", deadLetter)
	}
	return channels
}

// operations are what everybody says and hears, by topic: who speaks from outside first, then each group.
func (c choreography) operations() *yaml.Node {
	operations := object()
	operation := func(who, verb, action, topic, about string, facts []string, bindings *yaml.Node) {
		if len(facts) == 0 {
			return
		}
		var messages []*yaml.Node
		for _, fact := range facts {
			messages = append(messages, ref("channels/"+topic+"/messages/"+fact))
		}
		add(operations, who+"-"+verb+"-"+topic, object("action", action, "channel", ref("channels/"+topic),
			"summary", about, "tags", []*yaml.Node{object("name", who)}, "bindings", bindings, "messages", messages))
	}
	for _, o := range c.outside {
		about := "What no API and no group says: `tiffin seed`, or another system."
		if through := c.through(o); slices.Contains(through, o.Name()) {
			about = "What clients of " + o.Name() + " have said."
		} else if through != nil {
			about = "What the " + o.Name() + " says, through " + list(through) + "."
		}
		for _, topic := range schemas.Topics() {
			facts := slices.DeleteFunc(c.Facts(topic.Name), func(fact string) bool { return !slices.Contains(c.Speakers(fact), o.Name()) })
			operation(o.Name(), "says", "send", topic.Name, about, facts, nil)
		}
	}
	for _, g := range c.groups {
		binding := object("kafka", object("groupId", object("type", "string", "const", g.Name()), "bindingVersion", bindingVersion))
		for _, topic := range schemas.Topics() {
			hears := slices.DeleteFunc(c.Facts(topic.Name), func(fact string) bool { return !g.Hears(fact) })
			operation(g.Name(), "hears", "receive", topic.Name, sentences(heardBy(g, topic.Name)), hears, binding)
		}
		for _, topic := range schemas.Topics() {
			says := slices.DeleteFunc(c.Facts(topic.Name), func(fact string) bool { return !slices.Contains(c.Speakers(fact), g.Name()) })
			operation(g.Name(), "says", "send", topic.Name, sentences(saidBy(g, topic.Name)), says, nil)
		}
		operation(g.Name(), "says", "send", g.DeadLetters(), "Parks a key whose record it could not handle, and copies that record.", []string{deadLetter}, nil)
	}
	return operations
}

// phrase says of some facts what they mean to a group.
type phrase struct {
	verb  string
	facts []string
}

// note adds a fact to the phrase with this verb.
func note(phrases []phrase, verb, fact string) []phrase {
	for i, p := range phrases {
		if p.verb == verb {
			if !slices.Contains(p.facts, fact) {
				phrases[i].facts = append(p.facts, fact)
			}
			return phrases
		}
	}
	return append(phrases, phrase{verb, []string{fact}})
}

func sentences(phrases []phrase) string {
	var out []string
	for _, p := range phrases {
		out = append(out, p.verb+" "+list(p.facts)+".")
	}
	return strings.Join(out, " ")
}

func heardBy(g *saga.Group, topic string) (phrases []phrase) {
	verbs := map[saga.Role]string{
		saga.RoleDoes: "Does its part upon", saga.RoleThen: "Goes on upon", saga.RoleUndoes: "Undoes its part upon",
		saga.RoleOnce: "Waits for", saga.RoleFollows: "Remembers", saga.RoleRecords: "Writes down", saga.RoleOn: "Takes in",
	}
	for _, r := range g.Reactions() {
		for _, f := range r.Hears {
			if f.Topic == topic {
				phrases = note(phrases, verbs[r.Role], f.Type)
			}
		}
	}
	return phrases
}

func saidBy(g *saga.Group, topic string) (phrases []phrase) {
	for _, r := range g.Reactions() {
		for _, f := range r.Says {
			verb := "Says"
			switch {
			case f.Topic != topic:
				continue
			case f.Fails:
				verb = "Refuses with"
			case f.Ends:
				verb = "Ends the saga with"
			case r.Role == saga.RoleUndoes:
				verb = "Asked to undo, it says"
			}
			phrases = note(phrases, verb, f.Type)
		}
	}
	return phrases
}

// list joins names as people do.
func list(names []string) string {
	if len(names) == 1 {
		return names[0]
	}
	return fmt.Sprintf("%s and %s", strings.Join(names[:len(names)-1], ", "), names[len(names)-1])
}
