// Package rules_test holds the examples of RULES.md: each is compiled and checked, and stands in the page word for word.
package rules_test

import (
	"slices"
	"time"

	"tiffin/saga"
)

// The examples are a shop: an order reserves stock, a card is charged, and a courier gets the parcel, which is the point of no
// return. Whoever has ordered may ask to stop it until then.

type about struct{ ID string }

func (a about) Key() string { return a.ID }

type (
	onOrders    struct{ about }
	onStock     struct{ about }
	onCards     struct{ about }
	onParcels   struct{ about }
	onHandovers struct{ about }
	onOthers    struct{ about }

	OrderPlaced    struct{ onOrders } // by the API
	StopRequested  struct{ onOrders }
	OrderCompleted struct{ onOrders }
	OrderCancelled struct{ onOrders }

	StockReserved struct{ onStock }
	StockRejected struct{ onStock }
	StockReleased struct{ onStock }

	CardCharged  struct{ onCards }
	CardDeclined struct{ onCards }
	CardRefunded struct{ onCards }

	ParcelPacked     struct{ onParcels }
	CourierCame      struct{ onParcels } // by the courier
	CourierRefused   struct{ onParcels }
	ParcelSent       struct{ onParcels }
	ParcelStopped    struct{ onParcels }
	StopRefused      struct{ onParcels }
	ParcelHandedOver struct{ onHandovers }

	PointsEarned      struct{ onOthers }
	PointsForfeited   struct{ onOthers }
	ParcelDelivered   struct{ onOthers } // by nobody
	ErasureRequested  struct{ onOthers }
	DataErased        struct{ onOthers }
	LegacyOrderPlaced struct{ onOthers } // order.placed, on another topic
	PriceChanged      struct{ onOthers }
	PriceKept         struct{ onOthers }
	DemandChanged     struct{ onOthers }
)

func (onOrders) Topic() string    { return "orders" }
func (onStock) Topic() string     { return "stock" }
func (onCards) Topic() string     { return "cards" }
func (onParcels) Topic() string   { return "parcels" }
func (onHandovers) Topic() string { return "handovers" }
func (onOthers) Topic() string    { return "others" }

func (OrderPlaced) EventType() string       { return "order.placed" }
func (StopRequested) EventType() string     { return "stop.requested" }
func (OrderCompleted) EventType() string    { return "order.completed" }
func (OrderCancelled) EventType() string    { return "order.cancelled" }
func (StockReserved) EventType() string     { return "stock.reserved" }
func (StockRejected) EventType() string     { return "stock.rejected" }
func (StockReleased) EventType() string     { return "stock.released" }
func (CardCharged) EventType() string       { return "card.charged" }
func (CardDeclined) EventType() string      { return "card.declined" }
func (CardRefunded) EventType() string      { return "card.refunded" }
func (ParcelPacked) EventType() string      { return "parcel.packed" }
func (CourierCame) EventType() string       { return "courier.came" }
func (CourierRefused) EventType() string    { return "courier.refused" }
func (ParcelSent) EventType() string        { return "parcel.sent" }
func (ParcelStopped) EventType() string     { return "parcel.stopped" }
func (StopRefused) EventType() string       { return "stop.refused" }
func (ParcelHandedOver) EventType() string  { return "parcel.handed-over" }
func (PointsEarned) EventType() string      { return "points.earned" }
func (PointsForfeited) EventType() string   { return "points.forfeited" }
func (ParcelDelivered) EventType() string   { return "parcel.delivered" }
func (ErasureRequested) EventType() string  { return "erasure.requested" }
func (DataErased) EventType() string        { return "data.erased" }
func (LegacyOrderPlaced) EventType() string { return "order.placed" }
func (PriceChanged) EventType() string      { return "price.changed" }
func (PriceKept) EventType() string         { return "price.kept" }
func (DemandChanged) EventType() string     { return "demand.changed" }

// The documents. A check never looks into them, nor runs a reaction.
type (
	Reservation struct{ act }
	Charge      struct{ act }
	Parcel      struct{ act }
	Order       struct{ act }
	Points      struct{ act }
	act         struct {
		saga.Act
		ID string
	}
)

var (
	reservations = saga.In("reservations", func(d *Reservation) saga.Columns { return d.columns() })
	charges      = saga.In("charges", func(d *Charge) saga.Columns { return d.columns() })
	packages     = saga.In("parcels", func(d *Parcel) saga.Columns { return d.columns() })
	orders       = saga.In("orders", func(d *Order) saga.Columns { return d.columns() })
	points       = saga.In("points", func(d *Points) saga.Columns { return d.columns() })
	timeline     = saga.JournalIn("timeline", func(l *string) saga.Columns { return saga.Columns{{Name: "type", At: l}} })
)

func (a *act) columns() saga.Columns { return saga.Columns{{Name: "id", At: &a.ID}} }

// The reactions, which say nothing, for nothing runs them.
func reserve(*Reservation, saga.Event[OrderPlaced]) []saga.Fact               { return nil }
func outOfStock(*Reservation, saga.Event[OrderPlaced]) []saga.Fact            { return nil }
func sell(*Reservation, saga.Event[ParcelSent]) []saga.Fact                   { return nil }
func sellUponHandover(*Reservation, saga.Event[ParcelHandedOver]) []saga.Fact { return nil }
func release(*Reservation, saga.Cause) []saga.Fact                            { return nil }
func expire(*Reservation, saga.Cause) []saga.Fact                             { return nil }

func charge(*Charge, saga.Event[StockReserved]) []saga.Fact  { return nil }
func decline(*Charge, saga.Event[StockReserved]) []saga.Fact { return nil }
func keep(*Charge, saga.Event[ParcelSent]) []saga.Fact       { return nil }
func refund(*Charge, saga.Cause) []saga.Fact                 { return nil }

