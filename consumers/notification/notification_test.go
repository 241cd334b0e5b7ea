package notification

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"tiffin/saga"
	"tiffin/saga/sagatest"
	"tiffin/schemas"
)

var (
	placed         = schemas.OrderPlaced{OrderID: "o1", CustomerID: "ann", RestaurantID: "r1", Items: []schemas.Item{{SKU: "dal", Quantity: 1}}}
	orderDone      = schemas.OrderCompleted{OrderID: "o1"}
	orderCancel    = schemas.OrderCancelled{OrderID: "o1", Reason: "sold-out"}
	paying         = schemas.PaymentInitiated{PaymentID: "p1", From: "ann", To: "bob", Amount: schemas.Money{Currency: "INR", MinorUnits: 12_500}}
	paid           = schemas.PaymentSettled{PaymentID: "p1", Purpose: schemas.Transfer, To: "bob", Amount: paying.Amount}
	unpaid         = schemas.PaymentFailed{PaymentID: "p1", Purpose: schemas.Transfer, Reason: "insufficient-funds"}
	settledOrder   = schemas.PaymentSettled{PaymentID: "o1", Purpose: schemas.ForOrder, To: "r1", Amount: paying.Amount}
	unsettledOrder = schemas.PaymentFailed{PaymentID: "o1", Purpose: schemas.ForOrder, Reason: "insufficient-funds"}
)

// script is the group, and what it requests, as it is asked for.
func script(t *testing.T, fail error) (*sagatest.Script, *[]Message) {
	t.Helper()
	s, told := sagatest.Group(t, Group(Config{})), &[]Message{}
	keys := map[string]bool{}
	s.World().Perform = func(r saga.Request) error {
		if keys[r.ID] || !schemas.IsID(r.ID) {
			t.Errorf("the idempotency key %q is used twice, or no id", r.ID)
		}
		keys[r.ID] = true
		*told = append(*told, r.Data.(Message))
		return fail
	}
	return s, told
}

// wantTold: these customers were told these kinds, each text with all of these words, and what was said says so.
func wantTold(t *testing.T, s *sagatest.Script, told []Message, want ...string) {
	t.Helper()
	var said []schemas.NotificationSent
	for _, f := range s.World().Said {
		if sent, ok := f.(schemas.NotificationSent); ok {
			said = append(said, sent)
		}
	}
	if len(told) != len(want) || len(said) != len(want) {
		t.Fatalf("told %+v, said %+v, want %q", told, said, want)
	}
	for i, m := range told {
		words := strings.Split(want[i], "|")
		if got := m.CustomerID + " " + string(m.Kind) + " " + m.About; got != words[0] {
			t.Errorf("told %s, want %s", got, words[0])
		}
		for _, word := range words[1:] {
			if !strings.Contains(m.Subject+"\n"+m.Text, word) {
				t.Errorf("%q, %q does not say %q", m.Subject, m.Text, word)
			}
		}
		if m.At != s.World().Now() {
			t.Errorf("at %v, want the time of the cause", m.At)
		}
		if f := said[i]; f.CustomerID != m.CustomerID || f.Kind != string(m.Kind) || f.About != m.About || f.Key() != m.About || f.Validate() != nil {
			t.Errorf("said %+v of %+v", f, m)
		}
	}
}

func TestWhoIsToldWhat(t *testing.T) {
	for name, test := range map[string]struct {
		hears []saga.Fact
		want  []string
	}{
		"completed": {saga.Say(placed, orderDone), []string{"ann order-completed o1|o1|delivered"}},
		"cancelled": {saga.Say(placed, orderCancel), []string{"ann order-cancelled o1|o1|sold out"}},
		"paid":      {saga.Say(paying, paid), []string{"ann payment-sent p1|p1|125.00 INR|bob", "bob payment-received p1|p1|125.00 INR|ann"}},
		"not paid":  {saga.Say(paying, unpaid), []string{"ann payment-failed p1|p1|bob|insufficient funds"}},
		// The end of an order tells of its money too.
		"an order's payment": {saga.Say(placed, settledOrder, unsettledOrder, orderDone), []string{"ann order-completed o1"}},
		"the end, again":     {saga.Say(placed, orderDone, orderDone, orderCancel, placed, orderDone), []string{"ann order-completed o1"}},
		"a payment, again":   {saga.Say(paying, unpaid, paid, paying, paid), []string{"ann payment-failed p1"}},
		// Nobody knows whose these are.
		"never begun": {saga.Say(orderDone, orderCancel, paid, unpaid), nil},
		// A stranger mixes up orders and payments.
		"a mix-up": {saga.Say(placed, schemas.PaymentSettled{PaymentID: "o1", Purpose: schemas.Transfer, To: "eve", Amount: paying.Amount}), []string{"ann payment-sent o1"}},
	} {
		t.Run(name, func(t *testing.T) {
			s, told := script(t, nil)
			for _, f := range test.hears {
				s.Hears(f)
			}
			wantTold(t, s, *told, test.want...)
		})
	}
}

func TestWhatCannotBeToldIsSaid(t *testing.T) {
	for reason, fail := range map[string]error{
		schemas.ReasonUndeliverable:    saga.Permanent(errors.New("550 no such user ann@example.org")),
		schemas.ReasonDeliveryTimedOut: errors.New("connection refused"),
	} {
		s, told := script(t, fail)
		s.Hears(placed).Hears(orderCancel)
		failed, ok := s.World().Said[len(s.World().Said)-1].(schemas.NotificationFailed)
		if want := (schemas.NotificationFailed{NotificationID: failed.NotificationID, CustomerID: "ann", About: "o1", Kind: "order-cancelled", Reason: reason}); !ok || failed != want {
			t.Errorf("said %+v, want %+v", failed, want)
		}
		if len(*told) != 1 || failed.Validate() != nil {
			t.Errorf("told %+v, %v", *told, failed.Validate())
		}
	}
}

// What is remembered is two ids.
func TestWhatIsRemembered(t *testing.T) {
	s, _ := script(t, nil)
	s.Hears(placed).Keeps(&Matter{About: "o1", CustomerID: "ann"}).Act("o1", saga.Done).
		Hears(orderDone).Act("o1", saga.Closed).
		Hears(paying).Keeps(&Matter{About: "p1", CustomerID: "ann", PayeeID: "bob"}).
		Hears(paid).Act("p1", saga.Closed)
}

// A group without a channel can be declared and drawn, and does not lose messages silently.
func TestWithoutAChannel(t *testing.T) {
	g := Group(Config{})
	if within := g.Within("message"); within != time.Hour {
		t.Errorf("tried for %v", within)
	}
	err := g.PerformEffect(context.Background(), saga.Request{ID: "n1", Effect: "message", Data: Message{}})
	if err == nil || saga.IsPermanent(err) || !strings.Contains(err.Error(), "no channel") {
		t.Errorf("got %v", err)
	}
}

func TestAmountsInFull(t *testing.T) {
	for want, m := range map[string]schemas.Money{
		"125.00 INR": {Currency: "INR", MinorUnits: 12_500},
		"0.07 EUR":   {Currency: "EUR", MinorUnits: 7},
		"500 JPY":    {Currency: "JPY", MinorUnits: 500},
		"1.005 KWD":  {Currency: "KWD", MinorUnits: 1_005},
	} {
		if got := inFull(m); got != want {
			t.Errorf("%+v is %s, want %s", m, got, want)
		}
	}
}
