package demo

import (
	"errors"
	"fmt"
	"io"
	"strconv"

	"github.com/go-json-experiment/json"

	"tiffin/saga"
	"tiffin/schemas"
)

// maxFileBytes bounds what a file may hold: some hundred thousand dishes.
const maxFileBytes = 64 << 20

// file is what [Read] reads.
type file struct {
	Restaurants []restaurant `json:"restaurants"`
	Fleets      []fleet      `json:"fleets"`
	Accounts    []account    `json:"accounts"`
	Blocked     []string     `json:"blocked"` // account ids
}

type restaurant struct {
	RestaurantID string `json:"restaurantId"`
	Name         string `json:"name"`
	City         string `json:"city"`
	Places       *int   `json:"places"`
	Menu         []dish `json:"menu"`
}

type dish struct {
	SKU   string        `json:"sku"`
	Name  string        `json:"name"`
	Price schemas.Money `json:"price"`
	Stock *int          `json:"stock"` // 0 offers a dish that is sold out
}

type fleet struct {
	City     string `json:"city"`
	Couriers *int   `json:"couriers"`
}

type account struct {
	AccountID string        `json:"accountId"`
	Balance   schemas.Money `json:"balance"`
}

// Read reads a file of restaurants, fleets, accounts and blocked accounts, and returns the facts that make them so, in an
// order in which nothing is mentioned before it exists. It refuses members that it does not know, and what is named
// twice. An error is an [*schemas.Invalid] that names the place of each fault in the file, unless reading itself fails.
func Read(r io.Reader) ([]saga.Fact, error) {
	data, err := io.ReadAll(io.LimitReader(r, maxFileBytes+1))
	if err != nil {
		return nil, err
	}
	if len(data) > maxFileBytes {
		return nil, fmt.Errorf("the file has more than %d MB: cut it into several", maxFileBytes>>20)
	}
	// First without, then with an eye on unknown members, for the first says faults in words of JSON.
	var f file
	if err := schemas.Unmarshal(data, &f); err != nil {
		return nil, err
	}
	if err := json.Unmarshal(data, new(file), json.RejectUnknownMembers(true)); err != nil {
		return nil, unknownMember(err)
	}
	c := collector{seen: map[string]string{}}
	c.file(f)
	if err := c.check.Err(); err != nil {
		return nil, err
	}
	if len(c.facts) == 0 {
		return nil, &schemas.Invalid{Faults: []schemas.Fault{{Detail: "must have something to say: `tiffin seed --print` shows what it may have"}}}
	}
	return c.facts, nil
}

func unknownMember(err error) error {
	var semantic *json.SemanticError
	if !errors.As(err, &semantic) {
		return err
	}
	return &schemas.Invalid{Faults: []schemas.Fault{{Pointer: string(semantic.JSONPointer), Detail: "is not a member that this file may have"}}}
}

// collector makes facts of a file, and collects its faults.
type collector struct {
	facts []saga.Fact
	check schemas.Check
	seen  map[string]string // what is named -> where
}

func (c *collector) file(f file) {
	for i, fl := range f.Fleets {
		at := place("/fleets", i)
		c.once(at+"/city", "the fleet of "+fl.City)
		c.add(at, schemas.FleetSized{City: fl.City, Couriers: fl.Couriers})
	}
	for i, r := range f.Restaurants {
		c.restaurant(place("/restaurants", i), r)
	}
	for i, a := range f.Accounts {
		at := place("/accounts", i)
		c.once(at, "the account of "+a.AccountID+" in "+a.Balance.Currency)
		c.check.ID(at+"/accountId", a.AccountID)
		c.check.Amount(at+"/balance", a.Balance)
		c.facts = append(c.facts, schemas.AccountCredited{CreditID: openingID(a.AccountID + "-" + a.Balance.Currency), AccountID: a.AccountID, Amount: a.Balance})
	}
	for i, id := range f.Blocked {
		at := place("/blocked", i)
		c.once(at, "the blocked account "+id)
		c.check.ID(at, id)
		c.facts = append(c.facts, schemas.AccountBlocked{AccountID: id})
	}
}

func (c *collector) restaurant(at string, r restaurant) {
	c.once(at+"/restaurantId", "the restaurant "+r.RestaurantID)
	c.add(at, schemas.RestaurantOpened{RestaurantID: r.RestaurantID, Name: r.Name, City: r.City, Places: r.Places})
	for i, d := range r.Menu {
		at := place(at+"/menu", i)
		c.once(at+"/sku", "the dish "+d.SKU)
		c.check.ID(at+"/sku", d.SKU)
		c.check.Name(at+"/name", d.Name)
		c.check.Amount(at+"/price", d.Price)
		c.facts = append(c.facts, schemas.DishOffered{SKU: d.SKU, RestaurantID: r.RestaurantID, Name: d.Name, Price: d.Price})
		switch {
		case d.Stock == nil || *d.Stock < 0 || *d.Stock > schemas.MaxDelivery:
			c.check.Fault(at+"/stock", fmt.Sprintf("must be an integer from 0 to %d", schemas.MaxDelivery))
		case *d.Stock > 0:
			c.facts = append(c.facts, schemas.StockDelivered{DeliveryID: openingID(d.SKU), SKU: d.SKU, Quantity: *d.Stock})
		}
	}
}

// add adds a fact whose members have the same names in the file.
func (c *collector) add(at string, f schemas.Fact) {
	var invalid *schemas.Invalid
	if errors.As(f.Validate(), &invalid) {
		for _, fault := range invalid.Faults {
			c.check.Fault(at+fault.Pointer, fault.Detail)
		}
	}
	c.facts = append(c.facts, f)
}

// once wants that nothing is named twice, for the file would contradict itself.
func (c *collector) once(at, what string) {
	if first, twice := c.seen[what]; twice {
		c.check.Fault(at, "must not name "+what+" again, after "+first)
		return
	}
	c.seen[what] = at
}

func place(list string, i int) string { return list + "/" + strconv.Itoa(i) }
