package orders_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/labstack/echo/v4"

	"tiffin/producers/api"
	"tiffin/producers/api/apitest"
	"tiffin/producers/door"
	"tiffin/producers/ids"
	"tiffin/producers/orders"
	"tiffin/producers/problem"
	"tiffin/saga"
	"tiffin/schemas"
)

// world is a door and readers in memory.
type world struct {
	err      error // what the door and the readers fail with
	throw    any   // what the door panics with
	accepted []saga.Fact
	origins  []door.Origin
	orders   map[string][]orders.Order // what each look at an order finds; the last one stays
	looks    int
	log      bytes.Buffer
	handler  *echo.Echo
	ids      ids.Maker
}

func newWorld() *world {
	w := &world{orders: map[string][]orders.Order{}, ids: ids.NewMaker("secret", "order")}
	w.build(orders.Config{})
	return w
}

func (w *world) build(cfg orders.Config) {
	cfg.Door, cfg.Orders, cfg.Restaurants, cfg.Menus, cfg.IDKey = w, w, w, w, "secret"
	w.handler = api.New(api.Config{
		Name: "test", Logger: slog.New(slog.NewTextHandler(&w.log, nil)),
		Probes: []api.Probe{{Name: "door", Check: func(context.Context) error { return w.err }}},
	})
	orders.Routes(w.handler, cfg)
}

func (w *world) Accept(_ context.Context, from door.Origin, facts ...saga.Fact) error {
	if w.throw != nil {
		panic(w.throw)
	}
	for _, fact := range facts {
		if err := fact.(schemas.Fact).Validate(); err != nil {
			return fmt.Errorf("the API let an invalid fact pass, %v", err) // a 500
		}
	}
	if w.err != nil {
		return w.err
	}
	w.accepted = append(w.accepted, facts...)
	w.origins = append(w.origins, from)
	return nil
}

func (w *world) Order(ctx context.Context, id string) (orders.Order, bool, error) {
	if ctx.Err() != nil {
		return orders.Order{}, false, ctx.Err()
	}
	w.looks++
	found := w.orders[id]
	if len(found) == 0 {
		return orders.Order{}, false, w.err
	}
	if len(found) > 1 {
		w.orders[id] = found[1:]
	}
	return found[0], true, w.err
}

func (w *world) Restaurants(context.Context) ([]orders.Restaurant, error) {
	return []orders.Restaurant{{RestaurantID: "r1", Name: "Dosa Corner", City: "mumbai", PlacesFree: 3}}, w.err
}

func (w *world) Restaurant(ctx context.Context, id string) (orders.Restaurant, bool, error) {
	all, err := w.Restaurants(ctx)
	return all[0], id == "r1", err
}

func (w *world) Menu(context.Context, string) ([]orders.Dish, error) {
	return []orders.Dish{{SKU: "dosa", Name: "Masala Dosa", Price: schemas.Money{Currency: "INR", MinorUnits: 12_000}, StockFree: 40}}, w.err
}

// do sends a request; headers are "Name: value". A body is JSON unless they say otherwise.
func (w *world) do(method, path, body string, headers ...string) *httptest.ResponseRecorder {
	return apitest.Do(w.handler, method, path, body, headers...)
}

const placement = `{"customerId":"c1","restaurantId":"r1","items":[{"sku":"dosa","quantity":2},{"sku":"chai","quantity":1}]}`

