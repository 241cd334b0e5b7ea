package views_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/labstack/echo/v4"
	"go.uber.org/goleak"

	"tiffin/producers/api"
	"tiffin/producers/problem"
	"tiffin/producers/views"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// world is readers in memory.
type world struct {
	handler *echo.Echo

	mu    sync.Mutex
	err   error    // what they fail with
	empty bool     // they know nothing
	asked []string // what they were asked
	posts int64    // the likes of the first post
	hold  chan struct{}
}

func newWorld() *world {
	w := &world{handler: api.New(api.Config{Name: "test"})}
	views.Routes(w.handler, views.Config{Notifications: w, Analytics: w, Posts: w})
	return w
}

// ask notes a question, and says what to answer with.
func (w *world) ask(format string, args ...any) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.asked = append(w.asked, fmt.Sprintf(format, args...))
	return w.err
}

func (w *world) Notifications(_ context.Context, customerID, before string, limit int) (page []views.Notification, err error) {
	err = w.ask("%s before %q, %d", customerID, before, limit)
	for i := 5; i > 0 && !w.empty && len(page) < limit; i-- { // n5 is the newest
		if id := fmt.Sprint("n", i); before == "" || id < before {
			page = append(page, views.Notification{NotificationID: id, Kind: "order-completed", About: "o1", Subject: "S", Text: "T", At: noon})
		}
	}
	return page, err
}

var noon = time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)

func known[T any](w *world, all ...T) []T {
	if w.empty {
		return nil
	}
	return all
}

func (w *world) Orders(context.Context) (views.Orders, error) {
	if w.empty {
		return views.Orders{}, w.ask("orders")
	}
	return views.Orders{Placed: 3, Completed: 1, Cancelled: 2, Reasons: map[string]int64{"sold-out": 2}}, w.ask("orders")
}

func (w *world) Money(context.Context) ([]views.Money, error) {
	return known(w, views.Money{Currency: "INR", PaidMinorUnits: 1, RefundedMinorUnits: 2, SettledMinorUnits: 3, TransferredMinorUnits: 4}), w.ask("money")
}

func (w *world) LikesPerMinute(_ context.Context, n int) ([]views.Minute, error) {
	return known(w, views.Minute{Minute: noon, Likes: 1, Unlikes: 2}), w.ask("%d minutes", n)
}

func (w *world) LikesPerDay(_ context.Context, n int) ([]views.Day, error) {
	return known(w, views.Day{Day: "2026-01-01", Likes: 3, Unlikes: 4}), w.ask("%d days", n)
}

func (w *world) TopDishes(_ context.Context, n int) ([]views.Dish, error) {
	return known(w, views.Dish{SKU: "dal", Portions: 3}, views.Dish{SKU: "idli", Portions: 2}), w.ask("%d dishes", n)
}

