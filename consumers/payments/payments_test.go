package payments

import (
	"testing"
	"time"

	"tiffin/saga"
	"tiffin/saga/sagatest"
	"tiffin/schemas"
)

func inr(n int64) schemas.Money { return schemas.Money{Currency: "INR", MinorUnits: n} }

func credited(id, owner string, amount schemas.Money) schemas.AccountCredited {
	return schemas.AccountCredited{CreditID: id, AccountID: owner, Amount: amount}
}

func has(owner string, balance int64) *Account {
	return &Account{AccountID: owner + "/INR", Owner: owner, Currency: "INR", Balance: balance}
}

var (
	reserved  = schemas.StockReserved{OrderID: "o1", CustomerID: "ann", RestaurantID: "rest", Total: inr(500)}
	requested = schemas.PaymentRequested{PaymentID: "o1", Purpose: schemas.ForOrder, From: "ann", To: "@escrow", Amount: inr(500)}
	cleared   = schemas.PaymentCleared{PaymentID: "o1", Purpose: schemas.ForOrder}
	unclean   = schemas.PaymentFlagged{PaymentID: "o1", Purpose: schemas.ForOrder, Reasons: []string{"odd"}}
	succeeded = schemas.PaymentSucceeded{PaymentID: "o1", Purpose: schemas.ForOrder, RestaurantID: "rest", Amount: inr(500)}
	settled   = schemas.PaymentSettled{PaymentID: "o1", Purpose: schemas.ForOrder, To: "rest", Amount: inr(500)}
	completed = schemas.DeliveryCompleted{OrderID: "o1"}

	initiated = schemas.PaymentInitiated{PaymentID: "p1", From: "ann", To: "bob", Amount: inr(300)}
	asked     = schemas.PaymentRequested{PaymentID: "p1", Purpose: schemas.Transfer, From: "ann", To: "bob", Amount: inr(300)}
)

func failed(reason string) schemas.PaymentFailed {
	return schemas.PaymentFailed{PaymentID: "o1", Purpose: schemas.ForOrder, Reason: reason}
}

func transferFailed(reason string) schemas.PaymentFailed {
	return schemas.PaymentFailed{PaymentID: "p1", Purpose: schemas.Transfer, Reason: reason}
}

func refunded(reason string) schemas.PaymentRefunded {
	return schemas.PaymentRefunded{PaymentID: "o1", Purpose: schemas.ForOrder, Amount: inr(500), Reason: reason}
}

// failedPayment is what is kept of the order's payment.
func failedPayment(reason string) *Payment {
	return &Payment{PaymentID: "o1", Purpose: schemas.ForOrder, From: "ann", To: "@escrow", RestaurantID: "rest", Amount: inr(500), Reason: reason}
}

// script has ann with 500 and bob with 20 rupees' worth, both from outside. When the test is over the books must balance.
func script(t *testing.T) *sagatest.Script {
	s := sagatest.Group(t, Group(Config{FraudTime: 15 * time.Minute})).
		Hears(credited("c1", "ann", inr(500))).Hears(credited("c2", "bob", inr(20))).
		Keeps(has("ann", 500), has("bob", 20), has("@outside", -520))
	t.Cleanup(func() { balances(t, s.World()) })
	return s
}

// balances: each account has what its movements make, each movement gives what it takes, and all together make zero.
func balances(t *testing.T, w *sagatest.World) {
	t.Helper()
	made := map[string]int64{}
	for _, m := range sagatest.Rows[Movement](w) {
		if m.FromAmount+m.ToAmount != 0 || m.ToAmount <= 0 {
			t.Errorf("the legs of %+v do not sum to zero, or it moves nothing", m)
		}
		made[m.FromAccount] += m.FromAmount
		made[m.ToAccount] += m.ToAmount
	}
	sum := map[string]int64{}
	for id, want := range made {
		a, exists := sagatest.Load[Account](w, id)
		if !exists || a.Balance != want {
			t.Errorf("account %s has %d, its movements make %d", id, a.Balance, want)
		}
		sum[a.Currency] += a.Balance
	}
	for currency, n := range sum {
		if n != 0 {
			t.Errorf("all accounts in %s sum to %d", currency, n)
		}
	}
}

