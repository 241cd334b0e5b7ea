package worlds

import (
	"fmt"
	"slices"
	"time"

	"tiffin/consumers/analytics"
	"tiffin/consumers/likes"
	"tiffin/saga"
	"tiffin/saga/sagacheck"
	"tiffin/saga/words"
	"tiffin/schemas"
)

// listeners are the worlds of the groups that nobody in a saga waits for.
func listeners() []sagacheck.World {
	settled := schemas.PaymentSettled{PaymentID: "p1", Purpose: schemas.Transfer, To: "bob", Amount: rupees}
	failed := schemas.PaymentFailed{PaymentID: "p1", Purpose: schemas.Transfer, Reason: schemas.ReasonInsufficientFunds}
	return []sagacheck.World{
		named("likes", "Two users like and unlike a post through doors that know nothing of each other, so in any order, and two words come twice.",
			repeated(2, liking())),
		named("told-order", "Who has ordered is told of the end, once, by a message that may fail, with a crash, and one fact delivered twice.",
			repeated(1, crashing(told(placed("o1"), schemas.OrderCompleted{OrderID: "o1"}, schemas.OrderCancelled{OrderID: "o1", Reason: schemas.ReasonSoldOut})))),
		named("told-payment", "Who pays and who is paid are told, once each, by messages that may fail, with a crash, and one fact delivered twice.",
			repeated(1, crashing(told(initiated("ann", "bob"), settled, failed)))),
		named("counted-order", "An order, and a payment beside it, are counted by what became of them, in whatever order that is heard.", counted()),
		named("counted-likes", "Likes and unlikes are counted by the minute in which they were accepted.", countedLikes()),
	}
}

// seen says that a user has seen a post; no group hears it. It is upon this that the doors of a world of likes accept words.
type seen struct{ UserID string }

func (seen) EventType() string { return "post.seen" }
func (seen) Topic() string     { return schemas.TopicLikes }
func (f seen) Key() string     { return f.UserID }

// liking: each of three doors accepts one word of ann's, a second apart: like, unlike, like; and two accept bob's: like, unlike.
func liking() sagacheck.World {
	return sagacheck.World{
		Groups:  groups(func(name string) bool { return name == "likes" }),
		Start:   saga.Say(seen{"ann"}, seen{"bob"}),
		Outside: []*saga.Group{door(0, true), door(1, false), door(2, true, "ann")},
		Final: func(v sagacheck.View) string {
			switch n := at[likes.Post](v, "post").Count; {
			case n != 1:
				return fmt.Sprintf("one user likes a post in the end, and a post has %s", words.Count(n, "like"))
			case !at[likes.Like](v, "post/ann").Liked || at[likes.Like](v, "post/bob").Liked:
				return "the last word of a user does not count"
			}
			return ""
		},
	}
}

// door accepts a word of each user, or of these, a few seconds before the world begins to hear of it.
func door(seconds int, like bool, only ...string) *saga.Group {
	accept := func(f seen) []saga.Fact {
		word := schemas.PostLiked{PostID: "post", UserID: f.UserID, AcceptedAt: schemas.MomentOf(now.Add(time.Duration(seconds-5) * time.Second))}
		switch {
		case len(only) > 0 && !slices.Contains(only, f.UserID):
			return nil
		case like:
			return saga.Say(word)
		}
		return saga.Say(schemas.PostUnliked(word))
	}
	return saga.Outside(fmt.Sprint("door-", seconds+1), saga.Answers(accept, saga.Says[schemas.PostLiked](), saga.Says[schemas.PostUnliked]()))
}

// told is the world of a notification: what begins a matter, and the two ways in which others may end it.
func told(begins, well, badly saga.Fact) sagacheck.World {
	end := func() []saga.Fact { return saga.Say(well, badly) }
	others := saga.Outside("others",
		saga.Answers(func(schemas.OrderPlaced) []saga.Fact { return end() }, saga.Says[schemas.OrderCompleted](), saga.Says[schemas.OrderCancelled]()),
		saga.Answers(func(schemas.PaymentInitiated) []saga.Fact { return end() }, saga.Says[schemas.PaymentSettled](), saga.Says[schemas.PaymentFailed]()))
	return sagacheck.World{
		Groups:  groups(func(name string) bool { return name == "notification" }),
		Start:   saga.Say(begins),
		Outside: []*saga.Group{others, bank()},
		Final: func(v sagacheck.View) string {
			letters := 1
			if well.EventType() == "payment.settled" && v.Said("payment.settled", begins.Key()) > 0 {
				letters = 2 // to who pays and to who is paid
			}
			if is := v.Said("notification.sent", begins.Key()) + v.Said("notification.failed", begins.Key()); is != letters {
				return fmt.Sprintf("what became of %d messages is said %d times", letters, is)
			}
			return ""
		},
	}
}

// bank says how the payment of an order ends, which is not told by itself.
func bank() *saga.Group {
	end := func(f schemas.OrderPlaced) []saga.Fact {
		return saga.Say(
			schemas.PaymentSettled{PaymentID: f.OrderID, Purpose: schemas.ForOrder, To: f.RestaurantID, Amount: rupees},
			schemas.PaymentFailed{PaymentID: f.OrderID, Purpose: schemas.ForOrder, Reason: schemas.ReasonInsufficientFunds})
	}
	return saga.Outside("bank", saga.Answers(end, saga.Says[schemas.PaymentSettled](), saga.Says[schemas.PaymentFailed]()))
}

// counted is the world of an order beside a payment, and of who counts both.
func counted() sagacheck.World {
	w := besideAPayment("ann")
	w.Deadlines = false
	w.Initially[thePayer] = oneOf(payer("ann"))
	w.Groups = append(w.Groups, groups(func(name string) bool { return name == "analytics" })...)
	w.Final = func(v sagacheck.View) string {
		ends, money := at[analytics.Ends](v, "all"), at[analytics.Money](v, "INR")
		reasons := int64(0)
		for _, n := range ends.Reasons {
			reasons += n
		}
		said := func(eventType string) int64 { return int64(v.Said(eventType, "o1")) }
		if ends.Placed != 1 || ends.Completed != said("order.completed") || ends.Cancelled != said("order.cancelled") || reasons != ends.Cancelled {
			return fmt.Sprintf("an order is counted as %+v", ends)
		}
		if money.Paid != price*said("payment.succeeded") || money.Refunded != price*said("payment.refunded") ||
			money.Settled != price*said("payment.settled") || money.Transferred != price*int64(v.Said("payment.settled", "p1")) {
			return fmt.Sprintf("money is counted as %+v", money)
		}
		return ""
	}
	return w
}

func countedLikes() sagacheck.World {
	w := liking()
	w.Groups = groups(func(name string) bool { return name == "analytics" })
	w.Final = func(v sagacheck.View) string {
		day, minute := at[analytics.Day](v, "2026-01-01"), at[analytics.Minute](v, "11:59")
		if day.Likes != 3 || day.Unlikes != 2 || minute.Likes != 3 || minute.Unlikes != 2 {
			return fmt.Sprintf("three likes and two unlikes are counted as %+v, %+v", day, minute)
		}
		return ""
	}
	return w
}
