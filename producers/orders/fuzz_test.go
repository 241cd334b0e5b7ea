package orders_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"tiffin/producers/api/apitest"
	"tiffin/saga"
	"tiffin/schemas"
)

// FuzzHandlers: nothing that a client sends can provoke a 500, and what is accepted is valid.
func FuzzHandlers(f *testing.F) {
	paths := []string{
		"/orders", "/orders/*", "/orders/*/cancellation", "/kitchen/orders/*/accepted", "/kitchen/orders/*/rejected",
		"/kitchen/orders/*/cooked", "/deliveries/*/delivered", "/deliveries/*/failed", "/restaurants", "/restaurants/*/menu", "/readyz", "/*",
	}
	for i := range paths {
		f.Add(i, true, "o1", "application/json", "", "key-1", "{}")
		f.Add(i, false, "o1", "", "respond-async", "", "")
	}
	f.Add(0, true, "", "application/json", "", `"k\""`, placement)
	f.Add(0, true, "", "application/json; charset=x", "", "", `{"customerId":"c","restaurantId":null,"items":[{"sku":"a","quantity":1e3,"price":1}]}`)
	f.Add(0, true, "", "application/json", "", "\"\\", `{"items":[{},{"quantity":-99999999999999999999}],"é\ud800":1}`)
	f.Add(1, false, "%zz/../\x00", "text/plain;;=", `wait="`, "", "\xff")
	f.Add(4, true, "o1", "application/json", "", "", `{"reason":"sold-out","reason":null}`)
	f.Add(7, true, "o1", "application/json", "", "", `{"reason":null}`)
	f.Fuzz(func(t *testing.T, route int, post bool, id, contentType, prefer, key, body string) {
		if strings.Contains(strings.ToLower(prefer), "wait") {
			prefer = "wait=\"" + prefer // not for a minute
		}
		w := newWorld()
		w.orders["o1"] = look("completed")
		method := http.MethodGet
		if post {
			method = http.MethodPost
		}
		path := paths[uint(route)%uint(len(paths))]
		request := httptest.NewRequest(method, "/", strings.NewReader(body))
		request.URL = &url.URL{Path: strings.ReplaceAll(path, "*", id)}
		request.Header["Content-Type"] = []string{contentType}
		request.Header["Prefer"] = []string{prefer}
		if key != "" {
			request.Header["Idempotency-Key"] = []string{key}
		}
		response := httptest.NewRecorder()
		w.handler.ServeHTTP(response, request)
		if response.Code >= 500 || w.log.Len() > 0 {
			t.Fatalf("%s %q: %d %s\n%s", method, request.URL.Path, response.Code, response.Body, &w.log)
		}
		if response.Code >= 400 {
			apitest.Refused(t, response)
		}
		if accepted := response.Code == http.StatusAccepted; accepted != (len(w.accepted) == 1) {
			t.Fatalf("%d, accepted %v", response.Code, w.accepted)
		}
		for _, fact := range w.accepted {
			checkFact(t, fact)
		}
	})
}

// checkFact: what the door takes is valid, and reads back as itself.
func checkFact(t *testing.T, fact saga.Fact) {
	t.Helper()
	data, err := schemas.Encode(fact.(schemas.Fact))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := schemas.Decode(fact.EventType(), data); err != nil {
		t.Fatal(err)
	}
}