func pack(*Parcel, saga.Event[CardCharged]) []saga.Fact        { return nil }
func dontPack(*Parcel, saga.Event[CardCharged]) []saga.Fact    { return nil }
func send(*Parcel, saga.Event[CourierCame]) []saga.Fact        { return nil }
func turnBack(*Parcel, saga.Event[CourierRefused]) []saga.Fact { return nil }
func giveUp(*Parcel, saga.Cause) []saga.Fact                   { return nil }
func stop(*Parcel, saga.Cause) []saga.Fact                     { return nil }
func refuseToStop(*Parcel, saga.Cause) []saga.Fact             { return nil }

func complete(*Order, saga.Cause) []saga.Fact { return nil }
func cancel(*Order, saga.Cause) []saga.Fact   { return nil }
func line(saga.Cause)                         {}

func earn(*Points, saga.Event[ParcelSent]) []saga.Fact                  { return nil }
func earnTooLate(*Points, saga.Event[ParcelSent]) []saga.Fact           { return nil }
func earnUponDelivery(*Points, saga.Event[ParcelDelivered]) []saga.Fact { return nil }
func earnOnce(*Points, saga.Cause) []saga.Fact                          { return nil }
func earnUponCharge(*Points, saga.Event[CardCharged]) []saga.Fact       { return nil }
func earnNothing(*Points, saga.Event[CardCharged]) []saga.Fact          { return nil }
func keepPoints(*Points, saga.Event[ParcelSent]) []saga.Fact            { return nil }
func takeBack(*Points, saga.Cause) []saga.Fact                          { return nil }
func thank(*Order, saga.Event[PointsEarned]) []saga.Fact                { return nil }
func count(saga.Event[OrderPlaced]) []saga.Fact                         { return nil }
func countLegacy(saga.Event[LegacyOrderPlaced]) []saga.Fact             { return nil }
func forgetName(saga.Event[ErasureRequested]) []saga.Fact               { return nil }
func forgetPoints(saga.Event[ErasureRequested]) []saga.Fact             { return nil }
func estimate(saga.Event[PriceChanged]) []saga.Fact                     { return nil }
func reprice(saga.Event[DemandChanged]) []saga.Fact                     { return nil }

func comeOrRefuse(f ParcelPacked) []saga.Fact {
	return saga.Say(CourierCame{onParcels(f.onParcels)}, CourierRefused{onParcels(f.onParcels)})
}

// parcels is the group that judges whether an order is stopped in time.
func parcels(within time.Duration, send saga.Part) *saga.Group {
	return saga.Define("parcels", saga.Documents(packages),
		saga.Does(pack, saga.Refuses(dontPack), saga.Says[ParcelPacked](), saga.Fails[ParcelStopped]()),
		saga.Within(within,
			send,
			saga.Then(turnBack, saga.Fails[ParcelStopped]()),
			saga.Else(giveUp, saga.Fails[ParcelStopped]())),
		saga.Undoes(stop, saga.EvenIfNothing(), saga.Upon[StopRequested](), saga.TooLate(refuseToStop),
			saga.Says[ParcelStopped](), saga.Announces[StopRefused]()))
}

// shop is the choreography, with these groups in the place of those of the same name, or beside the others.
func shop(changed ...*saga.Group) saga.Choreography {
	all := []*saga.Group{
		saga.Define("stock", saga.Documents(reservations),
			saga.Does(reserve, saga.Refuses(outOfStock), saga.Says[StockReserved](), saga.Fails[StockRejected]()),
			saga.Then(sell, saga.Closes()),
			saga.Undoes(release, saga.Upon[CardDeclined](), saga.Upon[ParcelStopped](), saga.Says[StockReleased]())),
		saga.Define("cards", saga.Documents(charges),
			saga.Does(charge, saga.Refuses(decline), saga.Says[CardCharged](), saga.Fails[CardDeclined]()),
			saga.Then(keep, saga.Closes()),
			saga.Undoes(refund, saga.Upon[ParcelStopped](), saga.Says[CardRefunded]())),
		parcels(time.Hour, saga.Then(send, saga.Pivots(), saga.Says[ParcelSent]())),
		saga.Define("orders", saga.Documents(orders),
			saga.Once(saga.AllOf(saga.Heard[OrderPlaced](), saga.Heard[ParcelSent]()), complete, saga.Ends[OrderCompleted]()),
			saga.Once(saga.AllOf(saga.Heard[OrderPlaced](), undone), cancel, saga.Ends[OrderCancelled]())),
		saga.Outside("api", saga.Begins[OrderPlaced](), saga.Begins[StopRequested]()),
		saga.Outside("courier", saga.Answers(comeOrRefuse, saga.Says[CourierCame](), saga.Says[CourierRefused]())),
	}
	all = slices.DeleteFunc(all, func(g *saga.Group) bool {
		return slices.ContainsFunc(changed, func(c *saga.Group) bool { return c.Name() == g.Name() })
	})
	return saga.Choreography{Groups: append(all, changed...)}
}

// undone: nothing was ever done, or both the goods and the money are back.
var undone = saga.AnyOf(saga.Heard[StockRejected](),
	saga.AllOf(saga.Heard[StockReleased](), saga.AnyOf(saga.Heard[CardDeclined](), saga.Heard[CardRefunded]())))

// schemas are the event types of the shop that have a schema: all of them.
func schemas() []string {
	return []string{
		"order.placed", "stop.requested", "order.completed", "order.cancelled", "stock.reserved", "stock.rejected", "stock.released",
		"card.charged", "card.declined", "card.refunded", "parcel.packed", "courier.came", "courier.refused", "parcel.sent",
		"parcel.stopped", "stop.refused",
	}
}
