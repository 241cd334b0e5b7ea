package worlds_test

import (
	"fmt"
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
	does  []saga.Mutation                 // what is mistaken,
	with  func(worlds.World) worlds.World // or changed in the world otherwise
	world string                          // which finds it
	finds string                          // what is said of it
	rule  int                             // of DESIGN.md, that it breaks; 0 for none
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

var bugs = []bug{
	// The end.
	{
		name: "nobody owns the end", rule: 1, world: "one-order", finds: "an order never ends",
		does: does(about("orders", "cancel", saga.HearsNot, "order.placed"), about("orders", "complete", saga.HearsNot, "order.placed")),
	},
	{
		name: "an end without its beginning", rule: 1, world: "early-cancellation", finds: "an order ends that was never placed",
		does: does(saga.Mutation{Group: "orders", Reaction: "cancel", Op: saga.HearsInstead, Fact: "order.placed", Other: schemas.KitchenCancelled{}}),
	},
	{
		name: "the end comes too early", world: "one-order", finds: "half done",
		does: does(saga.Mutation{Group: "orders", Reaction: "complete", Op: saga.HearsInstead, Fact: "delivery.completed", Other: schemas.MealReady{}}),
	},
	{name: "two ends", world: "repeated-order", finds: "an order ends twice", does: does(one("orders", "cancel", saga.NotCloses))},

	// Undoing.
	{name: "a missing undo", world: "one-order", finds: "an order never ends", does: does(about("inventory", "release", saga.HearsNot, "kitchen.rejected"))},
	{
		name: "an undo that hears another's compensation, which overtakes", rule: 3, world: "one-order", finds: "half done",
		does: does(saga.Mutation{Group: "inventory", Reaction: "release", Op: saga.HearsInstead, Fact: "kitchen.rejected", Other: schemas.PaymentRefunded{}}),
	},
	{
		name: "an undo that takes back what was never done", world: "one-order", finds: "a kitchen's places are free or busy, once",
		does: does(one("kitchen", "cancel", saga.IgnoresNothing)),
	},
	{name: "an undo that comes first and is forgotten", rule: 8, world: "one-order", finds: "half done", does: does(one("payments", "refund", saga.LeavesNoMark))},
	{name: "a do that comes too late and says nothing", rule: 8, world: "one-order", finds: "an order never ends", does: does(one("payments", "openOrder", saga.NotRefuses))},
	{name: "a refund upon each cause", world: "repeated-order", finds: "an account is overdrawn", does: does(one("payments", "refund", saga.AsOn))},
	{name: "a failure that leaves the act open", world: "one-order", finds: "a kitchen's places are free or busy, once", does: does(about("kitchen", "ask", saga.NotFails, "kitchen.rejected"))},

	// Races.
	{
		name: "everybody judges a cancellation", rule: 2, world: "one-order", finds: "half done",
		does: does(saga.Mutation{Group: "inventory", Reaction: "release", Op: saga.HearsAlso, Other: schemas.CancellationRequested{}}),
	},
	{
		name: "the door's word taken for the judge's", rule: 2, world: "one-order", finds: "half done",
		does: does(saga.Mutation{
			Group: "inventory", Reaction: "consume", Op: saga.HearsInstead, Fact: "kitchen.accepted", Other: schemas.RestaurantAccepted{},
			As: func(f saga.Fact) saga.Fact { return schemas.KitchenAccepted{OrderID: f.Key(), RestaurantID: "rest"} },
		}),
	},
	{name: "a cancellation that nobody hears", world: "one-order", finds: "a cancellation is never answered", does: does(about("kitchen", "cancel", saga.HearsNot, "cancellation.requested"))},
	{name: "a cancellation that is refused in silence", world: "one-order", finds: "a cancellation is never answered", does: does(one("kitchen", "refuse", saga.SaysNot))},
	{name: "a refusal for each request", rule: 7, world: "repeated-order", finds: "a cancellation is refused twice", does: does(one("kitchen", "refuse", saga.RefusesAgain))},
	{name: "an acceptance that can still be cancelled", world: "one-order", finds: "half done", does: does(one("kitchen", "begin", saga.NotPivots))},

	// Waiting.
	{name: "a deadline against a success", world: "one-order", finds: "half done", does: does(one("kitchen", "begin", saga.AnswersNoWait))},
	{name: "a wait without an end", world: "one-order", finds: "an order never ends", does: does(about("payments", "unchecked", saga.HearsNot, saga.DeadlineType))},
	{name: "a second answer", rule: 5, world: "unasked-order", finds: "half done", does: does(one("kitchen", "decline", saga.AnswersLate))},
	{
		name: "a hold that expires by itself", rule: 4, world: "one-order", finds: "half done", with: timer,
		does: does(saga.Mutation{Group: "inventory", Reaction: "release", Op: saga.HearsAlso, Other: holdExpired{}}),
	},
	{name: "a failure in silence", world: "one-order", finds: "an order never ends", does: does(one("delivery", "lost", saga.SaysNot))},

	// Money, stock, places and couriers.
	{
		name: "a refund that moves no money", world: "one-order", finds: "@escrow has 500",
		does: does(saga.Mutation{Group: "payments", Reaction: "refund", Op: saga.ChangesNot, Table: "accounts"}),
	},
	{
		name: "money from nothing", world: "one-order", finds: "does not conserve accounts: +500",
		does: does(saga.Mutation{Group: "payments", Reaction: "move", Op: saga.ChangesNot, Table: "accounts", Key: "ann/INR"}),
	},
	{
		name: "money that may have to go back is spent", rule: 9, world: "one-order", finds: "half done",
		does: does(saga.Mutation{
			Group: "payments", Reaction: "settle", Op: saga.HearsInstead, Fact: "delivery.completed", Other: schemas.KitchenAccepted{},
			As: func(f saga.Fact) saga.Fact { return schemas.DeliveryCompleted{OrderID: f.Key()} },
		}),
	},
	{name: "stock that is put back twice", world: "one-order", finds: "what was delivered of a dish is free, held or sold, once", does: does(one("inventory", "release", saga.ChangesTwice))},
	{name: "stock that is reserved again", world: "repeated-order", finds: "stock is held for ever", does: does(one("inventory", "reserve", saga.RunsAgain))},
	{
		name: "a courier who does not come back", world: "one-order", finds: "a courier is out for ever",
		does: does(saga.Mutation{Group: "delivery", Reaction: "dropped", Op: saga.ChangesNot, Table: "fleets"}),
	},
	{
		name: "a place that is not given back", world: "one-order", finds: "a place in the kitchen is taken for ever",
		does: does(saga.Mutation{Group: "kitchen", Reaction: "giveUp", Op: saga.ChangesNot, Table: "rooms"}),
	},
	{name: "a place that is given back twice", world: "repeated-order", finds: "a kitchen's places are free or busy, once", does: does(one("kitchen", "cooked", saga.AsOn))},

	// Who it concerns.
	{name: "a payment that is taken for an order's", rule: 11, world: "payment", finds: "leaves a row", does: does(one("kitchen", "", saga.NotConcerns))},

	// Who only listens.
	{
		name: "the word that came last counts", world: "likes", finds: "the last word of a user does not count",
		does: does(saga.Mutation{
			Group: "likes", Reaction: "unlike", Op: saga.HearsInstead, Fact: "post.unliked", Other: schemas.PostUnliked{},
			As: func(f saga.Fact) saga.Fact {
				u := f.(schemas.PostUnliked)
				u.AcceptedAt = 0
				return u
			},
		}),
	},
	{
		name: "a like that counts each time", world: "likes", finds: "another count",
		does: does(saga.Mutation{Group: "likes", Reaction: "like", Op: saga.ChangesNot, Table: "likes"}),
	},
	{name: "a message for each repetition", world: "told-order", finds: "said 2 times", does: does(one("notification", "completed", saga.NotCloses))},
}

// holdExpired is said by a clock of the inventory's own.
type holdExpired struct{ OrderID string }

func (holdExpired) EventType() string { return "hold.expired" }
func (holdExpired) Topic() string     { return schemas.TopicInventory }
func (f holdExpired) Key() string     { return f.OrderID }

func timer(w worlds.World) worlds.World {
	expire := func(f schemas.StockReserved) []saga.Fact { return saga.Say(holdExpired{f.OrderID}) }
	w.Outside = append(w.Outside, saga.Outside("timer", saga.Answers(expire, saga.Optional(), saga.Says[holdExpired]())))
	return w
}

func TestSeededBugsAreFound(t *testing.T) {
	var all []found
	for _, b := range bugs {
		t.Run(b.name, func(t *testing.T) {
			w, ok := worlds.Find(b.world)
			if !ok {
				t.Fatalf("there is no world %s", b.world)
			}
			if b.with != nil {
				w = b.with(w)
			}
			for _, m := range b.does {
				w = mutated(w, m)
			}
			w.StopAtFirst = true
			r := sagacheck.Explore(w.World)
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

// mutated is the world with a mistake in one of its groups.
func mutated(w worlds.World, m saga.Mutation) worlds.World {
	for _, g := range w.Groups {
		if g.Name() == m.Group {
			return w.With(g.Mutate(m))
		}
	}
	panic("no group " + m.Group + " in the world " + w.Name)
}

// table lists what was found, for people.
func table(all []found) string {
	var b strings.Builder
	t := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "bug\trule\tworld\tfound\tsteps\ttime")
	for _, f := range all {
		rule := ""
		if f.rule > 0 {
			rule = fmt.Sprint(f.rule)
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%d\t%v\n", f.name, rule, f.world, f.finds, f.steps, f.took.Round(100*time.Microsecond))
	}
	t.Flush()
	return b.String()
}
