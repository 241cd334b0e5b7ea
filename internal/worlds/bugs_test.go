package worlds_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"text/tabwriter"
	"time"

	"tiffin/internal/worlds"
	"tiffin/saga"
	"tiffin/saga/sagacheck"
	"tiffin/schemas"
)

// bug is a mistake that somebody makes in the choreography, and who finds it.
type bug struct {
	name  string
	does  []saga.Mutation                       // what is mistaken,
	with  func(sagacheck.World) sagacheck.World // or changed in the world otherwise
	world string                                // which finds it
	finds string                                // what is said of it
	rule  int                                   // of DESIGN.md, that it breaks; 0 for none
	check string                                // the rule by which the static check names it; "" if only the proof can
}

// found is what came of one.
type found struct {
	bug
	steps int
	took  time.Duration
}

func one(group, reaction string, op saga.Op) saga.Mutation {
	return saga.Mutation{Group: group, Reaction: reaction, Op: op}
}

func about(group, reaction string, op saga.Op, fact string) saga.Mutation {
	return saga.Mutation{Group: group, Reaction: reaction, Op: op, Fact: fact}
}

func does(m ...saga.Mutation) []saga.Mutation { return m }

func instead(group, reaction, fact string, other saga.Fact, as func(saga.Fact) saga.Fact) saga.Mutation {
	return saga.Mutation{Group: group, Reaction: reaction, Op: saga.HearsInstead, Fact: fact, Other: other, As: as}
}

func also(group, reaction string, other saga.Fact, as func(saga.Fact) saga.Fact) saga.Mutation {
	return saga.Mutation{Group: group, Reaction: reaction, Op: saga.HearsAlso, Other: other, As: as}
}

func unchanged(group, reaction, table, key string) saga.Mutation {
	return saga.Mutation{Group: group, Reaction: reaction, Op: saga.ChangesNot, Table: table, Key: key}
}

func asCancelled(f saga.Fact) saga.Fact {
	return schemas.KitchenCancelled{OrderID: f.Key(), Reason: schemas.ReasonCancelledByCustomer}
}

func asAccepted(f saga.Fact) saga.Fact {
	return schemas.KitchenAccepted{OrderID: f.Key(), RestaurantID: "rest"}
}

func asDelivered(f saga.Fact) saga.Fact { return schemas.DeliveryCompleted{OrderID: f.Key()} }

func undated(f saga.Fact) saga.Fact {
	u := f.(schemas.PostUnliked)
	u.AcceptedAt = 0
	return u
}

