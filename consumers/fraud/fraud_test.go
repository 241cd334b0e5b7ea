package fraud

import (
	"strings"
	"testing"
	"time"

	"tiffin/saga"
	"tiffin/saga/sagatest"
	"tiffin/schemas"
)

func script(t *testing.T, rules ...Rule) *sagatest.Script {
	t.Helper()
	compiled, err := Compile(rules)
	if err != nil {
		t.Fatal(err)
	}
	return sagatest.Group(t, Group(compiled))
}

func requested(id string, amount int64) schemas.PaymentRequested {
	return schemas.PaymentRequested{PaymentID: id, Purpose: schemas.ForOrder, From: "ann", To: "@escrow", Amount: schemas.Money{Currency: "INR", MinorUnits: amount}}
}

func cleared(id string) schemas.PaymentCleared {
	return schemas.PaymentCleared{PaymentID: id, Purpose: schemas.ForOrder}
}

func flagged(id string, reasons ...string) schemas.PaymentFlagged {
	return schemas.PaymentFlagged{PaymentID: id, Purpose: schemas.ForOrder, Reasons: reasons}
}

// minute is the one that worlds begin in.
var minute = sagatest.Epoch.Unix() / 60

func TestAPaymentThatBreaksNoRuleIsCleared(t *testing.T) {
	script(t).Hears(requested("p1", 500)).Says(cleared("p1")).Act("p1", saga.Closed).
		Keeps(&Payer{AccountID: "ann", Minute: minute, Payments: 1}).
		Hears(requested("p1", 500)).SaysNothing().
		Keeps(&Payer{AccountID: "ann", Minute: minute, Payments: 1})
}

func TestTheDefaultRules(t *testing.T) {
	defaults := func(t *testing.T) *sagatest.Script { return script(t, DefaultRules()...) }
	t.Run("blocked", func(t *testing.T) {
		block, unblock := schemas.AccountBlocked{AccountID: "ann"}, schemas.AccountUnblocked{AccountID: "ann"}
		defaults(t).
			Hears(block).SaysNothing().Hears(requested("p1", 500)).Says(flagged("p1", "account-blocked")).Act("p1", saga.Refused).
			Hears(block).SaysNothing().Hears(requested("p2", 500)).Says(flagged("p2", "account-blocked")).
			Hears(unblock).SaysNothing().Hears(requested("p3", 500)).Says(cleared("p3"))
	})
	t.Run("too high", func(t *testing.T) {
		defaults(t).Hears(requested("p1", 100_000_00)).Says(cleared("p1")).
			Hears(requested("p2", 100_000_01)).Says(flagged("p2", "amount-too-high"))
	})
	t.Run("too many", func(t *testing.T) {
		defaults(t).Given(&Payer{AccountID: "ann", Minute: minute, Payments: 999}).
			Hears(requested("p1", 500)).Says(cleared("p1")).
			Hears(requested("p2", 500)).Says(flagged("p2", "too-many-payments"))
	})
}

// The minute is the event's, so that a backlog which is worked off at once is no burst.
func TestPaymentsAreCountedByTheMinuteOfTheEvent(t *testing.T) {
	rule := Rule{Reason: "too-many", When: "PerMinute > 2", Then: "flag"}
	script(t, rule).
		Hears(requested("p1", 1)).Says(cleared("p1")).
		Hears(requested("p2", 1)).Says(cleared("p2")).
		Passes(59 * time.Second).
		Hears(requested("p3", 1)).Says(flagged("p3", "too-many")).Keeps(&Payer{AccountID: "ann", Minute: minute, Payments: 3}).
		Passes(time.Second).
		Hears(requested("p4", 1)).Says(cleared("p4")).Keeps(&Payer{AccountID: "ann", Minute: minute + 1, Payments: 1})
	later := &Payer{AccountID: "ann", Minute: minute + 5, Payments: 9}
	script(t, rule).Given(later).Hears(requested("p1", 1)).Says(cleared("p1")).Keeps(later) // one from before is not of that minute
}

func TestAnotherPayerIsCountedApart(t *testing.T) {
	bob := requested("p2", 1)
	bob.From = "bob"
	script(t, Rule{Reason: "too-many", When: "PerMinute > 1", Then: "flag"}).
		Hears(requested("p1", 1)).Says(cleared("p1")).
		Hears(bob).Says(cleared("p2")).
		Hears(requested("p3", 1)).Says(flagged("p3", "too-many"))
}