func movementsOf(s *sagatest.Script, id string) (kinds []string) {
	for _, m := range sagatest.Rows[Movement](s.World()) {
		if m.PaymentID == id {
			kinds = append(kinds, m.Kind)
		}
	}
	return kinds
}

func wantMovements(t *testing.T, s *sagatest.Script, id string, want ...string) {
	t.Helper()
	got := movementsOf(s, id)
	if len(got) != len(want) {
		t.Fatalf("%s has the movements %v, want %v", id, got, want)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("%s has the movements %v, want %v", id, got, want)
		}
	}
}

func TestACreditCountsOnce(t *testing.T) {
	s := script(t).
		Hears(credited("c1", "ann", inr(500))).SaysNothing().Keeps(has("ann", 500), has("@outside", -520)).
		Hears(credited("c3", "ann", inr(1))).SaysNothing().Keeps(has("ann", 501), &Credit{CreditID: "c3", AccountID: "ann", Amount: inr(1)})
	wantMovements(t, s, "c1", "credit")
}

func TestAnOwnerHasAnAccountForEachCurrency(t *testing.T) {
	script(t).Hears(credited("c3", "ann", schemas.Money{Currency: "EUR", MinorUnits: 7})).
		Keeps(has("ann", 500), &Account{AccountID: "ann/EUR", Owner: "ann", Currency: "EUR", Balance: 7},
			&Account{AccountID: "@outside/EUR", Owner: "@outside", Currency: "EUR", Balance: -7})
}

func TestAnOrderIsPaidAndSettled(t *testing.T) {
	s := script(t).
		Hears(reserved).Says(requested).Act("o1", saga.Done).Keeps(has("ann", 500)).
		Hears(reserved).SaysNothing().
		Hears(cleared).Says(succeeded).Keeps(has("ann", 0), has("@escrow", 500)).
		Hears(cleared).SaysNothing().
		Passes(time.Hour).SaysNothing(). // nobody waits for fraud any more
		Hears(completed).Says(settled).Act("o1", saga.Closed).Keeps(has("@escrow", 0), has("rest", 500)).
		Hears(completed).SaysNothing().
		Hears(schemas.DeliveryFailed{OrderID: "o1", Reason: "lost"}).SaysNothing().Keeps(has("rest", 500))
	wantMovements(t, s, "o1", "pay", "settle")
}

func undos() []saga.Fact {
	return saga.Say(
		schemas.KitchenRejected{OrderID: "o1", Reason: "why-not"},
		schemas.KitchenCancelled{OrderID: "o1", Reason: "why-not"},
		schemas.DeliveryFailed{OrderID: "o1", Reason: "why-not"},
	)
}

func TestAnOrdersPaymentIsUndone(t *testing.T) {
	for _, undo := range undos() {
		t.Run(undo.EventType()+" after the money moved", func(t *testing.T) {
			s := script(t).Hears(reserved).Hears(cleared).
				Hears(undo).Says(refunded("why-not")).Act("o1", saga.Undone).Keeps(has("ann", 500), has("@escrow", 0), failedPayment("why-not"))
			for _, again := range undos() {
				s.Hears(again).SaysNothing()
			}
			s.Hears(completed).SaysNothing().Hears(cleared).SaysNothing().Keeps(has("ann", 500), has("@escrow", 0))
			wantMovements(t, s, "o1", "pay", "refund")
		})
		t.Run(undo.EventType()+" before", func(t *testing.T) {
			s := script(t).Hears(reserved).
				Hears(undo).Says(failed("why-not")).Act("o1", saga.Undone).
				Hears(cleared).SaysNothing().Passes(time.Hour).SaysNothing().Keeps(has("ann", 500), failedPayment("why-not"))
			wantMovements(t, s, "o1")
		})
		t.Run(undo.EventType()+" before anything", func(t *testing.T) {
			script(t).Hears(undo).SaysNothing().Act("o1", saga.Barred).
				Hears(reserved).Says(failed(schemas.ReasonBarred(undo.EventType()))).Act("o1", saga.Refused).
				Hears(cleared).SaysNothing().Keeps(has("ann", 500), failedPayment(schemas.ReasonBarred(undo.EventType())))
		})
	}
}

