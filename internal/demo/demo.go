// Package demo fills a new installation with restaurants, menus, couriers and accounts, from a file that a person can
// read and write. The file that comes with Tiffin has somebody for every way in which an order can end:
//
//	alice, bob       have plenty of money, and order from annapurna: completed
//	carol            has one rupee: insufficient-funds
//	mallory          is blocked: flagged-by-fraud
//	trent            is put aside for a person to look at, who never comes: fraud-check-timed-out
//	mango-kulfi      (annapurna's) is sold out: sold-out
//	tiny             has no place in its kitchen: no-room
//	grumpy-griddle   refuses: restaurant-refused
//	silent-spoon     never answers: restaurant-timed-out
//	slow-simmer      takes so long to accept that there is time to cancel: cancelled-by-customer
//	sleepy-stove     has a cook who never says that a meal is ready: it is taken to be, and the order completed
//	bumpy-road       has a courier who fails: courier-failed
//	lost-lane        has a courier who never reports: courier-timed-out
//	hilltop-hearth   is in a city without couriers: no-courier
//
// How the restaurants, cooks and couriers behave is not in the file: people do that, or package simulate.
//
// A file becomes facts that may be said again without doubling anything. Restaurants, prices and fleets are simply as
// the file says. Stock and balances are those at the opening: each is given once, so that a file with another number
// later changes nothing of them.
package demo

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"fmt"

	"github.com/go-json-experiment/json"
	"github.com/google/uuid"

	"tiffin/saga"
	"tiffin/schemas"
)

//go:embed demo.json
var demoFile []byte

//go:embed fraud-rules.json
var fraudRules []byte

// Facts are the demo data.
func Facts() ([]saga.Fact, error) { return Read(bytes.NewReader(demoFile)) }

// File is the demo data as a file for [Read], as a start for one's own.
func File() []byte { return bytes.Clone(demoFile) }

// FraudRules are the rules of fraud that go with the demo data, as a JSON array of rules: the default ones, and one that
// puts trent's payments aside.
func FraudRules() []byte { return bytes.Clone(fraudRules) }

// space makes our event ids differ from whatever else is derived in the same way.
var space = uuid.MustParse("5f0c8b0e-2d4f-8a57-9b1c-6f1d3a2e7c40")

// EventID is the id of the event that says the fact: a UUID (version 8) that depends on nothing but the fact. It panics
// if the fact can't be written as JSON, which every fact of package schemas can.
func EventID(f saga.Fact) string {
	value, err := json.Marshal(f, json.Deterministic(true))
	if err != nil {
		panic(fmt.Sprintf("demo: %s can't be written as JSON: %v", f.EventType(), err))
	}
	return uuid.NewHash(sha256.New(), space, append([]byte(f.EventType()+"\n"), value...), 8).String()
}

// openingID names what an owner is given at the opening: "seed-alice-INR". Where that is too long for an id, a hash of it
// stands for the owner.
func openingID(of string) string {
	if id := "seed-" + of; len(id) <= schemas.MaxID {
		return id
	}
	sum := sha256.Sum256([]byte(of))
	return "seed-" + hex.EncodeToString(sum[:16])
}
