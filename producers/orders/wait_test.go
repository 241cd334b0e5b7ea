package orders_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-json-experiment/json"

	"tiffin/producers/api"
	"tiffin/producers/api/apitest"
	"tiffin/producers/orders"
)

// look is an order seen at different times.
func look(statuses ...string) (all []orders.Order) {
	for _, status := range statuses {
		all = append(all, orders.Order{OrderID: "o1", Status: status})
	}
	return all
}

func TestPreferWait(t *testing.T) {
	tests := []struct {
		prefer  string
		looks   []orders.Order
		applied string
		took    time.Duration
		status  string
	}{
		{"wait=10", look("completed"), "wait=10", 0, "completed"},
		{"wait=10", look("accepted", "reserved", "cancelled"), "wait=10", 40 * time.Millisecond, "cancelled"}, // 20 after each change
		{"wait=10", look("accepted"), "wait=10", 10 * time.Second, "accepted"},
		{"wait=600", look("accepted"), "wait=60", 60 * time.Second, "accepted"},
		{"WAIT = 99999999999999999999", look("accepted"), "wait=60", 60 * time.Second, "accepted"},
		{`respond-async, wait="5"; x=y`, look("accepted"), "wait=5", 5 * time.Second, "accepted"},
		{`foo="a,wait=9\"", wait=5`, look("accepted"), "wait=5", 5 * time.Second, "accepted"},
		{"wait=5, wait=10", look("accepted"), "wait=5", 5 * time.Second, "accepted"},
		{"wait=0", look("accepted"), "", 0, "accepted"},
		{"wait=-1", look("accepted"), "", 0, "accepted"},
		{"wait=1.5", look("accepted"), "", 0, "accepted"},
		{"wait=soon", look("accepted"), "", 0, "accepted"},
		{"wait", look("accepted"), "", 0, "accepted"},
		{`wait="`, look("accepted"), "", 0, "accepted"},
		{"=,;;wait=5", look("accepted"), "", 0, "accepted"},
		{"", look("accepted"), "", 0, "accepted"},
	}
	for _, test := range tests {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld()
			w.orders["o1"] = test.looks
			start := time.Now()
			response := w.do("GET", "/orders/o1", "", "Prefer: "+test.prefer)
			if took := time.Since(start); took != test.took {
				t.Errorf("%q took %v, want %v", test.prefer, took, test.took)
			}
			if got := response.Header().Get("Preference-Applied"); got != test.applied {
				t.Errorf("%q: Preference-Applied %q, want %q", test.prefer, got, test.applied)
			}
			if want := `{"orderId":"o1","status":"` + test.status + `","events":[]}`; response.Code != http.StatusOK || response.Body.String() != want+"\n" {
				t.Errorf("%q: %d %s, want %s", test.prefer, response.Code, response.Body, want)
			}
			if most := int(test.took/(250*time.Millisecond)) + 8; w.looks > most {
				t.Errorf("%q: looked %d times in %v, want %d at most", test.prefer, w.looks, test.took, most)
			}
		})
	}
}

// TestWaitForWhatNobodyKnowsYet: the id is good, so that waiting makes sense.
func TestWaitForWhatNobodyKnowsYet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		id := w.ids.New(time.Now())
		if response := w.do("GET", "/orders/"+id, "", "Prefer: wait=2"); response.Code != http.StatusOK || w.looks < 5 {
			t.Errorf("%d %s after %d looks", response.Code, response.Body, w.looks)
		}
	})
}

// waiting starts a request that waits, and returns where its answer comes.
func waiting(w *world, ctx context.Context, path string) <-chan *httptest.ResponseRecorder {
	answer := make(chan *httptest.ResponseRecorder, 1)
	go func() {
		request := httptest.NewRequestWithContext(ctx, "GET", path, nil)
		request.Header.Set("Prefer", "wait=60")
		response := httptest.NewRecorder()
		w.handler.ServeHTTP(response, request)
		answer <- response
	}()
	synctest.Wait()
	return answer
}

func TestWaitersAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		w.build(orders.Config{Common: api.Common{MaxWaiters: 1}})
		w.orders["o1"] = look("accepted")
		ctx, cancel := context.WithCancel(t.Context())
		first := waiting(w, ctx, "/orders/o1")
		start := time.Now()
		if second := <-waiting(w, t.Context(), "/orders/o1"); second.Code != http.StatusOK || second.Header().Get("Preference-Applied") != "" || time.Since(start) != 0 {
			t.Errorf("one too many: %d %v after %v", second.Code, second.Header(), time.Since(start))
		}
		cancel() // the first client goes, and makes room
		<-first
		if third := <-waiting(w, t.Context(), "/orders/o1"); third.Header().Get("Preference-Applied") != "wait=60" {
			t.Errorf("after the first has gone: %v", third.Header())
		}
	})
}

func TestNobodyWaitsWhenTheServerStops(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		stopping := make(chan struct{})
		w.build(orders.Config{Common: api.Common{Stopping: stopping}})
		w.orders["o1"] = look("accepted")
		answer := waiting(w, t.Context(), "/orders/o1")
		start := time.Now()
		close(stopping)
		if response := <-answer; response.Code != http.StatusOK || response.Header().Get("Preference-Applied") != "" || time.Since(start) != 0 {
			t.Errorf("%d %v after %v", response.Code, response.Header(), time.Since(start))
		}
	})
}

// TestListen: each change of an order comes as an event that has all of it, until its end.
func TestListen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		placed := orders.Order{OrderID: "o1", Status: "accepted", Events: []orders.Event{{Type: "order.placed"}}}
		asked := placed // a line of the timeline that does not change the status
		asked.Events = append(asked.Events[:1:1], orders.Event{Type: "cancellation.requested"})
		ended := asked
		ended.Status = "cancelled"
		w.orders["o1"] = []orders.Order{placed, placed, asked, asked, ended}
		response := w.do("GET", "/orders/o1", "", "Accept: text/event-stream")
		want := ""
		for _, event := range []struct {
			id    string
			order orders.Order
		}{{"1-accepted", placed}, {"2-accepted", asked}, {"2-cancelled", ended}} {
			data, err := json.Marshal(event.order)
			if err != nil {
				t.Fatal(err)
			}
			want += "id: " + event.id + "\nevent: " + event.order.Status + "\ndata: " + string(data) + "\n\n"
		}
		if response.Code != http.StatusOK || response.Header().Get("Content-Type") != "text/event-stream" || response.Body.String() != want {
			t.Errorf("%d %v\n%s, want\n%s", response.Code, response.Header(), response.Body, want)
		}
	})
}

func TestListenersAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		stopping := make(chan struct{})
		w.build(orders.Config{Common: api.Common{MaxStreams: 1, Stopping: stopping}})
		w.orders["o1"] = look("accepted")
		answer := make(chan *httptest.ResponseRecorder, 1)
		go func() { answer <- w.do("GET", "/orders/o1", "", "Accept: text/event-stream") }()
		synctest.Wait()
		if d := apitest.Refused(t, w.do("GET", "/orders/o1", "", "Accept: text/event-stream")); d.Status != http.StatusServiceUnavailable {
			t.Errorf("one too many: %+v", d)
		}
		close(stopping)
		if first := <-answer; !strings.HasPrefix(first.Body.String(), "id: 0-accepted\n") {
			t.Errorf("%s", first.Body)
		}
	})
}
