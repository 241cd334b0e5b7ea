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
func found(t *testing.T, a arrow) []string {
	c := choreography(t)
	for i, g := range c.Groups {
		if g.Name() == a.group {
			c.Groups[i] = g.Without(a.reaction, a.hears)
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
		forgotten arrow
		want      string // rule and group, among those found
	}{
		{arrow{"inventory", "release", "payment.failed"}, "no-undo inventory"},
		{arrow{"inventory", "release", "kitchen.rejected"}, "no-undo inventory"},
		{arrow{"inventory", "release", "kitchen.cancelled"}, "no-undo inventory"},
		{arrow{"payments", "refund", "kitchen.rejected"}, "no-undo payments"},
		{arrow{"payments", "refund", "kitchen.cancelled"}, "no-undo payments"},
		{arrow{"payments", "refund", "delivery.failed"}, "no-undo payments"},
		{arrow{"payments", "flagged", "payment.flagged"}, "no-undo payments"},
		{arrow{"inventory", "consume", "kitchen.accepted"}, "never-settled inventory"},
		{arrow{"delivery", "delivered", "courier.delivered"}, "never-settled delivery"},
		{arrow{"payments", "openOrder", "stock.reserved"}, "path-without-end inventory"},
		{arrow{"payments", "move", "payment.cleared"}, "path-without-end inventory"},
		{arrow{"fraud", "score", "payment.requested"}, "path-without-end inventory"},
		{arrow{"kitchen", "ask", "payment.succeeded"}, "path-without-end inventory"},
		{arrow{"kitchen", "begin", "restaurant.accepted"}, "path-without-end inventory"},
		{arrow{"delivery", "schedule", "meal.ready"}, "path-without-end inventory"},
		{arrow{"orders", "complete", "order.placed"}, "path-without-end inventory"},
		{arrow{"orders", "complete", "delivery.completed"}, "path-without-end inventory"},
		{arrow{"orders", "cancel", "order.placed"}, "path-without-end delivery"},
		{arrow{"orders", "cancel", "stock.rejected"}, "path-without-end inventory"},
		{arrow{"payments", "credit", "account.credited"}, "unheard-fact operator"},
	} {
		if got := found(t, tt.forgotten); !slices.Contains(got, tt.want) {
			t.Errorf("without %s.%s upon %s it finds %s, want %s", tt.forgotten.group, tt.forgotten.reaction, tt.forgotten.hears, strings.Join(got, ", "), tt.want)
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
