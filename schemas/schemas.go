// Package schemas holds every fact that Tiffin's services tell each other: what happened, in the past tense.
//
// A fact is a Go struct, one per event type, in the file of its topic. Its value on Kafka is the plain JSON of
// the struct, and for readers in other languages each event type has a JSON Schema (draft 2020-12) in the folder
// json. Struct and schema accept and refuse the same documents; a test compares them on thousands of random
// ones. The few rules that a schema can't express stand in its $comment. Members that a reader does not know are
// ignored, so that a later version may add some: it must never take one away, tighten a rule, or give an
// existing member a new meaning. What can't be said that way is a new event type. The folder testdata keeps
// bytes as they were once sent, and every version must still read them.
//
// To add a fact: write the struct beside its topic's others, one line into the list in this file, its schema into json
// (as TYPE.json), and a full and a minimal document into testdata (as TYPE/full.json and TYPE/minimal.json). A new topic
// has a line in [Topics]. The tests say what is missing.
package schemas

import (
	"embed"
	"slices"
	"strings"
)

// Fact is something that has happened. All facts of this package are structs whose methods have value receivers,
// and their zero values are never valid.
type Fact interface {
	// EventType is the stable name of the kind of fact: a noun and a verb in the past tense, "payment.succeeded".
	EventType() string
	// Topic is the name of the topic that carries the fact, without any prefix of the deployment.
	Topic() string
	// Key decides the partition: facts of one topic with the same key stay in order.
	Key() string
	// Validate returns nil or an [*Invalid] with all faults. It allocates nothing for a valid fact.
	Validate() error
}

// The topics, one for each domain.
const (
	TopicOrders        = "orders"
	TopicInventory     = "inventory"
	TopicPayments      = "payments"
	TopicFraud         = "fraud"
	TopicKitchen       = "kitchen"
	TopicDelivery      = "delivery"
	TopicLikes         = "likes"
	TopicNotifications = "notifications"
)

// Topic describes one topic to a reader.
type Topic struct {
	Name  string // without any prefix of the deployment
	About string // one sentence
}

// Topics returns all topics in the order in which an order meets them.
func Topics() []Topic {
	return []Topic{
		{TopicOrders, "What customers want and how their orders ended, keyed by order."},
		{TopicInventory, "What is on the shelf, keyed by SKU, and what was set aside for orders, keyed by order."},
		{TopicPayments, "Payments from their request to their end, keyed by payment, and credits from outside, keyed by account."},
		{TopicFraud, "Verdicts on payments, keyed by payment, and blocked accounts, keyed by account."},
		{TopicKitchen, "Restaurants, keyed by restaurant, and their word on each order and the judgement on its cancellation, keyed by order."},
		{TopicDelivery, "Fleets, keyed by city, and how each meal travels, keyed by order."},
		{TopicLikes, "Which posts users like, keyed by user."},
		{TopicNotifications, "What customers were told of their orders and payments, keyed by order or payment."},
	}
}

// kind is what this package knows about one event type.
type kind struct {
	zero   Fact
	decode func([]byte) (Fact, error)
}

func kindOf[F Fact]() kind {
	var zero F
	return kind{zero: zero, decode: func(data []byte) (Fact, error) {
		fact, err := DecodeAs[F](data)
		if err != nil {
			return nil, err // and not the zero value in an interface that is not nil
		}
		return fact, nil
	}}
}

// kinds are all facts, sorted by event type. It is never written to.
var kinds = sorted(
	kindOf[AccountBlocked](),
	kindOf[AccountCredited](),
	kindOf[AccountUnblocked](),
	kindOf[CancellationRefused](),
	kindOf[CancellationRequested](),
	kindOf[CourierDelivered](),
	kindOf[CourierFailed](),
	kindOf[DeliveryCompleted](),
	kindOf[DeliveryFailed](),
	kindOf[DeliveryScheduled](),
	kindOf[DishOffered](),
	kindOf[FleetSized](),
	kindOf[KitchenAccepted](),
	kindOf[KitchenAsked](),
	kindOf[KitchenCancelled](),
	kindOf[KitchenRejected](),
	kindOf[MealCooked](),
	kindOf[MealReady](),
	kindOf[MealWrittenOff](),
	kindOf[NotificationFailed](),
	kindOf[NotificationSent](),
	kindOf[OrderCancelled](),
	kindOf[OrderCompleted](),
	kindOf[OrderPlaced](),
	kindOf[PaymentCleared](),
	kindOf[PaymentFailed](),
	kindOf[PaymentFlagged](),
	kindOf[PaymentInitiated](),
	kindOf[PaymentRefunded](),
	kindOf[PaymentRequested](),
	kindOf[PaymentSettled](),
	kindOf[PaymentSucceeded](),
	kindOf[PostLiked](),
	kindOf[PostUnliked](),
	kindOf[RestaurantAccepted](),
	kindOf[RestaurantOpened](),
	kindOf[RestaurantRejected](),
	kindOf[StockDelivered](),
	kindOf[StockRejected](),
	kindOf[StockReleased](),
	kindOf[StockReserved](),
)

func sorted(kinds ...kind) []kind {
	slices.SortFunc(kinds, func(a, b kind) int { return strings.Compare(a.zero.EventType(), b.zero.EventType()) })
	return kinds
}

func find(eventType string) (kind, bool) {
	i, found := slices.BinarySearchFunc(kinds, eventType, func(k kind, eventType string) int {
		return strings.Compare(k.zero.EventType(), eventType)
	})
	if !found {
		return kind{}, false
	}
	return kinds[i], true
}

// All returns the zero value of every fact, sorted by event type.
func All() []Fact {
	facts := make([]Fact, len(kinds))
	for i, k := range kinds {
		facts[i] = k.zero
	}
	return facts
}

//go:embed json
var files embed.FS

// Schema returns the JSON Schema of an event type, or nil if there is no such event type. Its $id is
// "urn:tiffin:schema:" and the event type.
func Schema(eventType string) []byte {
	schema, err := files.ReadFile("json/" + eventType + ".json")
	if err != nil {
		return nil
	}
	return schema
}