func TestPlace(t *testing.T) {
	w := newWorld()
	response := w.do("POST", "/orders", placement, "traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
	var receipt orders.Receipt
	if err := json.Unmarshal(response.Body.Bytes(), &receipt); err != nil || response.Code != http.StatusAccepted || receipt.Status != "accepted" {
		t.Fatalf("%d %s %v", response.Code, response.Body, err)
	}
	location := response.Header().Get("Location")
	if location != "/orders/"+receipt.OrderID || !w.ids.Certifies(receipt.OrderID) {
		t.Errorf("Location %s, id %s", location, receipt.OrderID)
	}
	want := []saga.Fact{schemas.OrderPlaced{
		OrderID: receipt.OrderID, CustomerID: "c1", RestaurantID: "r1",
		Items: []schemas.Item{{SKU: "dosa", Quantity: 2}, {SKU: "chai", Quantity: 1}},
	}}
	if !reflect.DeepEqual(w.accepted, want) {
		t.Errorf("accepted %+v, want %+v", w.accepted, want)
	}
	if w.origins[0] != (door.Origin{API: "orders-api", Trace: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}) {
		t.Errorf("origin %+v", w.origins[0])
	}
	// Right after the 202 no group has heard of it, and another instance is asked.
	w.accepted = nil
	w.build(orders.Config{})
	response = w.do("GET", location, "")
	if want := `{"orderId":"` + receipt.OrderID + `","status":"accepted","events":[]}`; response.Code != http.StatusOK || response.Body.String() != want+"\n" {
		t.Errorf("%d %s, want %s", response.Code, response.Body, want)
	}
}

// P5: the same Idempotency-Key gives the same answer and one effect, at this instance and at any other.
func TestTheSameKeyPlacesOneOrder(t *testing.T) {
	w := newWorld()
	const key = "Idempotency-Key: key-1"
	first := w.do("POST", "/orders", placement, key)
	again := w.do("POST", "/orders", placement, key)
	if first.Code != http.StatusAccepted || again.Code != http.StatusAccepted || first.Body.String() != again.Body.String() || first.Header().Get("Location") != again.Header().Get("Location") {
		t.Errorf("first %d %v %s, then %d %v %s", first.Code, first.Header(), first.Body, again.Code, again.Header(), again.Body)
	}
	if len(w.accepted) != 1 || !w.ids.Certifies(w.accepted[0].Key()) {
		t.Errorf("accepted %+v", w.accepted)
	}
	other := strings.Replace(placement, "c1", "c2", 1)
	if response := w.do("POST", "/orders", other, key); response.Code != http.StatusAccepted || response.Header().Get("Location") == first.Header().Get("Location") {
		t.Errorf("another customer's key: %d %v", response.Code, response.Header())
	}
	if d := apitest.Refused(t, w.do("POST", "/orders", strings.Replace(placement, "chai", "idli", 1), key)); d.Status != http.StatusUnprocessableEntity {
		t.Errorf("another order: %+v", d)
	}
	if d := apitest.Refused(t, w.do("POST", "/orders", placement, "Idempotency-Key: a b")); d.Status != http.StatusBadRequest || d.Errors[0].Pointer != "/Idempotency-Key" {
		t.Errorf("no key: %+v", d)
	}
	w.accepted = nil
	w.build(orders.Config{}) // another instance
	if response := w.do("POST", "/orders", placement, key); response.Body.String() != first.Body.String() || len(w.accepted) != 1 {
		t.Errorf("another instance: %s, accepted %+v", response.Body, w.accepted)
	}
}

// TestTheSameKeySaysOneThing of one order, and may say another of the next.
func TestTheSameKeySaysOneThing(t *testing.T) {
	w := newWorld()
	for _, path := range []string{
		"/orders/%s/cancellation", "/kitchen/orders/%s/accepted", "/kitchen/orders/%s/rejected", "/kitchen/orders/%s/cooked", "/deliveries/%s/delivered", "/deliveries/%s/failed",
	} {
		for _, id := range []string{"o1", "o1", "o2"} {
			w.do("POST", fmt.Sprintf(path, id), "", "Idempotency-Key: key-1")
		}
	}
	if len(w.accepted) != 12 {
		t.Errorf("accepted %+v", w.accepted)
	}
}

func TestWhatPeopleSay(t *testing.T) {
	tests := []struct {
		path, body string
		want       saga.Fact
	}{
		{"/orders/o1/cancellation", "", schemas.CancellationRequested{OrderID: "o1"}},
		{"/orders/o1/cancellation", "{}", schemas.CancellationRequested{OrderID: "o1"}},
		{"/kitchen/orders/o1/accepted", " {} ", schemas.RestaurantAccepted{OrderID: "o1"}},
		{"/kitchen/orders/o1/rejected", "", schemas.RestaurantRejected{OrderID: "o1", Reason: "restaurant-refused"}},
		{"/kitchen/orders/o1/rejected", `{"reason":"oven-broken"}`, schemas.RestaurantRejected{OrderID: "o1", Reason: "oven-broken"}},
		{"/kitchen/orders/o1/cooked", "{}", schemas.MealCooked{OrderID: "o1"}},
		{"/deliveries/o1/delivered", "", schemas.CourierDelivered{OrderID: "o1"}},
		{"/deliveries/o1/failed", "{}", schemas.CourierFailed{OrderID: "o1", Reason: "courier-failed"}},
		{"/deliveries/o1/failed", `{"reason":"nobody-home"}`, schemas.CourierFailed{OrderID: "o1", Reason: "nobody-home"}},
	}
	for _, test := range tests {
		w := newWorld()
		response := w.do("POST", test.path, test.body)
		if response.Code != http.StatusAccepted || response.Header().Get("Location") != "/orders/o1" || response.Body.Len() != 0 {
			t.Errorf("%s %s: %d %v %s", test.path, test.body, response.Code, response.Header(), response.Body)
		}
		if !reflect.DeepEqual(w.accepted, []saga.Fact{test.want}) {
			t.Errorf("%s %s: accepted %+v, want %+v", test.path, test.body, w.accepted, test.want)
		}
	}
}

func TestRefusals(t *testing.T) {
	const isID = " must be 1 to 64 letters, digits, hyphens or underscores"
	const json1 = "Content-Type: application/json"
	place := func(items string) string { return `{"customerId":"c1","restaurantId":"r1","items":` + items + `}` }
	long := strings.Repeat("x", 65)
	tests := []struct {
		method, path, body string
		headers            []string
		status             int
		want               []string // faults; the detail may be cut
	}{
		{"POST", "/orders", "", nil, 400, []string{" must be JSON: "}},
		{"POST", "/orders", "{", nil, 400, []string{" must be JSON: "}},
		{"POST", "/orders", "null", nil, 400, []string{" must be an object", "/customerId" + isID, "/restaurantId" + isID, "/items must hold 1 to 50 items"}},
		{"POST", "/orders", "[]", nil, 400, []string{" must be an object"}},
		{"POST", "/orders", placement + placement, nil, 400, []string{" must be JSON: "}},
		{"POST", "/orders", "\xff", nil, 400, []string{" must be JSON: "}},
		{"POST", "/orders", `{"customerId":"c1","customerId":"c2"}`, nil, 400, []string{"/customerId must not come twice in one object"}},
		{"POST", "/orders", `{"x":1,"x":2}`, nil, 400, []string{"/x must not come twice in one object"}},
		{"POST", "/orders", place(`[{"sku":"dosa","quantity":"2"}]`), nil, 400, []string{"/items/0/quantity must be an integer"}},
		{"POST", "/orders", place(`[{"sku":"dosa","quantity":1.5}]`), nil, 400, []string{"/items/0/quantity must be an integer"}},
		{"POST", "/orders", place(`[]`), nil, 400, []string{"/items must hold 1 to 50 items"}},
		{"POST", "/orders", place(`[` + strings.Repeat(`{},`, 50) + `{}]`), nil, 400, []string{"/items must hold 1 to 50 items"}},
		{"POST", "/orders", place(`[{"sku":"dosa","quantity":1},{"sku":"dosa","quantity":1}]`), nil, 400, []string{"/items/1/sku must differ"}},
		{
			"POST", "/orders", `{"customerId":"` + long + `","restaurantId":"r/1","items":[{"sku":"dosa","quantity":0},{"sku":"a b","quantity":100,"price":1,"a/~b":0}],"total":{"minorUnits":1},"customerID":"c"}`,
			nil, 400,
			[]string{
				"/customerId" + isID, "/restaurantId" + isID, "/items/0/quantity must be an integer from 1 to 99",
				"/items/1/sku" + isID, "/items/1/quantity must be an integer from 1 to 99",
				"/customerID must be absent: it is not known here", "/total must be absent: prices and totals come from",
				"/items/1/a~1~0b must be absent: it is not known here", "/items/1/price must be absent: prices and totals come from",
			},
		},
		{"POST", "/orders", placement, []string{"Content-Type: text/plain"}, 415, nil},
		{"POST", "/orders", placement, []string{"Content-Type: "}, 415, nil},
		{"POST", "/orders", placement, []string{json1, "Content-Encoding: gzip"}, 415, nil},
		{"POST", "/orders", `{"x":"` + strings.Repeat("x", 64<<10) + `"}`, nil, 413, nil},
		{"GET", "/orders/" + long, "", nil, 400, []string{"/orderId" + isID}},
		{"GET", "/orders/a%2Fb", "", nil, 400, []string{"/orderId" + isID}},
		{"GET", "/orders/%00", "", nil, 400, []string{"/orderId" + isID}},
		{"GET", "/orders/o1", "", nil, 404, nil},
		{"GET", "/orders/01990000-0000-7000-8000-000000000000", "", []string{"Prefer: wait=60"}, 404, nil},
		{"POST", "/orders/o%201/cancellation", "", nil, 400, []string{"/orderId" + isID}},
		{"POST", "/orders/o1/cancellation", `{"reason":"x"}`, nil, 400, []string{"/reason must be absent"}},
		{"POST", "/orders/o1/cancellation", `null`, nil, 400, []string{" must be an object"}},
		{"POST", "/orders/o1/cancellation", `{}`, []string{"Content-Type: text/plain"}, 415, nil},
		{"POST", "/kitchen/orders/o1/rejected", `{"reason":"Too Late"}`, nil, 400, []string{"/reason must be a code"}},
		{"POST", "/kitchen/orders/o1/rejected", `{"reason":""}`, nil, 400, []string{"/reason must be a code"}},
		{"POST", "/kitchen/orders/o1/rejected", `{"reason":null}`, nil, 400, []string{"/reason must be a string"}},
		{"POST", "/deliveries/o1/failed", `{"reason":7,"x":0}`, nil, 400, []string{"/reason must be a string"}},
		{"GET", "/restaurants/r2/menu", "", nil, 404, nil},
		{"GET", "/restaurants/r%202/menu", "", nil, 400, []string{"/restaurantId" + isID}},
		{"GET", "/nowhere", "", nil, 404, nil},
		{"BREW", "/coffee", "", nil, 404, nil},
		{"DELETE", "/orders/o1", "", nil, 405, nil},
		{"BREW", "/orders", "", nil, 405, nil},
	}
	for _, test := range tests {
		w := newWorld()
		request := httptest.NewRequest(test.method, test.path, strings.NewReader(test.body))
		request.Header.Set("Content-Type", "application/json")
		for _, header := range test.headers {
			name, value, _ := strings.Cut(header, ": ")
			request.Header.Set(name, value)
		}
		response := httptest.NewRecorder()
		w.handler.ServeHTTP(response, request)
		name := test.method + " " + test.path + " " + test.body[:min(len(test.body), 200)]
		if response.Code != test.status {
			t.Errorf("%s: %d %s, want %d", name, response.Code, response.Body, test.status)
			continue
		}
		d := apitest.Refused(t, response)
		if len(d.Errors) != len(test.want) {
			t.Errorf("%s: faults %q, want %q", name, d.Errors, test.want)
			continue
		}
		for i, fault := range d.Errors {
			if got := fault.Pointer + " " + fault.Detail; !strings.HasPrefix(got, test.want[i]) {
				t.Errorf("%s: fault %q, want %q", name, got, test.want[i])
			}
		}
		if len(w.accepted) != 0 || w.log.Len() != 0 {
			t.Errorf("%s: accepted %v, logged %s", name, w.accepted, &w.log)
		}
	}
}

// TestTheLimitHoldsWithoutALength: a body that does not say how long it is.
func TestTheLimitHoldsWithoutALength(t *testing.T) {
	w := newWorld()
	request := httptest.NewRequest("POST", "/orders", strings.NewReader(`{"x":"`+strings.Repeat("x", api.MaxBodyBytes)+`"}`))
	request.Header.Set("Content-Type", "application/json")
	request.ContentLength = -1
	response := httptest.NewRecorder()
	w.handler.ServeHTTP(response, request)
	if d := apitest.Refused(t, response); d.Status != http.StatusRequestEntityTooLarge || d.Detail != "Send no more than 65536 bytes." {
		t.Errorf("got %+v", d)
	}
}

func TestUnavailable(t *testing.T) {
	for _, err := range []error{fmt.Errorf("%w: secret", door.ErrUnavailable), fmt.Errorf("secret: %w", context.DeadlineExceeded)} {
		w := newWorld()
		w.err = err
		for _, request := range []string{"POST /orders", "POST /orders/o1/cancellation", "GET /readyz", "GET /orders/o1", "GET /restaurants", "GET /restaurants/r1/menu"} {
			method, path, _ := strings.Cut(request, " ")
			body := ""
			if path == "/orders" {
				body = placement
			}
			d := apitest.Refused(t, w.do(method, path, body))
			if d.Status != http.StatusServiceUnavailable {
				t.Errorf("%s: %+v", request, d)
			}
			if leaks := strings.Contains(d.Detail, "secret"); leaks {
				t.Errorf("%s says %q", request, d.Detail)
			}
			if path == "/readyz" && (len(d.Errors) != 1 || d.Errors[0].Pointer != "/door") {
				t.Errorf("%s does not say what is not ready: %+v", request, d)
			}
		}
		if !strings.Contains(w.log.String(), "secret") {
			t.Error("the log does not say why")
		}
		if response := w.do("GET", "/livez", ""); response.Code != http.StatusOK {
			t.Errorf("/livez answers %d", response.Code)
		}
	}
}

func TestBugs(t *testing.T) {
	for _, thrown := range []any{"secret", errors.New("secret"), problem.New(problem.Invalid, "secret"), []int{1}} {
		w := newWorld()
		w.throw = thrown
		response := w.do("POST", "/orders", placement, "X-Request-Id: mine-1")
		if d := apitest.Refused(t, response); d.Status != http.StatusInternalServerError || strings.Contains(response.Body.String(), "secret") || d.RequestID != "mine-1" {
			t.Errorf("answered %s", response.Body)
		}
		if log := w.log.String(); !strings.Contains(log, "mine-1") || !strings.Contains(log, "orders_test.go") {
			t.Errorf("logged %s", log)
		}
	}
	w := newWorld()
	if id := w.do("GET", "/livez", "", "X-Request-Id: a b").Header().Get("X-Request-Id"); id == "a b" || id == "" {
		t.Errorf("request id %q", id)
	}
}

func TestShow(t *testing.T) {
	w := newWorld()
	at := time.Date(2026, 10, 1, 12, 30, 0, 250e6, time.UTC)
	w.orders["o1"] = []orders.Order{{
		OrderID: "o1", Status: "cancelled", Reason: "sold-out", CustomerID: "c1", RestaurantID: "r1",
		Items: []schemas.Item{{SKU: "dosa", Quantity: 2}}, Total: &schemas.Money{Currency: "INR", MinorUnits: 24_000},
		Events: []orders.Event{{Type: "order.placed", Group: "orders-api", At: at}, {Type: "stock.rejected", Group: "inventory", Reason: "sold-out", At: at}},
	}}
	for path, want := range map[string]string{
		"/orders/o1": `{"orderId":"o1","status":"cancelled","reason":"sold-out","customerId":"c1","restaurantId":"r1","items":[{"sku":"dosa","quantity":2}],` +
			`"total":{"currency":"INR","minorUnits":24000},"events":[{"type":"order.placed","group":"orders-api","at":"2026-10-01T12:30:00.25Z"},` +
			`{"type":"stock.rejected","group":"inventory","reason":"sold-out","at":"2026-10-01T12:30:00.25Z"}]}`,
		"/restaurants": `{"restaurants":[{"restaurantId":"r1","name":"Dosa Corner","city":"mumbai","placesFree":3}]}`,
		"/restaurants/r1/menu": `{"restaurantId":"r1","name":"Dosa Corner","city":"mumbai","placesFree":3,` +
			`"dishes":[{"sku":"dosa","name":"Masala Dosa","price":{"currency":"INR","minorUnits":12000},"stockFree":40}]}`,
		"/livez": "alive\n", "/readyz": "ready\n",
	} {
		if response := w.do("GET", path, ""); response.Code != http.StatusOK || strings.TrimSuffix(response.Body.String(), "\n") != strings.TrimSuffix(want, "\n") {
			t.Errorf("%s: %d\n%s, want\n%s", path, response.Code, response.Body, want)
		}
	}
	metrics := w.do("GET", "/metrics", "").Body.String()
	if want := `tiffin_http_request_duration_seconds_count{api="test",method="GET",route="/orders/:orderId",status="200"} 1`; !strings.Contains(metrics, want) {
		t.Errorf("no %s in\n%s", want, metrics)
	}
}
