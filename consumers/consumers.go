// Package consumers lists the consumer groups: one folder each, and one line here. A group's folder reads like a short
// story: its main file has the declaration, the reactions in pairs of do and undo, and documents.go what it keeps. The
// groups never import each other; they meet only in the facts of package schemas.
package consumers

import (
	"io/fs"

	"tiffin/consumers/delivery"
	"tiffin/consumers/fraud"
	"tiffin/consumers/inventory"
	"tiffin/consumers/kitchen"
	"tiffin/consumers/likes"
	"tiffin/consumers/orders"
	"tiffin/consumers/payments"
	"tiffin/saga"
)

// Config configures all groups. Its zero value works.
type Config struct {
	Payments payments.Config
	Kitchen  kitchen.Config
	Delivery delivery.Config
	Likes    likes.Config
	// FraudRules are the rules in force; nil for [fraud.DefaultRules].
	FraudRules []fraud.Rule
}

// Consumer is a group, with the migrations that create its tables.
type Consumer struct {
	*saga.Group
	Migrations fs.FS
}

// All is every consumer group. It fails if the configuration does, with a message that says where.
func All(cfg Config) ([]Consumer, error) {
	if cfg.FraudRules == nil {
		cfg.FraudRules = fraud.DefaultRules()
	}
	rules, err := fraud.Compile(cfg.FraudRules)
	if err != nil {
		return nil, err
	}
	return []Consumer{
		{inventory.Group(), inventory.Migrations},
		{payments.Group(cfg.Payments), payments.Migrations},
		{fraud.Group(rules), fraud.Migrations},
		{kitchen.Group(cfg.Kitchen), kitchen.Migrations},
		{delivery.Group(cfg.Delivery), delivery.Migrations},
		{orders.Group(), orders.Migrations},
		{likes.Group(cfg.Likes), likes.Migrations},
	}, nil
}
