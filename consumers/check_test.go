package consumers_test

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"tiffin/consumers"
	"tiffin/saga"
	"tiffin/schemas"
)

// choreography is all of it: every group, and who is outside, with the facts that have schemas.
func choreography(t testing.TB) saga.Choreography {
	t.Helper()
	all, err := consumers.All(consumers.Config{})
	if err != nil {
		t.Fatal(err)
	}
	c := saga.Choreography{Groups: append(groupsOf(all), consumers.Outside()...)}
	for _, f := range schemas.All() {
		c.Schemas = append(c.Schemas, f.EventType())
	}
	return c
}

// P10: what is declared has been checked.
func TestTheChoreographyIsClean(t *testing.T) {
	for _, f := range choreography(t).Check() {
		t.Error(f)
	}
	whole := choreography(t).Groups
	for _, f := range saga.Check(slices.DeleteFunc(whole, (*saga.Group).Outside)...) {
		t.Errorf("without those outside: %v", f)
	}
}

// found are the rules that are broken once an arrow is taken out.
func found(t *testing.T, m saga.Mutation) []string {
	c := choreography(t)
	for i, g := range c.Groups {
		if g.Name() == m.Group {
			c.Groups[i] = g.Mutate(m)
		}
	}
	rules := map[string]bool{}
	for _, f := range c.Check() {
		rules[f.Rule+" "+f.Group] = true
	}
	return slices.Sorted(maps.Keys(rules))
}

// P3: whoever forgets that a group undoes its part upon a failure, or settles it, or that somebody goes on or says the end, is told so
// before anything runs.
func TestTheCheckNamesWhatIsForgotten(t *testing.T) {
	for _, tt := range []struct {
		group, reaction, fact string // the arrow that is forgotten
		want                  string // rule and group, among those found
	}{
		{"inventory", "release", "payment.failed", "no-undo inventory"},
		{"inventory", "release", "kitchen.rejected", "no-undo inventory"},
		{"inventory", "release", "kitchen.cancelled", "no-undo inventory"},
		{"payments", "refund", "kitchen.rejected", "no-undo payments"},
		{"payments", "refund", "kitchen.cancelled", "no-undo payments"},
		{"payments", "refund", "delivery.failed", "no-undo payments"},
		{"payments", "flagged", "payment.flagged", "no-undo payments"},
		{"inventory", "consume", "kitchen.accepted", "never-settled inventory"},
		{"delivery", "delivered", "courier.delivered", "never-settled delivery"},
		{"payments", "openOrder", "stock.reserved", "path-without-end inventory"},
		{"payments", "move", "payment.cleared", "path-without-end inventory"},
		{"fraud", "score", "payment.requested", "path-without-end inventory"},
		{"kitchen", "ask", "payment.succeeded", "path-without-end inventory"},
		{"kitchen", "begin", "restaurant.accepted", "path-without-end inventory"},
		{"delivery", "schedule", "meal.ready", "path-without-end inventory"},
		{"orders", "complete", "order.placed", "path-without-end inventory"},
		{"orders", "complete", "delivery.completed", "path-without-end inventory"},
		{"orders", "cancel", "order.placed", "path-without-end delivery"},
		{"orders", "cancel", "stock.rejected", "path-without-end inventory"},
		{"payments", "credit", "account.credited", "unheard-fact operator"},
	} {
		forgotten := saga.Mutation{Group: tt.group, Reaction: tt.reaction, Op: saga.HearsNot, Fact: tt.fact}
		if got := found(t, forgotten); !slices.Contains(got, tt.want) {
			t.Errorf("%s, and it finds %s, want %s", forgotten, strings.Join(got, ", "), tt.want)
		}
	}
}

// Sagas that may wait longer than they may live would be refused at the end of it: by whoever configures them so, before they do.
func TestTheCheckSeesHowLongGroupsWait(t *testing.T) {
	cfg := consumers.Config{}
	cfg.Kitchen.AcceptTime = 25 * time.Hour
	all, err := consumers.All(cfg)
	if err != nil {
		t.Fatal(err)
	}
	var rules []string
	for _, f := range saga.Check(groupsOf(all)...) {
		rules = append(rules, f.Rule+" "+f.Group)
	}
	if !slices.Equal(rules, []string{"life-too-short delivery"}) {
		t.Errorf("a restaurant that may take 25 hours: %s, want life-too-short of delivery", strings.Join(rules, ", "))
	}
}

func groupsOf(all []consumers.Consumer) (out []*saga.Group) {
	for _, c := range all {
		out = append(out, c.Group)
	}
	return out
}

// Whoever lets an undo hear another one is told to hear all that this one hears.
func TestTheCheckNamesAllThatTheOtherUndoHears(t *testing.T) {
	c := choreography(t)
	for i, g := range c.Groups {
		if g.Name() == "inventory" {
			c.Groups[i] = g.Mutate(saga.Mutation{Group: "inventory", Reaction: "release", Op: saga.HearsInstead, Fact: "kitchen.cancelled", Other: schemas.PaymentRefunded{}})
		}
	}
	const want = "write saga.Upon[schemas.KitchenCancelled](), saga.Upon[schemas.DeliveryFailed]() on the line of release instead: what payments.refund hears"
	var got []string
	for _, f := range c.Check() {
		if f.Rule == "undo-upon-undo" {
			got = append(got, f.Mend)
		}
	}
	if !slices.Equal(got, []string{want}) {
		t.Errorf("the mend is %q, want %q", got, want)
	}
}
