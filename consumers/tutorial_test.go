package consumers_test

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"tiffin/internal/worlds"
	"tiffin/saga"
	"tiffin/saga/sagacheck"
	"tiffin/saga/sagatest"
	"tiffin/schemas"
)

// The loyalty programme of the example as somebody writes it who has never written a group: with a mistake, then with the next one.
// TUTORIAL.md tells the story; its code is this file's, and its outputs are those of this test.

func simple() *saga.Group {
	return saga.Define("loyalty", saga.Documents(cards),
		saga.Concerns(schemas.OfAnOrder),
		saga.On(earn, saga.Uses(cards), saga.Says[PointsGranted]()),
	)
}

// earn gives a point for each rupee that the customer is about to pay.
func earn(e saga.Event[schemas.PaymentRequested]) []saga.Fact {
	points := int(e.Fact.Amount.MinorUnits / 100)
	cards.Get(e, e.Fact.From).Points += points
	return saga.Say(PointsGranted{e.Fact.PaymentID, e.Fact.From, points})
}

func announced() *saga.Group {
	return saga.Define("loyalty", saga.Documents(cards),
		saga.Concerns(schemas.OfAnOrder),
		saga.On(earn, saga.Uses(cards), saga.Announces[PointsGranted]()),
	)
}

func anAct() *saga.Group {
	return saga.Define("loyalty", saga.Documents(grants, cards),
		saga.Concerns(schemas.OfAnOrder),
		saga.Does(grant, saga.Uses(cards), saga.Announces[PointsGranted]()),
	)
}

func forgetful() *saga.Group {
	return saga.Define("loyalty", saga.Documents(grants, cards),
		saga.Concerns(schemas.OfAnOrder),
		saga.Does(grant, saga.Uses(cards), saga.Announces[PointsGranted]()),
		saga.Undoes(withdraw, saga.Uses(cards), saga.Upon[schemas.PaymentFailed](), saga.Announces[PointsWithdrawn]()),
		saga.Then(keep, saga.Closes()),
	)
}

func halfway() *saga.Group {
	return saga.Define("loyalty", saga.Documents(grants, cards),
		saga.Concerns(schemas.OfAnOrder),
		saga.Does(grant, saga.Refuses(withhold), saga.Uses(cards),
			saga.Announces[PointsGranted](), saga.Fails[PointsWithdrawn](), saga.Announces[PointsWithdrawn]()),
		saga.Undoes(withdraw, saga.Uses(cards), saga.Upon[schemas.PaymentFailed](), saga.Announces[PointsWithdrawn]()),
		saga.Then(keep, saga.Closes()),
	)
}

func careless() *saga.Group {
	return saga.Define("loyalty", saga.Documents(grants, cards),
		saga.Concerns(schemas.OfAnOrder),
		saga.Does(grant, saga.Refuses(withhold), saga.Uses(cards),
			saga.Announces[PointsGranted](), saga.Fails[PointsWithdrawn](), saga.Announces[PointsWithdrawn]()),
		saga.Undoes(forgive, saga.Uses(cards), saga.Upon[schemas.PaymentFailed](), saga.Upon[schemas.PaymentRefunded](),
			saga.Announces[PointsWithdrawn]()),
		saga.Then(keep, saga.Closes()),
	)
}

// forgive takes the points back.
func forgive(g *Grant, why saga.Cause) []saga.Fact {
	g.Points = 0
	return saga.Say(PointsWithdrawn{OrderID: g.OrderID, Reason: schemas.ReasonOf(why.Fact)})
}

// others are the groups of which the tutorial tells: its outputs stay true when somebody registers one more, called loyalty even.
var others = []string{"inventory", "payments", "fraud", "kitchen", "delivery", "orders", "likes", "notification", "analytics"}

// beside is the group among the others of the tutorial, and who is outside.
func beside(all []*saga.Group, group *saga.Group) []*saga.Group {
	all = slices.DeleteFunc(slices.Clone(all), func(g *saga.Group) bool { return !g.Outside() && !slices.Contains(others, g.Name()) })
	return append(all, group)
}

// checked is what the check says of the choreography with this group.
func checked(t *testing.T, group func() *saga.Group) string {
	c := choreography(t)
	c.Groups, c.Schemas = beside(c.Groups, group()), nil
	var out []string
	for _, f := range c.Check() {
		out = append(out, f.String())
	}
	if out == nil {
		return "nothing found"
	}
	return strings.Join(out, "\n")
}

// refused is what Define says to the group.
func refused(_ *testing.T, group func() *saga.Group) (what string) {
	defer func() { what = fmt.Sprint(recover()) }()
	group()
	return ""
}