func TestFraudSaysNo(t *testing.T) {
	script(t).Hears(reserved).Hears(unclean).Says(failed(schemas.ReasonFlaggedByFraud)).Act("o1", saga.Refused).
		Hears(cleared).SaysNothing().Keeps(has("ann", 500))
	script(t).Hears(initiated).Hears(schemas.PaymentFlagged{PaymentID: "p1", Purpose: schemas.Transfer, Reasons: []string{"odd"}}).
		Says(transferFailed(schemas.ReasonFlaggedByFraud)).Keeps(has("ann", 500), has("bob", 20))
}

func TestFraudNeverAnswers(t *testing.T) {
	script(t).Hears(reserved).Passes(14*time.Minute).SaysNothing().
		Passes(time.Minute).Says(failed(schemas.ReasonFraudCheckTimedOut)).Act("o1", saga.Refused).
		Hears(cleared).SaysNothing().Keeps(has("ann", 500))
	script(t).Hears(initiated).Passes(15 * time.Minute).Says(transferFailed(schemas.ReasonFraudCheckTimedOut))
	sagatest.Group(t, Group(Config{})).Hears(reserved).Passes(15*time.Minute - time.Second).SaysNothing().
		Passes(time.Second).Says(failed(schemas.ReasonFraudCheckTimedOut))
}

func TestThePayerCannotPay(t *testing.T) {
	dear := reserved
	dear.Total = inr(501)
	s := script(t).Hears(dear).Hears(cleared).Says(failed(schemas.ReasonInsufficientFunds)).Act("o1", saga.Refused).Keeps(has("ann", 500))
	wantMovements(t, s, "o1")

	stranger := reserved
	stranger.CustomerID = "eve"
	script(t).Hears(stranger).Hears(cleared).Says(failed(schemas.ReasonUnknownAccount)).Act("o1", saga.Refused)

	abroad := reserved
	abroad.Total.Currency = "EUR"
	script(t).Hears(abroad).Hears(cleared).Says(failed(schemas.ReasonUnknownAccount)).Keeps(has("ann", 500))
}

func TestATransferIsSettledAtOnce(t *testing.T) {
	s := script(t).Hears(initiated).Says(asked).
		Hears(initiated).SaysNothing().
		Hears(schemas.PaymentCleared{PaymentID: "p1", Purpose: schemas.Transfer}).
		Says(schemas.PaymentSucceeded{PaymentID: "p1", Purpose: schemas.Transfer, Amount: inr(300)},
			schemas.PaymentSettled{PaymentID: "p1", Purpose: schemas.Transfer, To: "bob", Amount: inr(300)}).
		Act("p1", saga.Closed).Keeps(has("ann", 200), has("bob", 320)).
		Hears(schemas.KitchenRejected{OrderID: "p1", Reason: "why-not"}).SaysNothing().
		Passes(time.Hour).SaysNothing().Keeps(has("ann", 200), has("bob", 320))
	wantMovements(t, s, "p1", "pay")
}

func TestATransferFails(t *testing.T) {
	for reason, change := range map[string]func(*schemas.PaymentInitiated){
		schemas.ReasonInsufficientFunds: func(f *schemas.PaymentInitiated) { f.Amount = inr(501) },
		schemas.ReasonUnknownAccount:    func(f *schemas.PaymentInitiated) { f.To = "eve" },
	} {
		t.Run(reason, func(t *testing.T) {
			f := initiated
			change(&f)
			script(t).Hears(f).Hears(schemas.PaymentCleared{PaymentID: "p1", Purpose: schemas.Transfer}).Says(transferFailed(reason)).
				Act("p1", saga.Refused).Keeps(has("ann", 500), has("bob", 20),
				&Payment{PaymentID: "p1", Purpose: schemas.Transfer, From: f.From, To: f.To, Amount: f.Amount, Reason: reason})
		})
	}
	unknown := initiated
	unknown.From = "eve"
	script(t).Hears(unknown).Hears(schemas.PaymentCleared{PaymentID: "p1", Purpose: schemas.Transfer}).Says(transferFailed(schemas.ReasonUnknownAccount))
}