func TestARuleSeesThePayment(t *testing.T) {
	for _, when := range []string{
		`From == "ann"`, `To == "@escrow"`, `Purpose == "order"`, `Currency == "INR"`, `Amount == 500`, `PerMinute == 1`, `not Blocked`,
		`Amount > 100 and From startsWith "a"`,
	} {
		script(t, Rule{Reason: "seen", When: when, Then: "flag"}).Hears(requested("p1", 500)).Says(flagged("p1", "seen"))
	}
}

func TestAFlaggedPaymentSaysEachReason(t *testing.T) {
	script(t, Rule{"one", "true", "flag"}, Rule{"two", "false", "flag"}, Rule{"three", "true", "flag"}).
		Hears(requested("p1", 1)).Says(flagged("p1", "one", "three"))
	var many []Rule
	for range schemas.MaxReasons + 5 {
		many = append(many, Rule{"again", "true", "flag"})
	}
	script(t, many...).Hears(requested("p1", 1)).Says(flagged("p1", strings.Fields(strings.Repeat("again ", schemas.MaxReasons))...))
}

// A payment that a person shall look at is put aside: nothing is said, nothing is counted, and it may be judged later.
func TestAReviewSaysNothing(t *testing.T) {
	look := Rule{Reason: "look", When: "Amount == 13", Then: "review"}
	for name, rules := range map[string][]Rule{
		"alone":         {look},
		"after a flag":  {{"odd", "true", "flag"}, look},
		"before a flag": {look, {"odd", "true", "flag"}},
	} {
		t.Run(name, func(t *testing.T) {
			s := script(t, rules...).Given(&Payer{AccountID: "ann"}).
				Hears(requested("p1", 13)).SaysNothing().Act("p1", saga.New).Keeps(&Payer{AccountID: "ann"})
			if _, exists := sagatest.Load[Case](s.World(), "p1"); exists {
				t.Error("a payment that is put aside leaves a case")
			}
		})
	}
}

func TestAPaymentThatIsTooOldIsFlagged(t *testing.T) {
	s := script(t).HearsLate(requested("p1", 1), 25*time.Hour).Says(flagged("p1", schemas.ReasonExpired)).Act("p1", saga.Refused)
	if _, exists := sagatest.Load[Payer](s.World(), "ann"); exists {
		t.Error("a payment that is too old is counted")
	}
}

func TestARuleThatFailsParksThePayment(t *testing.T) {
	script(t, Rule{Reason: "breaks", When: "[true][PerMinute]", Then: "flag"}).
		Hears(requested("p1", 1)).CannotHandle("fraud rule breaks")
}

func TestRulesThatAreNoRules(t *testing.T) {
	good := Rule{Reason: "good", When: "true", Then: "flag"}
	for name, test := range map[string]struct {
		rule Rule
		want []string
	}{
		"no reason":       {Rule{"", "true", "flag"}, []string{`fraud rule 2: reason ""`}},
		"no code":         {Rule{"Too High", "true", "flag"}, []string{`reason "Too High" must be a code`}},
		"long reason":     {Rule{strings.Repeat("a", 65), "true", "flag"}, []string{"must be a code"}},
		"no consequence":  {Rule{"r", "true", "shout"}, []string{`fraud rule 2 (r): then must be "flag" or "review", not "shout"`}},
		"no expression":   {Rule{"r", "", "flag"}, []string{"fraud rule 2 (r) does not compile"}},
		"syntax":          {Rule{"r", "Amount >\n  (", "flag"}, []string{"does not compile", "(2:"}},
		"unknown name":    {Rule{"r", "Amount > 5 and Colour", "flag"}, []string{"unknown name Colour", "(1:16)"}},
		"wrong kinds":     {Rule{"r", `Amount > "much"`, "flag"}, []string{"does not compile", "(1:8)"}},
		"not yes nor no":  {Rule{"r", "Amount", "flag"}, []string{"does not compile", "bool"}},
		"case of a name":  {Rule{"r", "amount > 5", "flag"}, []string{"unknown name amount", "(1:1)"}},
		"a private thing": {Rule{"r", "compiled", "flag"}, []string{"unknown name compiled"}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Compile([]Rule{good, test.rule})
			if err == nil {
				t.Fatal("it compiles")
			}
			for _, want := range test.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("says %q, want %q in it", err, want)
				}
			}
		})
	}
}
