package contracts_test

import (
	"context"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/labstack/echo/v4"
	"go.uber.org/goleak"

	"tiffin/producers/api"
	"tiffin/producers/door"
	"tiffin/producers/likes"
	"tiffin/producers/orders"
	"tiffin/producers/payments"
	"tiffin/producers/views"
	"tiffin/saga"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// site is a server with all APIs, as they are, on a door and readers in memory.
type site struct {
	found   []byte                     // what is to be found, as the JSON of the answer that shows it; nil if nothing is
	err     error                      // what the door, the readers and a probe fail with
	missing error                      // what the probe of something fails with that one can do without
	throw   any                        // what they panic with
	entered chan struct{}              // if there is one, a request that is in the door says so
	release chan struct{}              // and stays until this is closed
	said    map[string]map[string]bool // what went through the door, by API: event types
	handler *echo.Echo
}

func newSite() *site {
	s := &site{said: map[string]map[string]bool{}}
	s.handler = api.New(api.Config{Name: "all", Probes: []api.Probe{
		{Name: "kafka", Check: func(context.Context) error { return s.err }},
		{Name: "database", Check: func(context.Context) error { return s.missing }, Advisory: true},
	}})
	stopping := make(chan struct{})
	close(stopping) // nobody waits for what will not come
	common := api.Common{Door: s, Stopping: stopping}
	orders.Routes(s.handler, orders.Config{Common: common, Orders: s, Restaurants: restaurants{s}, Menus: restaurants{s}})
	likes.Routes(s.handler, likes.Config{Door: s, Counts: s, Tops: s})
	payments.Routes(s.handler, payments.Config{Common: common, Ledger: s})
	views.Routes(s.handler, views.Config{Notifications: s, Analytics: numbers{s}, Posts: numbers{s}, FreshFor: 1})
	return s
}

// Accept implements [door.Door].
func (s *site) Accept(_ context.Context, from door.Origin, facts ...saga.Fact) error {
	if s.entered != nil {
		s.entered <- struct{}{}
		<-s.release
	}
	if s.throw != nil {
		panic(s.throw)
	}
	if s.err != nil {
		return s.err
	}
	if s.said[from.API] == nil {
		s.said[from.API] = map[string]bool{}
	}
	for _, fact := range facts {
		s.said[from.API][fact.EventType()] = true
	}
	return nil
}

// look finds what is to be found.
func (s *site) look(into any) (found bool, err error) {
	if s.throw != nil {
		panic(s.throw)
	}
	if s.err != nil || s.found == nil {
		return false, s.err
	}
	return true, json.Unmarshal(s.found, into)
}

// listed finds a list, which is a member of what is to be found.
func listed[T any](s *site, name string) (list []T, err error) {
	members := map[string]jsontext.Value{}
	if found, err := s.look(&members); !found || err != nil {
		return nil, err
	}
	return list, json.Unmarshal(members[name], &list)
}

func (s *site) Order(context.Context, string) (order orders.Order, found bool, err error) {
	found, err = s.look(&order)
	return order, found, err
}

func (s *site) Count(context.Context, string) (int64, error) {
	var count likes.Count
	_, err := s.look(&count)
	return count.Count, err
}

func (s *site) Top(context.Context, time.Duration) (since time.Time, posts []likes.TopPost, err error) {
	var top likes.Top
	_, err = s.look(&top)
	return top.Since, top.Posts, err
}

func (s *site) Payment(context.Context, string) (payment payments.Payment, found bool, err error) {
	found, err = s.look(&payment)
	return payment, found, err
}

func (s *site) Account(context.Context, string, int) (account payments.Account, found bool, err error) {
	found, err = s.look(&account)
	return account, found, err
}

// restaurants reads restaurants and menus.
type restaurants struct{ *site }

func (r restaurants) Restaurants(context.Context) ([]orders.Restaurant, error) {
	return listed[orders.Restaurant](r.site, "restaurants")
}

func (r restaurants) Restaurant(context.Context, string) (restaurant orders.Restaurant, found bool, err error) {
	found, err = r.look(&restaurant)
	return restaurant, found, err
}

func (r restaurants) Menu(context.Context, string) ([]orders.Dish, error) {
	return listed[orders.Dish](r.site, "dishes")
}

func (s *site) Notifications(context.Context, string, string, int) ([]views.Notification, error) {
	return listed[views.Notification](s, "notifications")
}

// numbers reads those of analytics.
type numbers struct{ *site }

func (n numbers) Orders(context.Context) (orders views.Orders, err error) {
	_, err = n.look(&orders)
	return orders, err
}

func (n numbers) Money(context.Context) ([]views.Money, error) {
	return listed[views.Money](n.site, "currencies")
}

func (n numbers) LikesPerMinute(context.Context, int) ([]views.Minute, error) {
	return listed[views.Minute](n.site, "perMinute")
}

func (n numbers) LikesPerDay(context.Context, int) ([]views.Day, error) {
	return listed[views.Day](n.site, "perDay")
}

func (n numbers) TopDishes(context.Context, int) ([]views.Dish, error) {
	return listed[views.Dish](n.site, "dishes")
}

func (n numbers) TopPosts(context.Context, int) ([]views.Post, error) {
	return listed[views.Post](n.site, "posts")
}