var bugs = []bug{
	// The end.
	{
		name: "nobody owns the end", check: "no-owner", rule: 1, world: "one-order", finds: "never ends",
		does: does(about("orders", "cancel", saga.HearsNot, "order.placed"), about("orders", "complete", saga.HearsNot, "order.placed")),
	},
	{
		name: "the end comes too early", world: "one-order", finds: "half done: completed true, settled false",
		does: does(instead("orders", "complete", "delivery.completed", schemas.MealReady{}, nil)),
	},
	{name: "two ends", check: "once-again", world: "repeated-order", finds: "ends more than once", does: does(one("orders", "cancel", saga.NotCloses))},

	// Undoing.
	{name: "a missing undo", check: "no-undo", world: "one-order", finds: "the saga o1 never ends", does: does(about("inventory", "release", saga.HearsNot, "kitchen.rejected"))},
	{
		name: "an undo that hears another's compensation, which overtakes", check: "undo-upon-undo", rule: 3, world: "one-order", finds: "half done: cooked true, stock used up false",
		does: does(instead("inventory", "release", "kitchen.rejected", schemas.PaymentRefunded{}, nil)),
	},
	{
		name: "an undo that takes back what was not done yet", world: "one-order", finds: "a kitchen's places are free or busy, once",
		does: does(one("kitchen", "cancel", saga.IgnoresNothing)),
	},
	{name: "an undo that comes first and leaves no mark", rule: 8, world: "one-order", finds: "half done", does: does(one("kitchen", "cancel", saga.LeavesNoMark))},
	{name: "a do that comes too late and says nothing", rule: 8, world: "one-order", finds: "the saga o1 never ends", does: does(one("payments", "openOrder", saga.NotRefuses))},
	{name: "a do that is too old and is done", rule: 8, world: "old-order", finds: "half done", does: does(one("kitchen", "ask", saga.NotRefuses))},
	{
		name: "a double refund", check: "no-undo", world: "again-order", finds: "an account is overdrawn",
		does: does(one("payments", "refund", saga.RunsAgain), unchanged("payments", "refund", "payments", "")),
	},
	{name: "an undo that runs again", check: "no-undo", world: "again-order", finds: "half done", does: does(one("payments", "refund", saga.RunsAgain))},
	{name: "a failure that leaves the act open", world: "one-order", finds: "a kitchen's places are free or busy, once", does: does(one("kitchen", "ask", saga.NotFails))},

	// Races.
	{
		name: "everybody judges a cancellation", check: "two-judges", rule: 2, world: "one-order", finds: "half done",
		does: does(also("inventory", "release", schemas.CancellationRequested{}, asCancelled)),
	},
	{
		name: "the restaurant's word taken for the judge's", rule: 2, world: "one-order", finds: "never ends",
		does: does(instead("inventory", "consume", "kitchen.accepted", schemas.RestaurantAccepted{}, asAccepted)),
	},
	{name: "a cancellation that nobody hears", world: "one-order", finds: "a cancellation is never answered", does: does(about("kitchen", "cancel", saga.HearsNot, "cancellation.requested"))},
	{name: "a cancellation that is refused in silence", world: "one-order", finds: "a cancellation is never answered", does: does(one("kitchen", "refuse", saga.SaysNot))},
	{name: "a refusal for each request", rule: 7, world: "again-order", finds: "a cancellation is refused twice", does: does(one("kitchen", "cancel", saga.RefusesAgain))},
	{name: "an acceptance that can still be cancelled", check: "never-settled", world: "one-order", finds: "a kitchen's places are free or busy, once", does: does(one("kitchen", "begin", saga.NotPivots))},

	// Waiting.
	{name: "a deadline against a success", check: "no-undo", world: "one-order", finds: "never ends", does: does(one("kitchen", "begin", saga.AnswersNoWait))},
	{name: "a wait without an end", world: "one-order", finds: "unchecked never runs", does: does(about("payments", "unchecked", saga.HearsNot, saga.DeadlineType))},
	{name: "a second answer", rule: 5, world: "unasked-order", finds: "a kitchen's places are free or busy, once", does: does(one("kitchen", "decline", saga.AnswersLate))},
	{
		name: "a hold that expires by itself", check: "silent-judge", rule: 4, world: "one-order", finds: "half done", with: timer,
		does: does(also("inventory", "release", holdExpired{}, asCancelled)),
	},
	{name: "a failure in silence", world: "one-order", finds: "never ends", does: does(one("delivery", "lost", saga.SaysNot))},

	// Money, stock, places and couriers.
	{name: "a refund that moves no money", world: "one-order", finds: "@escrow has 500", does: does(unchanged("payments", "refund", "accounts", ""))},
	{name: "money from nothing", world: "one-order", finds: "does not conserve accounts", does: does(unchanged("payments", "move", "accounts", "ann/INR"))},
	{
		name: "money that may have to go back is spent", rule: 9, world: "one-order", finds: "the saga o1 never ends",
		does: does(instead("payments", "settle", "delivery.completed", schemas.KitchenAccepted{}, asDelivered)),
	},
	{name: "stock that is put back twice", world: "one-order", finds: "what was delivered of a dish is free, held or sold, once", does: does(one("inventory", "release", saga.ChangesTwice))},
	{name: "stock that is reserved again", world: "repeated-order", finds: "stock is held for ever", does: does(one("inventory", "reserve", saga.RunsAgain))},
	{name: "a courier who does not come back", world: "one-order", finds: "a courier is out for ever", does: does(unchanged("delivery", "dropped", "fleets", ""))},
	{name: "a place that is not given back", world: "one-order", finds: "a place in the kitchen is taken for ever", does: does(unchanged("kitchen", "giveUp", "rooms", ""))},
	{name: "a place that is given back twice", world: "repeated-order", finds: "a kitchen's places are free or busy, once", does: does(one("kitchen", "cooked", saga.AsOn))},

	// Who it concerns.
	{name: "a payment that is taken for an order's", rule: 11, world: "payment", finds: "leaves a row", does: does(one("kitchen", "", saga.NotConcerns))},

	// Who only listens.
	{
		name: "the word that came last counts", world: "likes", finds: "a post has 0 likes",
		does: does(instead("likes", "unlike", "post.unliked", schemas.PostUnliked{}, undated)),
	},
	{name: "a like that counts each time", world: "likes", finds: "a post has", does: does(unchanged("likes", "like", "likes", ""))},
	{name: "a message for each repetition", world: "told-order", finds: "the act of notification in the saga o1 stays open", does: does(one("notification", "completed", saga.NotCloses))},

	// A group that somebody adds: points for each order (loyalty_test.go).
	{name: "points that stay when the money goes back", check: "no-undo", world: "one-order", finds: "points for an order that failed", with: withLoyalty(withdrawsUponFailure)},
	{name: "points that depend on the hour", rule: 10, world: "one-order", finds: "loyalty.grantByTheClock is not pure", with: withLoyalty(grantsByTheClock)},
	{name: "points in silence", world: "one-order", finds: "which it does not declare", with: withLoyalty(saysWhatItDoesNotDeclare)},
}

