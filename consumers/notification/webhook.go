package notification

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"

	"tiffin/saga"
)

// Webhook posts messages to a URL, as JSON:
//
//	{"notificationId":"...","customerId":"...","kind":"...","about":"...","subject":"...","text":"...","at":"..."}
//
// It may be called twice for one message, always with the same Idempotency-Key: see the package's comment.
//
// An answer of 200 to 299 means that the message is taken, one of 400 to 499 that it never will be. All others are tried
// again, and so are those that may be mended or pass: 401, 403, 404, 407, 408, 425 and 429. Redirections are not followed.
//
// With a secret, calls are signed as https://www.standardwebhooks.com has it: the headers webhook-id,
// webhook-timestamp and webhook-signature, for which there are libraries in every language.
type Webhook struct {
	url    string
	secret []byte
	client *http.Client
}

const (
	// secretPrefix is how a secret begins; what follows is in base64.
	secretPrefix = "whsec_"
	// minSecretBytes is how short a secret may be.
	minSecretBytes = 24
	// maxAnswerBytes is how much of an answer is read, so that its connection can be used again.
	maxAnswerBytes = 64 << 10
)

func openWebhook(u *url.URL, secret string) (*Webhook, error) {
	if u.Host == "" {
		return nil, errors.New("the notification channel's webhook URL has no host")
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxConnsPerHost, transport.MaxIdleConnsPerHost = maxConnections, maxConnections
	w := &Webhook{url: u.String(), client: &http.Client{
		Transport:     transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
	if secret != "" {
		encoded, hasPrefix := strings.CutPrefix(secret, secretPrefix)
		key, err := base64.StdEncoding.DecodeString(encoded)
		if err != nil || !hasPrefix || len(key) < minSecretBytes {
			return nil, fmt.Errorf("the notification channel's webhook secret is %s and then %d bytes or more in base64: `openssl rand -base64 32` makes some",
				secretPrefix, minSecretBytes)
		}
		w.secret = key
	}
	return w, nil
}

// call is a webhook's body.
type call struct {
	NotificationID string `json:"notificationId"`
	Message        `json:",inline"`
}

// Deliver implements [Channel].
func (w *Webhook) Deliver(ctx context.Context, idempotencyKey string, m Message) error {
	body, err := json.Marshal(call{idempotencyKey, m})
	if err != nil {
		return saga.Permanent(err)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, w.url, bytes.NewReader(body))
	if err != nil {
		return saga.Permanent(err)
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("User-Agent", "tiffin")
	request.Header.Set("Idempotency-Key", idempotencyKey)
	if w.secret != nil {
		w.sign(request.Header, idempotencyKey, body)
	}
	response, err := w.client.Do(request)
	if err != nil {
		return withoutURL(err)
	}
	defer func() { _ = response.Body.Close() }()
	_, _ = io.CopyN(io.Discard, response.Body, maxAnswerBytes) // what it says is of no interest; see maxAnswerBytes
	return judge(response.StatusCode)
}

// judge says what an answer means.
func judge(status int) error {
	switch err := fmt.Errorf("the webhook answers %d %s", status, http.StatusText(status)); {
	case status/100 == 2:
		return nil
	case status == http.StatusRequestTimeout, status == http.StatusTooEarly, status == http.StatusTooManyRequests,
		status == http.StatusUnauthorized, status == http.StatusForbidden, status == http.StatusProxyAuthRequired, status == http.StatusNotFound:
		return err // somebody may mend it, and a receiver is not there while it is deployed
	case status/100 == 4:
		return saga.Permanent(err)
	default:
		return err
	}
}

func (w *Webhook) sign(header http.Header, id string, body []byte) {
	now := strconv.FormatInt(time.Now().Unix(), 10)
	mac := hmac.New(sha256.New, w.secret)
	mac.Write([]byte(id + "." + now + "."))
	mac.Write(body)
	header.Set("Webhook-Id", id)
	header.Set("Webhook-Timestamp", now)
	header.Set("Webhook-Signature", "v1,"+base64.StdEncoding.EncodeToString(mac.Sum(nil)))
}

// withoutURL is the error without the webhook's URL, which may be a secret.
func withoutURL(err error) error {
	var outer *url.Error
	if errors.As(err, &outer) {
		return fmt.Errorf("call the webhook: %w", outer.Err)
	}
	return err
}

// Close closes connections that are kept open for further messages.
func (w *Webhook) Close() { w.client.CloseIdleConnections() }
