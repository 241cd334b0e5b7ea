package payments_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/labstack/echo/v4"
	"go.uber.org/goleak"

	"tiffin/producers/api"
	"tiffin/producers/api/apitest"
	"tiffin/producers/door"
	"tiffin/producers/ids"
	"tiffin/producers/payments"
	"tiffin/saga"
	"tiffin/schemas"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// world is a door and a ledger in memory.
type world struct {
	err      error // what the door and the ledger fail with
	accepted []saga.Fact
	origins  []door.Origin
	payments map[string][]payments.Payment // what each look at a payment finds, a zero one being none; the last one stays
	limit    int                           // how many movements were asked for
	log      bytes.Buffer
	handler  *echo.Echo
	ids      ids.Maker
}

func newWorld() *world {
	w := &world{payments: map[string][]payments.Payment{}, ids: ids.NewMaker("secret", "payment")}
	w.build(payments.Config{})
	return w
}

func (w *world) build(cfg payments.Config) {
	cfg.Door, cfg.Ledger, cfg.IDKey = w, w, "secret"
	w.handler = api.New(api.Config{Name: "test", Logger: slog.New(slog.NewTextHandler(&w.log, nil))})
	payments.Routes(w.handler, cfg)
}

func (w *world) Accept(_ context.Context, from door.Origin, facts ...saga.Fact) error {
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

func (w *world) Payment(ctx context.Context, id string) (payments.Payment, bool, error) {
	if ctx.Err() != nil {
		return payments.Payment{}, false, ctx.Err()
	}
	found := w.payments[id]
	if len(found) == 0 {
		return payments.Payment{}, false, w.err
	}
	if len(found) > 1 {
		w.payments[id] = found[1:]
	}
	return found[0], found[0].PaymentID != "", w.err
}

func (w *world) Account(_ context.Context, id string, movements int) (payments.Account, bool, error) {
	w.limit = movements
	at := time.Date(2026, 10, 1, 12, 30, 0, 250e6, time.UTC)
	switch id {
	case "alice":
		return payments.Account{
			AccountID: id, Balances: []schemas.Money{{Currency: "EUR"}, {Currency: "INR", MinorUnits: 87_500}},
			Movements: []payments.Movement{
				{PaymentID: "p1", Kind: "pay", Amount: schemas.Money{Currency: "INR", MinorUnits: -12_500}, Counterparty: "bob", At: at},
				{PaymentID: "c1", Kind: "credit", Amount: schemas.Money{Currency: "INR", MinorUnits: 100_000}, Counterparty: "@outside", At: at},
			},
		}, true, w.err
	case "new", "@escrow": // a ledger that would tell
		return payments.Account{AccountID: id, Balances: []schemas.Money{{Currency: "INR"}}}, true, w.err
	}
	return payments.Account{}, false, w.err
}

// do sends a request; headers are "Name: value". A body is JSON unless they say otherwise.
func (w *world) do(method, path, body string, headers ...string) *httptest.ResponseRecorder {
	return apitest.Do(w.handler, method, path, body, headers...)
}

const payment = `{"from":"alice","to":"bob","amount":{"currency":"INR","minorUnits":12500}}`

func TestPay(t *testing.T) {
	w := newWorld()
	const trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	response := w.do("POST", "/payments", payment, "traceparent: "+trace)
	var receipt payments.Receipt
	if err := json.Unmarshal(response.Body.Bytes(), &receipt); err != nil || response.Code != http.StatusAccepted || receipt.Status != "pending" {
		t.Fatalf("%d %s %v", response.Code, response.Body, err)
	}
	location := response.Header().Get("Location")
	if location != "/payments/"+receipt.PaymentID || !w.ids.Certifies(receipt.PaymentID) {
		t.Errorf("Location %s, id %s", location, receipt.PaymentID)
	}
	want := []saga.Fact{schemas.PaymentInitiated{PaymentID: receipt.PaymentID, From: "alice", To: "bob", Amount: schemas.Money{Currency: "INR", MinorUnits: 12_500}}}
	if !reflect.DeepEqual(w.accepted, want) {
		t.Errorf("accepted %+v, want %+v", w.accepted, want)
	}
	if w.origins[0] != (door.Origin{API: "payments-api", Trace: trace}) {
		t.Errorf("origin %+v", w.origins[0])
	}
	// Right after the 202 no group has heard of it, and another instance is asked.
	w.build(payments.Config{})
	response = w.do("GET", location, "")
	if want := `{"paymentId":"` + receipt.PaymentID + `","status":"pending"}`; response.Code != http.StatusOK || response.Body.String() != want+"\n" {
		t.Errorf("%d %s, want %s", response.Code, response.Body, want)
	}
}

// P5: the same Idempotency-Key gives the same answer and one effect.
func TestTheSameKeyIsOnePayment(t *testing.T) {
	w := newWorld()
	const key = "Idempotency-Key: key-1"
	first := w.do("POST", "/payments", payment, key)
	again := w.do("POST", "/payments", payment, key)
	if first.Code != http.StatusAccepted || again.Code != http.StatusAccepted || first.Body.String() != again.Body.String() || first.Header().Get("Location") != again.Header().Get("Location") {
		t.Errorf("first %d %v %s, then %d %v %s", first.Code, first.Header(), first.Body, again.Code, again.Header(), again.Body)
	}
	if len(w.accepted) != 1 || !w.ids.Certifies(w.accepted[0].Key()) {
		t.Errorf("accepted %+v", w.accepted)
	}
	if refusal := apitest.Refused(t, w.do("POST", "/payments", strings.Replace(payment, "bob", "carol", 1), key)); refusal.Status != http.StatusUnprocessableEntity {
		t.Errorf("another payment: %d", refusal.Status)
	}
	if response := w.do("POST", "/payments", strings.Replace(payment, "alice", "carol", 1), key); response.Code != http.StatusAccepted || len(w.accepted) != 2 {
		t.Errorf("another payer's key: %d %s", response.Code, response.Body)
	}
}

func TestRefusals(t *testing.T) {
	const (
		isID       = " must be 1 to 64 letters, digits, hyphens or underscores"
		isAmount   = "/amount/minorUnits must be an integer"
		isCurrency = "/amount/currency must be a currency that is in use"
	)
	of := func(minorUnits string) string {
		return `{"from":"alice","to":"bob","amount":{"currency":"INR","minorUnits":` + minorUnits + `}}`
	}
	in := func(currency string) string {
		return `{"from":"alice","to":"bob","amount":{"currency":` + currency + `,"minorUnits":1}}`
	}
	between := func(from, to string) string {
		return `{"from":"` + from + `","to":"` + to + `","amount":{"currency":"INR","minorUnits":1}}`
	}
	tests := []struct {
		method, path, body string
		status             int
		want               []string // faults; the detail may be cut
	}{
		{"POST", "/payments", of("-1"), 400, []string{isAmount + " from 1 to "}},
		{"POST", "/payments", of("0"), 400, []string{isAmount + " from 1 to "}},
		{"POST", "/payments", of("-0"), 400, []string{isAmount + " from 1 to "}},
		{"POST", "/payments", of("12.5"), 400, []string{isAmount + ", without fraction"}},
		{"POST", "/payments", of("12.0"), 400, []string{isAmount + ", without fraction"}},
		{"POST", "/payments", of("1e2"), 400, []string{isAmount + ", without fraction or exponent"}},
		{"POST", "/payments", of(`"125"`), 400, []string{isAmount}},
		{"POST", "/payments", of("null"), 400, []string{isAmount + " from 1 to "}},
		{"POST", "/payments", of(fmt.Sprint(int64(schemas.MaxMinorUnits) + 1)), 400, []string{isAmount + " from 1 to "}},
		{"POST", "/payments", of("9223372036854775807"), 400, []string{isAmount + " from 1 to "}},
		{"POST", "/payments", of("9223372036854775808"), 400, []string{"/amount/minorUnits must be a number that is less far from zero"}},
		{"POST", "/payments", of("18446744073709551617"), 400, []string{"/amount/minorUnits must be a number that is less far from zero"}},
		{"POST", "/payments", in(`"ABC"`), 400, []string{isCurrency}},
		{"POST", "/payments", in(`"DEM"`), 400, []string{isCurrency}},
		{"POST", "/payments", in(`"XXX"`), 400, []string{isCurrency}},
		{"POST", "/payments", in(`"XAU"`), 400, []string{isCurrency}},
		{"POST", "/payments", in(`"inr"`), 400, []string{"/amount/currency must be three capital letters", isCurrency}},
		{"POST", "/payments", in(`"rupee"`), 400, []string{"/amount/currency must be three capital letters"}},
		{"POST", "/payments", in(`356`), 400, []string{"/amount/currency must be a string"}},
		{"POST", "/payments", between("alice", "alice"), 400, []string{"/to must differ from the account that pays"}},
		{"POST", "/payments", between("@escrow", "bob"), 400, []string{"/from" + isID}},
		{"POST", "/payments", between("alice", "@outside"), 400, []string{"/to" + isID}},
		{"POST", "/payments", between("", ""), 400, []string{"/from" + isID, "/to" + isID}},
		{
			"POST", "/payments", `{"from":"alice","to":"bob","amount":{"currency":"INR","minorUnits":1,"scale":2},"paymentId":"p1","currency":"INR"}`, 400,
			[]string{"/currency must be absent: it is not known here", "/paymentId must be absent: it is not known here", "/amount/scale must be absent: it is not known here"},
		},
		{"POST", "/payments", `{}`, 400, []string{"/from" + isID, "/to" + isID, "/amount/currency must be", "/amount/minorUnits must be"}},
		{"POST", "/payments", `{"from":"alice","to":"bob","amount":12500}`, 400, []string{"/amount must be an object"}},
		{"POST", "/payments", ``, 400, []string{" must be JSON"}},
		{"GET", "/payments/a%2Fb", "", 400, []string{"/paymentId" + isID}},
		{"GET", "/payments/p1", "", 404, nil},
		{"GET", "/payments/" + ids.NewMaker("secret", "order").New(time.Now()), "", 404, nil}, // an order that has opened none
		{"GET", "/accounts/nobody", "", 404, nil},
		{"GET", "/accounts/@escrow", "", 404, nil},
		{"GET", "/accounts/%40escrow", "", 400, []string{"/accountId" + isID}},
		{"GET", "/accounts/a%20b", "", 400, []string{"/accountId" + isID}},
		{"GET", "/accounts/alice?limit=0", "", 400, []string{"/limit must be an integer from 1 to 200"}},
		{"GET", "/accounts/alice?limit=201", "", 400, []string{"/limit must be"}},
		{"GET", "/accounts/alice?limit=all", "", 400, []string{"/limit must be"}},
		{"GET", "/payments", "", 405, nil},
		{"DELETE", "/payments/p1", "", 405, nil},
	}
	for _, test := range tests {
		w := newWorld()
		name := test.method + " " + test.path + " " + test.body
		refusal := apitest.Refused(t, w.do(test.method, test.path, test.body))
		status, faults := refusal.Status, refusal.Faults()
		if status != test.status || len(faults) != len(test.want) {
			t.Errorf("%s: %d %q, want %d %q", name, status, faults, test.status, test.want)
			continue
		}
		for i, fault := range faults {
			if !strings.HasPrefix(fault, test.want[i]) {
				t.Errorf("%s: fault %q, want %q", name, fault, test.want[i])
			}
		}
		if len(w.accepted) != 0 || w.log.Len() != 0 {
			t.Errorf("%s: accepted %v, logged %s", name, w.accepted, &w.log)
		}
	}
}

func TestUnavailable(t *testing.T) {
	w := newWorld()
	w.err = fmt.Errorf("%w: secret", door.ErrUnavailable)
	for _, request := range []string{"POST /payments", "GET /payments/p1", "GET /accounts/alice"} {
		method, path, _ := strings.Cut(request, " ")
		body := ""
		if method == "POST" {
			body = payment
		}
		response := w.do(method, path, body)
		if refusal := apitest.Refused(t, response); refusal.Status != http.StatusServiceUnavailable || strings.Contains(response.Body.String(), "secret") {
			t.Errorf("%s: %d %v %s", request, refusal.Status, response.Header(), response.Body)
		}
	}
}

func TestShow(t *testing.T) {
	w := newWorld()
	w.payments["p1"] = []payments.Payment{{
		PaymentID: "p1", Status: "failed", Reason: "insufficient-funds", Purpose: "transfer", From: "alice", To: "bob", Amount: &schemas.Money{Currency: "INR", MinorUnits: 12_500},
	}}
	for path, want := range map[string]string{
		"/payments/p1": `{"paymentId":"p1","status":"failed","reason":"insufficient-funds","purpose":"transfer","from":"alice","to":"bob","amount":{"currency":"INR","minorUnits":12500}}`,
		"/accounts/alice": `{"accountId":"alice","balances":[{"currency":"EUR","minorUnits":0},{"currency":"INR","minorUnits":87500}],"movements":[` +
			`{"paymentId":"p1","kind":"pay","amount":{"currency":"INR","minorUnits":-12500},"counterparty":"bob","at":"2026-10-01T12:30:00.25Z"},` +
			`{"paymentId":"c1","kind":"credit","amount":{"currency":"INR","minorUnits":100000},"counterparty":"@outside","at":"2026-10-01T12:30:00.25Z"}]}`,
		"/accounts/new": `{"accountId":"new","balances":[{"currency":"INR","minorUnits":0}],"movements":[]}`,
	} {
		if response := w.do("GET", path, ""); response.Code != http.StatusOK || response.Body.String() != want+"\n" {
			t.Errorf("%s: %d\n%s, want\n%s", path, response.Code, response.Body, want)
		}
	}
	for path, want := range map[string]int{"/accounts/alice": 50, "/accounts/alice?limit=1": 1, "/accounts/alice?limit=200": 200} {
		if w.do("GET", path, ""); w.limit != want {
			t.Errorf("%s asks for %d movements, want %d", path, w.limit, want)
		}
	}
}

// TestFollow: a payment that no group has got to yet, until it has succeeded.
func TestFollow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		id := w.ids.New(time.Now())
		at := func(status string) payments.Payment {
			return payments.Payment{PaymentID: id, Status: status, Purpose: "transfer", From: "alice", To: "bob", Amount: &schemas.Money{Currency: "INR", MinorUnits: 1}}
		}
		w.payments[id] = []payments.Payment{{}, {}, at("pending"), at("pending"), at("succeeded")}
		response := w.do("GET", "/payments/"+id, "", "Accept: text/event-stream")
		known := `,"purpose":"transfer","from":"alice","to":"bob","amount":{"currency":"INR","minorUnits":1}}`
		want := "id: accepted\nevent: pending\ndata: {\"paymentId\":\"" + id + "\",\"status\":\"pending\"}\n\n" +
			"id: pending\nevent: pending\ndata: {\"paymentId\":\"" + id + "\",\"status\":\"pending\"" + known + "\n\n" +
			"id: succeeded\nevent: succeeded\ndata: {\"paymentId\":\"" + id + "\",\"status\":\"succeeded\"" + known + "\n\n"
		if response.Code != http.StatusOK || response.Body.String() != want {
			t.Errorf("%d\n%s, want\n%s", response.Code, response.Body, want)
		}

		w.payments["p1"] = []payments.Payment{at("pending"), at("failed")}
		start := time.Now()
		response = w.do("GET", "/payments/p1", "", "Prefer: wait=10")
		if took := time.Since(start); response.Header().Get("Preference-Applied") != "wait=10" || !strings.Contains(response.Body.String(), `"status":"failed"`) || took != 20*time.Millisecond {
			t.Errorf("%v %s after %v", response.Header(), response.Body, took)
		}
	})
}

func TestFollowersAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		stopping := make(chan struct{})
		w.build(payments.Config{Common: api.Common{MaxWaiters: 1, MaxStreams: 1, Stopping: stopping}})
		id := w.ids.New(time.Now())
		answers := make(chan *httptest.ResponseRecorder, 2)
		for _, header := range []string{"Accept: text/event-stream", "Prefer: wait=60"} {
			go func() { answers <- w.do("GET", "/payments/"+id, "", header) }()
		}
		synctest.Wait()
		if refusal := apitest.Refused(t, w.do("GET", "/payments/"+id, "", "Accept: text/event-stream")); refusal.Status != http.StatusServiceUnavailable {
			t.Errorf("one listener too many: %d", refusal.Status)
		}
		if response := w.do("GET", "/payments/"+id, "", "Prefer: wait=60"); response.Code != http.StatusOK || response.Header().Get("Preference-Applied") != "" {
			t.Errorf("one waiter too many: %d %v", response.Code, response.Header())
		}
		start := time.Now()
		close(stopping)
		for range 2 {
			if response := <-answers; response.Code != http.StatusOK || time.Since(start) != 0 {
				t.Errorf("%d %s after %v", response.Code, response.Body, time.Since(start))
			}
		}
	})
}
