package notification_test

import (
	"context"
	"encoding/base64"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"tiffin/consumers/notification"
	"tiffin/saga"
)

var told = notification.Message{
	CustomerID: "ann", Kind: notification.OrderCompleted, About: "o1", Subject: "Your order has arrived", Text: "Enjoy your meal!",
	At: time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC),
}

func webhook(t *testing.T, channelURL, secret string) notification.Channel {
	t.Helper()
	channel, err := notification.Open(channelURL, notification.ChannelConfig{WebhookSecret: secret})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(channel.(*notification.Webhook).Close)
	return channel
}

func TestWebhook(t *testing.T) {
	secret := "whsec_" + base64.StdEncoding.EncodeToString([]byte(strings.Repeat("k", 32)))
	verifier, err := standardwebhooks.NewWebhook(secret)
	if err != nil {
		t.Fatal(err)
	}
	calls := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		calls++
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		want := `{"notificationId":"n1","customerId":"ann","kind":"order-completed","about":"o1","subject":"Your order has arrived","text":"Enjoy your meal!","at":"2026-01-01T12:00:00Z"}`
		if string(body) != want || r.Method != http.MethodPost || r.URL.Path != "/hook" {
			t.Errorf("%s %s with\n%s, want\n%s", r.Method, r.URL, body, want)
		}
		if r.Header.Get("Idempotency-Key") != "n1" || r.Header.Get("Content-Type") != "application/json" {
			t.Errorf("headers %v", r.Header)
		}
		if err := verifier.Verify(body, r.Header); err != nil {
			t.Errorf("the signature: %v", err)
		}
		if err := verifier.Verify(append(body, ' '), r.Header); err == nil {
			t.Error("the signature fits another body")
		}
		w.WriteHeader(http.StatusNoContent)
	}))
	defer server.Close()
	if err := webhook(t, server.URL+"/hook", secret).Deliver(t.Context(), "n1", told); err != nil || calls != 1 {
		t.Errorf("%d calls, %v", calls, err)
	}
}

func TestWhatAWebhookAnswers(t *testing.T) {
	answer := http.StatusOK
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/elsewhere" || r.Header.Get("Webhook-Signature") != "" {
			t.Errorf("%s with %v", r.URL, r.Header)
		}
		w.Header().Set("Location", "/elsewhere")
		w.WriteHeader(answer)
	}))
	defer server.Close()
	hook := webhook(t, server.URL, "")
	for _, test := range []struct {
		answer           int
		taken, permanent bool
	}{
		{200, true, false},
		{202, true, false},
		{299, true, false},
		{302, false, false},
		{308, false, false},
		{400, false, true},
		{401, false, false},
		{403, false, false},
		{404, false, false},
		{410, false, true},
		{422, false, true},
		{408, false, false},
		{425, false, false},
		{429, false, false},
		{500, false, false},
		{503, false, false},
		{599, false, false},
	} {
		answer = test.answer
		if err := hook.Deliver(t.Context(), "n1", told); (err == nil) != test.taken || saga.IsPermanent(err) != test.permanent {
			t.Errorf("%d: %v, permanent %v", answer, err, saga.IsPermanent(err))
		}
	}
}

// A webhook that can't be reached, or does not answer, is called again later; its URL, which may be a secret, is not told.
func TestAWebhookThatIsAway(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		<-r.Context().Done()
	}))
	defer server.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := webhook(t, server.URL, "").Deliver(ctx, "n1", told); !errors.Is(err, context.DeadlineExceeded) || saga.IsPermanent(err) {
		t.Errorf("silent: %v", err)
	}
	server.CloseClientConnections()
	away := webhook(t, "http://127.0.0.1:1/hidden", "")
	if err := away.Deliver(t.Context(), "n1", told); err == nil || saga.IsPermanent(err) || strings.Contains(err.Error(), "hidden") {
		t.Errorf("away: %v", err)
	}
}
