package simworld

import (
	"maps"
	"strings"
	"time"

	"tiffin/consumers/delivery"
	"tiffin/consumers/inventory"
	"tiffin/consumers/kitchen"
	"tiffin/consumers/likes"
	"tiffin/saga"
	"tiffin/saga/words"
)

func (b *Books) dishes() map[string]*inventory.Dish {
	return by(all[inventory.Dish](b, "inventory", "dishes"), func(d *inventory.Dish) string { return d.SKU })
}

func (b *Books) shelves(say func(string, ...any)) {
	totals := map[string]int{}
	for _, d := range all[inventory.Delivery](b, "inventory", "deliveries") {
		totals[d.SKU] += d.Quantity
	}
	dishes := b.dishes()
	for _, sku := range keys(maps.Keys(dishes), maps.Keys(totals)) {
		d := dishes[sku]
		if d == nil {
			d = &inventory.Dish{}
		}
		switch {
		case d.Free+d.Held+d.Sold != d.Delivered:
			say("dish %s: %d free, %d held and %d sold are not the %d delivered", sku, d.Free, d.Held, d.Sold, d.Delivered)
		case d.Delivered != totals[sku]:
			say("dish %s counts %d delivered, its deliveries make %d", sku, d.Delivered, totals[sku])
		}
	}
}

func (b *Books) reservations(say func(string, ...any)) {
	held, sold := map[string]int{}, map[string]int{}
	for _, r := range b.allReservations() {
		for _, item := range r.Items {
			switch r.State() {
			case saga.Done:
				held[item.SKU] += item.Quantity
			case saga.Closed:
				sold[item.SKU] += item.Quantity
			}
		}
	}
	dishes := b.dishes()
	for _, sku := range keys(maps.Keys(dishes), maps.Keys(held), maps.Keys(sold)) {
		d := dishes[sku]
		if d == nil {
			d = &inventory.Dish{}
		}
		if d.Held != held[sku] || d.Sold != sold[sku] {
			say("dish %s counts %d held and %d sold, its reservations make %d and %d", sku, d.Held, d.Sold, held[sku], sold[sku])
		}
	}
}

func (b *Books) allReservations() []*inventory.Reservation {
	return all[inventory.Reservation](b, "inventory", "reservations")
}

func (b *Books) tickets() []*kitchen.Ticket { return all[kitchen.Ticket](b, "kitchen", "tickets") }
func (b *Books) trips() []*delivery.Trip    { return all[delivery.Trip](b, "delivery", "trips") }

func (b *Books) rooms(say func(string, ...any)) {
	cooking := map[string]int{}
	for _, t := range b.tickets() {
		if t.State() == saga.Done && !t.WaitsUntil().IsZero() {
			cooking[t.RestaurantID]++
		}
	}
	rooms := by(all[kitchen.Room](b, "kitchen", "rooms"), func(r *kitchen.Room) string { return r.RestaurantID })
	for _, id := range keys(maps.Keys(rooms), maps.Keys(cooking)) {
		r := rooms[id]
		if r == nil {
			r = &kitchen.Room{}
		}
		switch {
		case r.Free+r.Busy != r.Places:
			say("restaurant %s: %d free and %d busy are not its %s", id, r.Free, r.Busy, words.Count(r.Places, "place"))
		case r.Busy != cooking[id]:
			say("restaurant %s counts %s, it has %s", id, words.Count(r.Busy, "busy place"), words.Count(cooking[id], "order"))
		}
	}
}

func (b *Books) couriers(say func(string, ...any)) {
	out := map[string]int{}
	for _, t := range b.trips() {
		if t.State() == saga.Done {
			out[t.City]++
		}
	}
	fleets := by(all[delivery.Fleet](b, "delivery", "fleets"), func(f *delivery.Fleet) string { return f.City })
	for _, city := range keys(maps.Keys(fleets), maps.Keys(out)) {
		f := fleets[city]
		if f == nil {
			f = &delivery.Fleet{}
		}
		switch {
		case f.Free+f.Out != f.Couriers:
			say("city %s: %d free and %d on the road are not its %s", city, f.Free, f.Out, words.Count(f.Couriers, "courier"))
		case f.Out != out[city]:
			say("city %s counts %s on the road, it has %s", city, words.Count(f.Out, "courier"), words.Count(out[city], "trip"))
		}
	}
}

func (b *Books) likes(say func(string, ...any)) {
	users := map[string]int64{}
	for _, l := range all[likes.Like](b, "likes", "likes") {
		if post, _, _ := strings.Cut(l.LikeID, "/"); l.Liked {
			users[post]++
		}
	}
	counts := map[string]int64{}
	for _, p := range all[likes.Post](b, "likes", "counts") {
		counts[p.PostID] += p.Count
		if gained := p.GainedSince(time.Unix(0, 0)); gained != p.Count { // no world lasts a day
			say("post %s gained %s in all, and a part counts %d", p.PostID, words.Count(gained, "like"), p.Count)
		}
	}
	for _, id := range keys(maps.Keys(counts), maps.Keys(users)) {
		if counts[id] != users[id] {
			say("post %s counts %s, and is liked by %s", id, words.Count(counts[id], "like"), words.Count(users[id], "user"))
		}
	}
}