// The API refuses a payment to oneself. One that comes from elsewhere moves money in a circle, and makes none.
func TestAPaymentToOneselfMakesNoMoney(t *testing.T) {
	f := initiated
	f.To = "ann"
	script(t).Hears(f).Hears(schemas.PaymentCleared{PaymentID: "p1", Purpose: schemas.Transfer}).
		Says(schemas.PaymentSucceeded{PaymentID: "p1", Purpose: schemas.Transfer, Amount: inr(300)},
			schemas.PaymentSettled{PaymentID: "p1", Purpose: schemas.Transfer, To: "ann", Amount: inr(300)}).
		Keeps(has("ann", 500))
}

// A payment that is initiated again, with whatever in it, is the one that was initiated first.
func TestTheFirstInitiationCounts(t *testing.T) {
	other := schemas.PaymentInitiated{PaymentID: "p1", From: "bob", To: "ann", Amount: inr(1)}
	verdict := schemas.PaymentCleared{PaymentID: "p1", Purpose: schemas.Transfer}
	s := script(t).Hears(initiated).Says(asked).Hears(other).SaysNothing().
		Hears(verdict).Hears(other).SaysNothing().Hears(verdict).SaysNothing().
		Keeps(has("ann", 200), has("bob", 320), &Payment{PaymentID: "p1", Purpose: schemas.Transfer, From: "ann", To: "bob", Amount: inr(300), Moved: true})
	wantMovements(t, s, "p1", "pay")
}

// A restaurant's own order pays itself in the end, by way of escrow.
func TestARestaurantMayOrderFromItself(t *testing.T) {
	own := reserved
	own.RestaurantID = "ann"
	script(t).Hears(own).Hears(cleared).Keeps(has("ann", 0), has("@escrow", 500)).
		Hears(completed).Keeps(has("ann", 500), has("@escrow", 0))
}

func TestTheHousesAccountsAreNoParty(t *testing.T) {
	for _, parties := range [][2]string{{"@escrow", "bob"}, {"@outside", "bob"}, {"ann", "@escrow"}, {"ann", "@outside"}, {"@", "bob"}} {
		f := initiated
		f.From, f.To = parties[0], parties[1]
		script(t).Hears(f).Says(transferFailed(schemas.ReasonHouseAccount)).Act("p1", saga.Refused).
			Hears(schemas.PaymentCleared{PaymentID: "p1", Purpose: schemas.Transfer}).SaysNothing().Keeps(has("ann", 500), has("bob", 20), has("@outside", -520))
	}
}

func TestWhatIsTooOldIsRefused(t *testing.T) {
	script(t).HearsLate(reserved, 25*time.Hour).Says(failed(schemas.ReasonExpired)).Act("o1", saga.Refused)
	script(t).HearsLate(initiated, 25*time.Hour).Says(transferFailed(schemas.ReasonExpired)).Act("p1", saga.Refused).
		Keeps(&Payment{PaymentID: "p1", Purpose: schemas.Transfer, From: "ann", To: "bob", Amount: inr(300), Reason: schemas.ReasonExpired})
}

func TestNothingIsDecidedBeforeItIsAsked(t *testing.T) {
	script(t).Hears(cleared).SaysNothing().Hears(unclean).SaysNothing().Hears(completed).SaysNothing().
		Hears(reserved).Says(requested).Keeps(has("ann", 500))
}

// A stranger may say that something was delivered that nobody has paid for yet.
func TestNobodyIsPaidOutOfTheMoneyOfOthers(t *testing.T) {
	other := reserved
	other.OrderID, other.Total = "o2", inr(400)
	s := script(t).Hears(other).Hears(schemas.PaymentCleared{PaymentID: "o2", Purpose: schemas.ForOrder}).Keeps(has("@escrow", 400)).
		Hears(schemas.StockReserved{OrderID: "o1", CustomerID: "bob", RestaurantID: "rest", Total: inr(20)}).
		Hears(completed).SaysNothing().Act("o1", saga.Done).Keeps(has("@escrow", 400), has("bob", 20)).
		Hears(cleared).Keeps(has("@escrow", 420), has("bob", 0))
	wantMovements(t, s, "o1", "pay")
}
