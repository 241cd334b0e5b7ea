package notification_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http/httptest"
	"net/mail"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"

	"tiffin/consumers/notification"
	"tiffin/saga"
)

// postOffice is an SMTP server on a real port. What it refuses it refuses in turn, then it accepts.
type postOffice struct {
	addr string
	pool *x509.CertPool // what its certificate is signed by

	mu      sync.Mutex
	refuses []error         // the next answers to the step that fails
	step    string          // "MAIL", "RCPT" or "DATA"
	asked   []string        // the Message-IDs of what came as far as DATA, refused or not
	letters []*mail.Message // what it has accepted
	bodies  []string        // their texts
	from    []string        // envelopes
	to      []string
	logins  []string
	hold    chan struct{} // if not nil: DATA waits for it
}

func newPostOffice(t *testing.T, configure ...func(*smtp.Server)) *postOffice {
	t.Helper()
	certified := httptest.NewUnstartedServer(nil) // it has a certificate for 127.0.0.1 and example.com
	certified.StartTLS()
	certified.Close()
	o := &postOffice{pool: x509.NewCertPool()}
	o.pool.AddCert(certified.Certificate())
	s := smtp.NewServer(o)
	s.TLSConfig = &tls.Config{Certificates: certified.TLS.Certificates}
	for _, c := range configure {
		c(s)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	o.addr = listener.Addr().String()
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = s.Serve(listener) // it ends when it is closed
	}()
	t.Cleanup(func() {
		_ = s.Close()
		<-done
	})
	return o
}

// channel is mail by way of this office, whose certificate is trusted.
func (o *postOffice) channel(t *testing.T, scheme, login, query string) *notification.SMTP {
	t.Helper()
	channel, err := notification.Open(scheme+"://"+login+o.addr+"?from=tiffin@example.org&to={customer}@example.com"+query, notification.ChannelConfig{})
	if err != nil {
		t.Fatal(err)
	}
	channel.(*notification.SMTP).TLS.RootCAs = o.pool
	return channel.(*notification.SMTP)
}

func (o *postOffice) NewSession(*smtp.Conn) (smtp.Session, error) { return &session{o: o}, nil }

// answer is what a step is answered with.
func (o *postOffice) answer(step string) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if step != o.step || len(o.refuses) == 0 {
		return nil
	}
	err := o.refuses[0]
	o.refuses = o.refuses[1:]
	return err
}

type session struct {
	o        *postOffice
	from, to string
}

func (s *session) AuthMechanisms() []string { return []string{sasl.Plain} }

func (s *session) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, user, password string) error {
		if password != "secret" {
			return smtp.ErrAuthFailed // 535
		}
		s.o.mu.Lock()
		defer s.o.mu.Unlock()
		s.o.logins = append(s.o.logins, user)
		return nil
	}), nil
}

func (s *session) Mail(from string, _ *smtp.MailOptions) error {
	s.from = from
	return s.o.answer("MAIL")
}

func (s *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	s.to = to
	return s.o.answer("RCPT")
}

func (s *session) Data(r io.Reader) error {
	letter, err := mail.ReadMessage(r)
	if err != nil {
		return err
	}
	body, err := io.ReadAll(letter.Body)
	if err != nil {
		return err
	}
	s.o.mu.Lock()
	s.o.asked = append(s.o.asked, letter.Header.Get("Message-Id"))
	hold := s.o.hold
	s.o.mu.Unlock()
	if hold != nil {
		<-hold
	}
	if err := s.o.answer("DATA"); err != nil {
		return err
	}
	s.o.mu.Lock()
	defer s.o.mu.Unlock()
	s.o.letters, s.o.bodies = append(s.o.letters, letter), append(s.o.bodies, string(body))
	s.o.from, s.o.to = append(s.o.from, s.from), append(s.o.to, s.to)
	return nil
}

func (s *session) Reset()        {}
func (s *session) Logout() error { return nil }

func TestAMail(t *testing.T) {
	for name, test := range map[string]struct {
		scheme, query string
		configure     func(*smtp.Server)
	}{
		"STARTTLS":      {scheme: "smtp"},
		"no encryption": {scheme: "smtp", query: "&tls=off", configure: func(s *smtp.Server) { s.TLSConfig = nil }},
	} {
		t.Run(name, func(t *testing.T) {
			o := newPostOffice(t, func(s *smtp.Server) {
				if test.configure != nil {
					test.configure(s)
				}
			})
			login := "postman:secret@"
			if test.query != "" {
				login = "" // nobody's password goes over the wire in plain text
			}
			if err := o.channel(t, test.scheme, login, test.query).Deliver(t.Context(), "n1", told); err != nil {
				t.Fatal(err)
			}
			if len(o.letters) != 1 || o.from[0] != "tiffin@example.org" || o.to[0] != "ann@example.com" {
				t.Fatalf("letters %v from %v to %v", o.letters, o.from, o.to)
			}
			h := o.letters[0].Header
			for name, want := range map[string]string{
				"Message-Id": "<n1@example.org>", "From": "<tiffin@example.org>", "To": "<ann@example.com>", "Subject": told.Subject,
				"Date": "Thu, 01 Jan 2026 12:00:00 +0000", "Auto-Submitted": "auto-generated",
			} {
				if got := h.Get(name); got != want {
					t.Errorf("%s is %q, want %q", name, got, want)
				}
			}
			if !strings.HasPrefix(h.Get("Content-Type"), "text/plain") || strings.TrimSpace(o.bodies[0]) != told.Text {
				t.Errorf("%q of type %s", o.bodies[0], h.Get("Content-Type"))
			}
			if login != "" && (len(o.logins) != 1 || o.logins[0] != "postman") {
				t.Errorf("logins %v", o.logins)
			}
		})
	}
}