// holdExpired is said by a clock of the inventory's own.
type holdExpired struct{ OrderID string }

func (holdExpired) EventType() string { return "hold.expired" }
func (holdExpired) Topic() string     { return schemas.TopicInventory }
func (f holdExpired) Key() string     { return f.OrderID }

func timer(w sagacheck.World) sagacheck.World {
	expire := func(f schemas.StockReserved) []saga.Fact { return saga.Say(holdExpired{f.OrderID}) }
	w.Outside = append(w.Outside, saga.Outside("timer", saga.Answers(expire, saga.Optional(), saga.Says[holdExpired]())))
	return w
}

// seeded are the groups among which the bugs are: which of several findings comes first depends on who else takes part.
var seeded = []string{"inventory", "payments", "fraud", "kitchen", "delivery", "orders", "likes", "notification", "analytics"}

// worldOf is the world of this name without anybody else.
func worldOf(name string) (w sagacheck.World, ok bool) {
	w, ok = worlds.Find(name)
	w.Groups = slices.DeleteFunc(slices.Clone(w.Groups), func(g *saga.Group) bool { return !slices.Contains(seeded, g.Name()) })
	return w, ok
}

func TestSeededBugsAreFound(t *testing.T) {
	var all []found
	for _, b := range bugs {
		t.Run(b.name, func(t *testing.T) {
			w, ok := worldOf(b.world)
			if !ok {
				t.Fatalf("there is no world %s", b.world)
			}
			if b.with != nil {
				w = b.with(w)
			}
			for _, m := range b.does {
				w = mutated(w, m)
			}
			if got := namedByTheCheck(b, w); b.check != "" && !slices.Contains(got, b.check) || b.check == "" && len(got) > 0 {
				t.Errorf("the check names it %q, want %q", got, b.check)
			}
			w.StopAtFirst = true
			r := sagacheck.Explore(w)
			if len(r.Findings) == 0 {
				t.Fatalf("not found: %v", r)
			}
			t.Log(r)
			for _, f := range r.Findings {
				if strings.Contains(f.What, b.finds) {
					all = append(all, found{b, len(f.Steps), r.Time})
					t.Log(f)
					return
				}
			}
			t.Errorf("want %q, found\n%v", b.finds, r.Findings)
		})
	}
	t.Log("\n" + table(all))
}

func TestTheGroupThatIsAddedIsGoodWithoutAMistake(t *testing.T) {
	w, _ := worldOf("one-order")
	sagacheck.Prove(t, withLoyalty(goodLoyalty)(w))
}

// namedByTheCheck are the rules of the static check that the world breaks with the bug in it, and does not break without.
func namedByTheCheck(b bug, w sagacheck.World) (rules []string) {
	without, _ := worldOf(b.world)
	if b.with != nil && b.does == nil {
		without = withLoyalty(goodLoyalty)(without)
	}
	known := map[string]bool{}
	for _, f := range saga.Check(append(without.Groups, without.Outside...)...) {
		known[f.Rule+f.Group] = true
	}
	for _, f := range saga.Check(append(w.Groups, w.Outside...)...) {
		if !known[f.Rule+f.Group] && !slices.Contains(rules, f.Rule) {
			rules = append(rules, f.Rule)
		}
	}
	return rules
}

// mutated is the world with a mistake in one of its groups.
func mutated(w sagacheck.World, m saga.Mutation) sagacheck.World {
	w.Groups = slices.Clone(w.Groups)
	for i, g := range w.Groups {
		if g.Name() == m.Group {
			w.Groups[i] = g.Mutate(m)
			return w
		}
	}
	panic("no group " + m.Group + " in the world " + w.Name)
}

// table lists what was found, for people.
func table(all []found) string {
	var b strings.Builder
	t := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "bug\trule\tcheck\tworld\tproof\tsteps\ttime")
	for _, f := range all {
		rule := ""
		if f.rule > 0 {
			rule = fmt.Sprint(f.rule)
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%d\t%v\n", f.name, rule, f.check, f.world, f.finds, f.steps, f.took.Round(100*time.Microsecond))
	}
	t.Flush()
	return b.String()
}
