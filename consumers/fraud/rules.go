package fraud

import (
	"fmt"
	"regexp"

	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/vm"

	"tiffin/schemas"
)

// Rule is one rule as data.
type Rule struct {
	// Reason is the code that a flagged payment carries, in kebab case.
	Reason string `json:"reason"`
	// When is an expression that must be true for the rule to apply. It sees From, To, Purpose, Currency, Amount (minor
	// units), PerMinute (the payer's payments in this minute, this one included), and Blocked.
	When string `json:"when"`
	// Then is "flag", or "review": a person shall look at it, nothing is said.
	Then string `json:"then"`
}

// Rules are compiled rules.
type Rules struct {
	compiled []compiledRule
}

type compiledRule struct {
	Rule
	program *vm.Program
}

const (
	flag   = "flag"
	review = "review"
)

// payment is what a rule sees.
type payment struct {
	From, To, Purpose, Currency string
	Amount, PerMinute           int
	Blocked                     bool
}

// DefaultRules are in force where no others are configured.
func DefaultRules() []Rule {
	return []Rule{
		{Reason: "account-blocked", When: `Blocked`, Then: flag},
		{Reason: "amount-too-high", When: `Amount > 100_000_00`, Then: flag},
		{Reason: "too-many-payments", When: `PerMinute > 1000`, Then: flag},
	}
}

var reasonForm = regexp.MustCompile(`^[a-z][a-z0-9-]{0,63}$`)

// Compile checks the rules and makes them ready. The error names the rule and, in an expression that does not compile,
// the line and column.
func Compile(rules []Rule) (Rules, error) {
	var out Rules
	for i, r := range rules {
		if !reasonForm.MatchString(r.Reason) {
			return Rules{}, fmt.Errorf("fraud rule %d: reason %q must be a code such as amount-too-high", i+1, r.Reason)
		}
		if r.Then != flag && r.Then != review {
			return Rules{}, fmt.Errorf("fraud rule %d (%s): then must be %q or %q, not %q", i+1, r.Reason, flag, review, r.Then)
		}
		program, err := expr.Compile(r.When, expr.Env(payment{}), expr.AsBool())
		if err != nil {
			return Rules{}, fmt.Errorf("fraud rule %d (%s) does not compile: %w", i+1, r.Reason, err)
		}
		out.compiled = append(out.compiled, compiledRule{r, program})
	}
	return out, nil
}

// judge says what the rules make of a payment: "" to clear it, review before flag, for a person's eyes see more.
func (r Rules) judge(p payment) (verdict string, reasons []string) {
	for _, rule := range r.compiled {
		yes, err := expr.Run(rule.program, p)
		if err != nil {
			panic(fmt.Sprintf("fraud rule %s: %v", rule.Reason, err)) // the payment is parked, with this reason
		}
		if yes != true {
			continue
		}
		if rule.Then == review {
			return review, nil
		}
		if verdict = flag; len(reasons) < schemas.MaxReasons {
			reasons = append(reasons, rule.Reason)
		}
	}
	return verdict, reasons
}