// TLS from the first byte.
func TestAMailOverTLS(t *testing.T) {
	inner := newPostOffice(t)
	certified := httptest.NewUnstartedServer(nil)
	certified.StartTLS()
	certified.Close()
	listener, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: certified.TLS.Certificates})
	if err != nil {
		t.Fatal(err)
	}
	s := smtp.NewServer(inner)
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = s.Serve(listener)
	}()
	defer func() {
		_ = s.Close()
		<-done
	}()
	inner.addr = listener.Addr().String()
	inner.pool.AddCert(certified.Certificate())
	if err := inner.channel(t, "smtps", "postman:secret@", "").Deliver(t.Context(), "n1", told); err != nil || len(inner.letters) != 1 || len(inner.logins) != 1 {
		t.Errorf("%v, letters %v, logins %v", err, inner.letters, inner.logins)
	}
}

func TestWhatAPostOfficeAnswers(t *testing.T) {
	refusal := func(code int) error { return &smtp.SMTPError{Code: code, Message: "no"} }
	for _, test := range []struct {
		step      string
		code      int
		permanent bool
	}{
		{"MAIL", 451, false}, {"MAIL", 550, true}, {"MAIL", 530, false},
		{"RCPT", 450, false}, {"RCPT", 550, true}, {"RCPT", 553, true},
		{"DATA", 451, false}, {"DATA", 452, false}, {"DATA", 554, true},
	} {
		o := newPostOffice(t)
		o.step, o.refuses = test.step, []error{refusal(test.code)}
		channel := o.channel(t, "smtp", "", "")
		if err := channel.Deliver(t.Context(), "n1", told); err == nil || saga.IsPermanent(err) != test.permanent {
			t.Errorf("%s %d: %v, permanent %v", test.step, test.code, err, saga.IsPermanent(err))
		}
		if err := channel.Deliver(t.Context(), "n1", told); err != nil || len(o.letters) != 1 {
			t.Errorf("after %s %d: %v, letters %v", test.step, test.code, err, o.letters)
		}
	}
}

// A password, a certificate or an address that somebody may mend is no reason to give a mail up; and nothing is said
// in plain text.
func TestMailsWaitForWhatCanBeMended(t *testing.T) {
	o := newPostOffice(t)
	plain := newPostOffice(t, func(s *smtp.Server) { s.TLSConfig = nil })
	distrusted := o.channel(t, "smtp", "", "")
	distrusted.TLS.RootCAs = x509.NewCertPool()
	gone := newPostOffice(t)
	gone.addr = "127.0.0.1:1"
	for name, channel := range map[string]notification.Channel{
		"wrong password": o.channel(t, "smtp", "postman:wrong@", ""), "no TLS": plain.channel(t, "smtp", "", ""),
		"wrong certificate": distrusted, "nobody there": gone.channel(t, "smtp", "", ""),
	} {
		if err := channel.Deliver(t.Context(), "n1", told); err == nil || saga.IsPermanent(err) || strings.Contains(err.Error(), "wrong@") {
			t.Errorf("%s: %v, permanent %v", name, err, saga.IsPermanent(err))
		}
	}
	if len(o.letters)+len(plain.letters) > 0 {
		t.Error("a letter came")
	}
}

// P8: a stop does not wait for a server that does not answer.
func TestAMailEndsWithItsContext(t *testing.T) {
	o := newPostOffice(t)
	o.hold = make(chan struct{})
	defer close(o.hold)
	ctx, cancel := context.WithCancel(t.Context())
	channel := o.channel(t, "smtp", "", "")
	done := make(chan error, 1)
	go func() { done <- channel.Deliver(ctx, "n1", told) }()
	eventually(t, func() bool {
		o.mu.Lock()
		defer o.mu.Unlock()
		return len(o.asked) == 1
	})
	cancel()
	select {
	case err := <-done:
		if err == nil || saga.IsPermanent(err) {
			t.Error(err)
		}
	case <-time.After(10 * time.Second):
		t.Error("it waits for a server that says nothing")
	}
	if err := channel.Deliver(ctx, "n1", told); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// eventually waits until the condition holds.
func eventually(t *testing.T, condition func() bool) {
	t.Helper()
	ticker := time.NewTicker(5 * time.Millisecond)
	defer ticker.Stop()
	for deadline := time.Now().Add(20 * time.Second); !condition(); <-ticker.C {
		if time.Now().After(deadline) {
			t.Fatal("it does not come to that")
		}
	}
}