func (w *world) TopPosts(ctx context.Context, n int) ([]views.Post, error) {
	if w.hold != nil {
		select {
		case <-w.hold:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	w.mu.Lock()
	likes := w.posts
	w.mu.Unlock()
	return known(w, views.Post{PostID: "p1", Likes: likes}), w.ask("%d posts", n)
}

func (w *world) get(path string) *httptest.ResponseRecorder {
	return w.getWith(context.Background(), path)
}

func (w *world) getWith(ctx context.Context, path string) *httptest.ResponseRecorder {
	response := httptest.NewRecorder()
	w.handler.ServeHTTP(response, httptest.NewRequestWithContext(ctx, http.MethodGet, path, nil))
	return response
}

func message(n int) string {
	return fmt.Sprintf(`{"notificationId":"n%d","kind":"order-completed","about":"o1","subject":"S","text":"T","at":"2026-01-01T12:00:00Z"}`, n)
}

func TestWhatIsShown(t *testing.T) {
	many := strings.Join([]string{message(5), message(4), message(3), message(2), message(1)}, ",")
	for _, test := range []struct{ path, want, empty, asked string }{
		{"/customers/ann/notifications", `{"notifications":[` + many + `]}`, `{"notifications":[]}`, `ann before "", 51`},
		{"/customers/ann/notifications?limit=5", `{"notifications":[` + many + `]}`, `{"notifications":[]}`, `ann before "", 6`},
		{"/customers/ann/notifications?limit=2", `{"notifications":[` + message(5) + `,` + message(4) + `],"next":"n4"}`, `{"notifications":[]}`, `ann before "", 3`},
		{"/customers/ann/notifications?limit=2&before=n4", `{"notifications":[` + message(3) + `,` + message(2) + `],"next":"n2"}`, `{"notifications":[]}`, `ann before "n4", 3`},
		{"/customers/ann/notifications?limit=2&before=n2", `{"notifications":[` + message(1) + `]}`, `{"notifications":[]}`, `ann before "n2", 3`},
		{"/customers/ann/notifications?limit=200", `{"notifications":[` + many + `]}`, `{"notifications":[]}`, `ann before "", 201`},
		{"/analytics/orders", `{"placed":3,"completed":1,"cancelled":2,"reasons":{"sold-out":2}}`, `{"placed":0,"completed":0,"cancelled":0,"reasons":{}}`, "orders"},
		{"/analytics/money", `{"currencies":[{"currency":"INR","paidMinorUnits":1,"refundedMinorUnits":2,"settledMinorUnits":3,"transferredMinorUnits":4}]}`, `{"currencies":[]}`, "money"},
		{"/analytics/likes", `{"perMinute":[{"minute":"2026-01-01T12:00:00Z","likes":1,"unlikes":2}],"perDay":[{"day":"2026-01-01","likes":3,"unlikes":4}]}`, `{"perMinute":[],"perDay":[]}`, "60 minutes, 30 days"},
		{"/analytics/dishes", `{"dishes":[{"sku":"dal","portions":3},{"sku":"idli","portions":2}]}`, `{"dishes":[]}`, "100 dishes"},
		{"/analytics/dishes?limit=1", `{"dishes":[{"sku":"dal","portions":3}]}`, `{"dishes":[]}`, "100 dishes"},
		{"/analytics/posts?limit=100", `{"posts":[{"postId":"p1","likes":0}]}`, `{"posts":[]}`, "100 posts"},
	} {
		w := newWorld()
		response := w.get(test.path)
		if response.Code != http.StatusOK || response.Body.String() != test.want+"\n" || response.Header().Get("Content-Type") != "application/json" {
			t.Errorf("%s: %d %s, want %s", test.path, response.Code, response.Body, test.want)
		}
		if asked := strings.Join(w.asked, ", "); asked != test.asked {
			t.Errorf("%s asked for %s, want %s", test.path, asked, test.asked)
		}
		w = newWorld()
		w.empty = true
		if response := w.get(test.path); response.Code != http.StatusOK || response.Body.String() != test.empty+"\n" {
			t.Errorf("%s, empty: %d %s, want %s", test.path, response.Code, response.Body, test.empty)
		}
		w = newWorld()
		w.err = errors.New("the database is away")
		response = w.get(test.path)
		if response.Code != http.StatusServiceUnavailable || response.Header().Get("Content-Type") != problem.MediaType ||
			response.Header().Get("Retry-After") == "" || strings.Contains(response.Body.String(), "database") {
			t.Errorf("%s, away: %d %s", test.path, response.Code, response.Body)
		}
	}
}

func TestWhatIsRefused(t *testing.T) {
	for path, pointer := range map[string]string{
		"/customers/ann/notifications?limit=0":      "/limit",
		"/customers/ann/notifications?limit=201":    "/limit",
		"/customers/ann/notifications?limit=-1":     "/limit",
		"/customers/ann/notifications?limit=many":   "/limit",
		"/customers/ann/notifications?before=n1%27": "/before",
		"/customers/a.n/notifications":              "/customerId",
		"/analytics/dishes?limit=101":               "/limit",
		"/analytics/posts?limit=1e1":                "/limit",
	} {
		w := newWorld()
		response := w.get(path)
		if response.Code != http.StatusBadRequest || !strings.Contains(response.Body.String(), `"pointer":"`+pointer+`"`) || len(w.asked) > 0 {
			t.Errorf("%s: %d %s, asked %v", path, response.Code, response.Body, w.asked)
		}
	}
}

// However many visitors come, the readers that look at everything are asked once in a while.
func TestTopListsAreKeptForAWhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		w.hold = make(chan struct{})
		var visitors sync.WaitGroup
		for range 50 {
			visitors.Go(func() {
				if response := w.get("/analytics/posts"); response.Code != http.StatusOK {
					t.Errorf("%d %s", response.Code, response.Body)
				}
			})
		}
		synctest.Wait()
		close(w.hold)
		visitors.Wait()
		if len(w.asked) != 1 {
			t.Errorf("asked %d times", len(w.asked))
		}
		w.posts = 7
		timer := time.NewTimer(3*time.Second - 1)
		<-timer.C
		if response := w.get("/analytics/posts"); !strings.Contains(response.Body.String(), `"likes":0`) {
			t.Errorf("it is asked too soon: %s", response.Body)
		}
		timer.Reset(1)
		<-timer.C
		if response := w.get("/analytics/posts"); !strings.Contains(response.Body.String(), `"likes":7`) {
			t.Errorf("it is not asked again: %s", response.Body)
		}
	})
}

// What fails is not kept, and nobody waits for ever for another's question.
func TestTopListsThatCannotBeMade(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		w.hold = make(chan struct{})
		var visitors sync.WaitGroup
		began := time.Now()
		for range 3 {
			visitors.Go(func() {
				if response := w.get("/analytics/posts"); response.Code != http.StatusServiceUnavailable {
					t.Errorf("%d %s", response.Code, response.Body)
				}
			})
		}
		synctest.Wait()
		gone, leave := context.WithCancel(t.Context())
		leave()
		if w.getWith(gone, "/analytics/posts"); time.Since(began) != 0 {
			t.Errorf("one whose client has gone waited for %v", time.Since(began))
		}
		visitors.Wait()
		if took := time.Since(began); took != 5*time.Second {
			t.Errorf("they waited for %v", took)
		}
		close(w.hold)
		if response := w.get("/analytics/posts"); response.Code != http.StatusOK {
			t.Errorf("%d %s", response.Code, response.Body)
		}
	})
}
