package schemas

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// MaxFaults is how many faults one [Invalid] holds at most; more are not looked at.
const MaxFaults = 100

// Fault is one thing that is wrong with a document.
type Fault struct {
	Pointer string `json:"pointer"` // RFC 6901, "/items/0/quantity"; "" is the whole document
	Detail  string `json:"detail"`  // what is allowed there, "must be ..."
}

// Invalid says all that is wrong with a document.
type Invalid struct {
	Faults []Fault // 1 to MaxFaults
}

// Error lists the faults in one line.
func (e *Invalid) Error() string {
	var b strings.Builder
	b.WriteString("invalid: ")
	for i, fault := range e.Faults {
		if i > 0 {
			b.WriteString("; ")
		}
		if fault.Pointer == "" {
			b.WriteString("the document")
		}
		b.WriteString(fault.Pointer + " " + fault.Detail)
	}
	return b.String()
}

// Check collects faults. Its zero value is ready; call the method for each member with the member's JSON
// pointer, then Err. Facts use it, and so may whoever takes the same values from a request:
//
//	var c schemas.Check
//	c.ID("/customerId", request.CustomerID)
//	c.Items("/items", request.Items)
//	return c.Err()
type Check struct {
	faults []Fault
}

// Err returns nil, or an [*Invalid] with the faults so far.
func (c *Check) Err() error {
	if len(c.faults) == 0 {
		return nil
	}
	return &Invalid{Faults: c.faults}
}

// Fault records a fault, unless there are MaxFaults already.
func (c *Check) Fault(pointer, detail string) {
	if len(c.faults) < MaxFaults {
		c.faults = append(c.faults, Fault{Pointer: pointer, Detail: detail})
	}
}

// IsID reports whether the text is an id: 1 to MaxID letters, digits, hyphens or underscores.
func IsID(text string) bool {
	if len(text) == 0 || len(text) > MaxID {
		return false
	}
	for i := range len(text) {
		b := text[i]
		if !isLower(b) && !isDigit(b) && !('A' <= b && b <= 'Z') && b != '-' && b != '_' {
			return false
		}
	}
	return true
}

func isLower(b byte) bool { return 'a' <= b && b <= 'z' }
func isDigit(b byte) bool { return '0' <= b && b <= '9' }

// ID wants an id as [IsID] has it.
func (c *Check) ID(pointer, id string) {
	if !IsID(id) {
		c.Fault(pointer, fmt.Sprintf("must be 1 to %d letters, digits, hyphens or underscores", MaxID))
	}
}

// Account wants the id of an account, which a leading @ marks as one of the house.
func (c *Check) Account(pointer, id string) {
	if !IsID(strings.TrimPrefix(id, "@")) {
		c.Fault(pointer, fmt.Sprintf("must be 1 to %d letters, digits, hyphens or underscores, after an @ for an account of the house", MaxID))
	}
}

// Name wants 1 to MaxName code points of UTF-8.
func (c *Check) Name(pointer, name string) {
	if name == "" || !utf8.ValidString(name) || utf8.RuneCountInString(name) > MaxName {
		c.Fault(pointer, fmt.Sprintf("must be 1 to %d characters", MaxName))
	}
}

// Reason wants a code in kebab case.
func (c *Check) Reason(pointer, reason string) { c.code(pointer, reason, "sold-out") }

// Kind wants a code in kebab case too.
func (c *Check) Kind(pointer, kind string) { c.code(pointer, kind, "order-completed") }

func (c *Check) code(pointer, code, example string) {
	valid := 0 < len(code) && len(code) <= MaxReason && isLower(code[0])
	for i := 1; valid && i < len(code); i++ {
		valid = isLower(code[i]) || isDigit(code[i]) || code[i] == '-'
	}
	if !valid {
		c.Fault(pointer, fmt.Sprintf("must be a code such as %s: 1 to %d lower-case letters, digits or hyphens, a letter first", example, MaxReason))
	}
}

// Reasons wants 1 to MaxReasons reasons.
func (c *Check) Reasons(pointer string, reasons []string) {
	if len(reasons) == 0 || len(reasons) > MaxReasons {
		c.Fault(pointer, fmt.Sprintf("must hold 1 to %d reasons", MaxReasons))
		return
	}
	for i, reason := range reasons {
		var one Check // so that the element's pointer is built for a fault only
		one.Reason("", reason)
		c.within(pointer, i, one)
	}
}

// Purpose wants one of the purposes.
func (c *Check) Purpose(pointer string, purpose Purpose) {
	if purpose != ForOrder && purpose != Transfer {
		c.Fault(pointer, fmt.Sprintf("must be %q or %q", ForOrder, Transfer))
	}
}

// Amount wants a currency and 1 to MaxMinorUnits of it.
func (c *Check) Amount(pointer string, amount Money) {
	valid := len(amount.Currency) == 3
	for i := 0; valid && i < len(amount.Currency); i++ {
		valid = 'A' <= amount.Currency[i] && amount.Currency[i] <= 'Z'
	}
	if !valid {
		c.Fault(pointer+"/currency", "must be three capital letters, such as INR")
	}
	if amount.MinorUnits < 1 || amount.MinorUnits > MaxMinorUnits {
		c.Fault(pointer+"/minorUnits", fmt.Sprintf("must be an integer from 1 to %d", int64(MaxMinorUnits)))
	}
}

// optionalMoment wants a moment of this century, or none.
func (c *Check) optionalMoment(pointer string, m Moment) {
	if m != 0 && (m < firstMoment || m > lastMoment) {
		c.Fault(pointer, momentForm)
	}
}

// momentForm says what a moment looks like.
const momentForm = "must be a time in UTC from 2000 to 2099, to the microsecond, such as 2026-11-26T04:30:00.123456Z"

// Quantity wants 1 to max.
func (c *Check) Quantity(pointer string, quantity, max int) {
	if quantity < 1 || quantity > max {
		c.Fault(pointer, fmt.Sprintf("must be an integer from 1 to %d", max))
	}
}

// Count wants 0 to MaxCount. It takes a pointer because 0 means something and absence is a fault.
func (c *Check) Count(pointer string, count *int) {
	if count == nil || *count < 0 || *count > MaxCount {
		c.Fault(pointer, fmt.Sprintf("must be an integer from 0 to %d", MaxCount))
	}
}

// Items wants 1 to MaxItems items, no two of the same SKU. It does not look into a longer list.
func (c *Check) Items(pointer string, items []Item) {
	if len(items) == 0 || len(items) > MaxItems {
		c.Fault(pointer, fmt.Sprintf("must hold 1 to %d items", MaxItems))
		return
	}
	for i, item := range items {
		var one Check
		one.ID("/sku", item.SKU)
		one.Quantity("/quantity", item.Quantity, MaxQuantity)
		if item.SKU != "" && hasSKU(items[:i], item.SKU) {
			one.Fault("/sku", "must differ from every other item's: add up their quantities")
		}
		c.within(pointer, i, one)
	}
}

// hasSKU compares with each: MaxItems is small, and a map would allocate.
func hasSKU(items []Item, sku string) bool {
	for _, item := range items {
		if item.SKU == sku {
			return true
		}
	}
	return false
}

// within takes over the faults of an array's element.
func (c *Check) within(pointer string, index int, element Check) {
	for _, fault := range element.faults {
		c.Fault(pointer+"/"+strconv.Itoa(index)+fault.Pointer, fault.Detail)
	}
}