// proved is what the proof says of this group in small worlds.
func proved(t *testing.T, group func() *saga.Group, names ...string) string {
	var b strings.Builder
	coverage := sagacheck.Coverage{}
	for _, name := range names {
		w, ok := worlds.Find(name)
		if !ok {
			t.Fatalf("there is no world %s", name)
		}
		w.Groups = beside(w.Groups, group())
		w.Final = pointsAreEarned
		if w.Ages {
			w.Final = nil // points may be refused to an order that is too old, however it ends
		}
		w.StopAtFirst = true
		r := sagacheck.Verify(w)
		if len(r.Findings) > 0 {
			return r.Findings[0].Diagram()
		}
		fmt.Fprintf(&b, "%s: %d ends, no finding\n", w.Name, len(r.EndStates))
		coverage = coverage.Union(r.Coverage)
	}
	for what := range coverage {
		if what.Group != "loyalty" {
			delete(coverage, what)
		}
	}
	return b.String() + coverage.String()
}

// pointsAreEarned is what must hold at each end: points for an order that is completed, and only for one.
func pointsAreEarned(v sagacheck.View) string {
	points := 0
	if card := sagacheck.Document[Card](v, "ann"); card != nil {
		points = card.Points
	}
	switch completed := v.Said("order.completed", "o1") > 0; {
	case completed && points != 5:
		return fmt.Sprintf("ann has %d points for an order that is completed, of five rupees", points)
	case !completed && points != 0:
		return fmt.Sprintf("ann has %d points for an order that was cancelled", points)
	}
	return ""
}

// Whatever may be paid for an order, points are granted for it, be it none.
func TestPointsAreGrantedForEachAmount(t *testing.T) {
	for minor, points := range map[int64]int{1: 0, 99: 0, 100: 1, 25_050: 250, schemas.MaxMinorUnits: schemas.MaxMinorUnits / 100} {
		sagatest.Group(t, Group()).Hears(schemas.PaymentRequested{
			PaymentID: "o1", Purpose: schemas.ForOrder, From: "alice", To: "@escrow", Amount: schemas.Money{Currency: "INR", MinorUnits: minor},
		}).Says(PointsGranted{OrderID: "o1", CustomerID: "alice", Points: points})
	}
}

// outputs are what the tutorial shows, by the name in the comment before it.
var outputs = map[string]func(*testing.T) string{
	"check simple":     func(t *testing.T) string { return checked(t, simple) },
	"prove announced":  func(t *testing.T) string { return proved(t, announced, "repeated-order") },
	"check anAct":      func(t *testing.T) string { return checked(t, anAct) },
	"define forgetful": func(t *testing.T) string { return refused(t, forgetful) },
	"check halfway":    func(t *testing.T) string { return checked(t, halfway) },
	"check careless":   func(t *testing.T) string { return checked(t, careless) },
	"prove careless":   func(t *testing.T) string { return proved(t, careless, "repeated-order") },
	"check Group":      func(t *testing.T) string { return checked(t, Group) },
	"prove Group":      func(t *testing.T) string { return proved(t, Group, "repeated-order", "old-order") },
}

// shown finds the outputs in the tutorial: a comment with a name, and a block.
var shown = regexp.MustCompile("(?s)<!-- ([a-z]+ [A-Za-z]+) -->\n```text\n(.*?)```\n")

// code finds the Go code in it.
var code = regexp.MustCompile("(?s)```go\n(.*?)```\n")

// The tutorial tells the truth: its code is this package's, and its outputs are what the check and the proof say.
func TestTheTutorialIsTrue(t *testing.T) {
	const page = "TUTORIAL.md"
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	written := shown.ReplaceAllStringFunc(string(text), func(block string) string {
		name := shown.FindStringSubmatch(block)[1]
		output := outputs[name]
		if output == nil {
			t.Errorf("%s shows %q, which no output is named", page, name)
			return block
		}
		seen[name] = true
		return fmt.Sprintf("<!-- %s -->\n```text\n%s\n```\n", name, strings.TrimRight(output(t), "\n"))
	})
	for name := range outputs {
		if !seen[name] {
			t.Errorf("%s does not show %q", page, name)
		}
	}
	if os.Getenv("TIFFIN_UPDATE") != "" {
		if err := os.WriteFile(page, []byte(written), 0o600); err != nil {
			t.Fatal(err)
		}
	} else if written != string(text) {
		t.Errorf("%s does not show what is true; TIFFIN_UPDATE=1 go test ./consumers -run Tutorial writes it:\n%s", page, written)
	}
	source := ""
	for _, file := range []string{"tutorial_test.go", "example_test.go"} {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		source += string(b)
	}
	blocks := code.FindAllStringSubmatch(string(text), -1)
	for _, block := range blocks {
		if !strings.Contains(source, block[1]) {
			t.Errorf("%s shows code that is in neither tutorial_test.go nor example_test.go:\n%s", page, block[1])
		}
	}
	if len(blocks) == 0 {
		t.Errorf("%s shows no code", page)
	}
}
