package load

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/labstack/echo/v4"

	"tiffin/internal/demo"
	"tiffin/producers/api"
	"tiffin/producers/door"
	"tiffin/schemas"
)

// What the APIs say when their door is closed is understood: either it was not accepted, or nobody knows.
func TestRefusalsOfTheDoor(t *testing.T) {
	for _, test := range []struct {
		err  error
		want verdict
	}{
		{&door.Unavailable{Cause: door.Full}, refused},
		{&door.Unavailable{Cause: door.Failed}, refused},
		{&door.Unavailable{Cause: door.Stopping}, refused},
		{&door.Unavailable{Cause: door.TimeOut, Unsure: true}, unsure},
		{&door.Unavailable{Cause: door.Failed, Unsure: true}, unsure},
		{door.ErrUnavailable, unsure},
		{http.ErrBodyNotAllowed, unsure}, // a bug: 500
	} {
		e := api.New(api.Config{Name: "test"})
		e.POST("/orders", func(echo.Context) error { return test.err })
		response := httptest.NewRecorder()
		e.ServeHTTP(response, httptest.NewRequest(http.MethodPost, "/orders", nil))
		a := answer{status: response.Code, body: response.Body.Bytes()}
		if got := a.verdict(); got != test.want {
			t.Errorf("%d %s is %d, want %d", a.status, a.body, got, test.want)
		}
	}
}

// The world of a load are valid facts; another run's has new stock and money, and else the same: however many runs there were, who can't
// pay has no more than before.
func TestTheWorld(t *testing.T) {
	first, second := World("load-one"), World("load-two")
	same, fresh := 0, 0
	for i, f := range first {
		if err := f.(schemas.Fact).Validate(); err != nil {
			t.Errorf("%+v: %v", f, err)
		}
		if demo.EventID(f) == demo.EventID(second[i]) {
			same++
			continue
		}
		fresh++
		switch f := f.(type) {
		case schemas.StockDelivered:
		case schemas.AccountCredited:
			if strings.HasPrefix(f.AccountID, "load-pauper-") {
				t.Errorf("%+v comes again in another run", f)
			}
		default:
			t.Errorf("%+v is another fact in another run", f)
		}
	}
	if want := customers + 1 + restaurants*dishes + 2; fresh != want || same == 0 {
		t.Errorf("%d facts are of the run, want %d; %d are not", fresh, want, same)
	}
}
