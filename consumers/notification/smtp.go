package notification

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/mail"
	"net/url"
	"strconv"
	"strings"
	"time"

	gomail "github.com/wneessen/go-mail"

	"tiffin/saga"
)

const (
	// maxConnections is how many mails are under way at a time: servers take no more of one client.
	maxConnections = 8
	// smtpTime is how long a server may take for one step.
	smtpTime = 15 * time.Second
	// customerSlot stands for the customer's id in the address that mails go to.
	customerSlot = "{customer}"
)

// SMTP sends mails by way of a server. The URL's query says from whom, and to which address of each customer:
//
//	smtp://user:secret@mail.example.org:587?from=tiffin@example.org&to={customer}@example.org
//
// The connection is encrypted (STARTTLS, or TLS from the first byte with smtps), and the server's certificate checked,
// or nothing is sent; tls=off turns that off, for a server on this machine.
//
// A mail can be sent twice, always with the same Message-ID: see the package's comment. What the server refuses for good
// (a code of 500 or above, for this sender, recipient or text) is not tried again. All else is: also a refused login,
// which somebody may mend.
type SMTP struct {
	// TLS has the certificates to trust, and the like. Set before the first Deliver.
	TLS *tls.Config

	host, from, to string
	options        []gomail.Option
	implicit       bool          // TLS from the first byte
	slots          chan struct{} // holds a value for each connection
}

func openSMTP(u *url.URL) (*SMTP, error) {
	q := u.Query()
	s := &SMTP{
		host: u.Hostname(), from: q.Get("from"), to: q.Get("to"), implicit: u.Scheme == "smtps",
		TLS: &tls.Config{ServerName: u.Hostname()}, slots: make(chan struct{}, maxConnections),
	}
	port := 587
	if s.implicit {
		port = 465
	}
	var wrong []error
	if p := u.Port(); p != "" {
		var err error
		if port, err = strconv.Atoi(p); err != nil || port < 1 || port > 65535 {
			wrong = append(wrong, errors.New("its port is none"))
		}
	}
	if s.host == "" {
		wrong = append(wrong, errors.New("it has no host"))
	}
	if _, err := mail.ParseAddress(s.from); err != nil {
		wrong = append(wrong, errors.New("it has no from=, the address that mails come from"))
	}
	if _, err := mail.ParseAddress(s.address("alice")); err != nil || !strings.Contains(s.to, customerSlot) {
		wrong = append(wrong, fmt.Errorf("it has no to=, the address that mails go to, with %s for the customer's id", customerSlot))
	}
	policy := gomail.TLSMandatory
	switch q.Get("tls") {
	case "":
	case "off":
		policy = gomail.NoTLS
	default:
		wrong = append(wrong, errors.New("its tls= is not off: leave it away, for TLS"))
	}
	if s.implicit {
		policy = gomail.TLSOpportunistic // it is encrypted when the first word is said
	}
	if len(wrong) > 0 {
		return nil, fmt.Errorf("the notification channel's SMTP URL: %w", errors.Join(wrong...))
	}
	s.options = []gomail.Option{gomail.WithPort(port), gomail.WithTLSPolicy(policy), gomail.WithTimeout(smtpTime)}
	if user := u.User; user != nil {
		password, _ := user.Password()
		s.options = append(s.options, gomail.WithSMTPAuth(gomail.SMTPAuthAutoDiscover),
			gomail.WithUsername(user.Username()), gomail.WithPassword(password))
	}
	return s, nil
}

// Deliver implements [Channel].
func (s *SMTP) Deliver(ctx context.Context, idempotencyKey string, m Message) error {
	letter, err := s.letter(idempotencyKey, m)
	if err != nil {
		return saga.Permanent(err)
	}
	select {
	case s.slots <- struct{}{}:
		defer func() { <-s.slots }()
	case <-ctx.Done():
		return ctx.Err()
	}
	client, err := gomail.NewClient(s.host, append(s.options, gomail.WithTLSConfig(s.TLS), gomail.WithDialContextFunc(s.dial(ctx)))...)
	if err != nil {
		return err
	}
	err = client.DialAndSendWithContext(ctx, letter)
	var refused *gomail.SendError
	switch {
	case letter.IsDelivered(): // whatever went wrong in saying goodbye
		return nil
	case errors.As(err, &refused) && refused.ErrorCode() >= 500 && refused.ErrorCode() != authenticationRequired:
		return saga.Permanent(err)
	}
	return err
}

// authenticationRequired is a code of 500 and above that says nothing of the mail.
const authenticationRequired = 530

// dial connects. The library looks at the context only until the connection is there; so the connection ends with it.
func (s *SMTP) dial(ctx context.Context) gomail.DialContextFunc {
	return func(dialing context.Context, network, address string) (net.Conn, error) {
		var conn net.Conn
		var err error
		if s.implicit {
			conn, err = (&tls.Dialer{Config: s.TLS}).DialContext(dialing, network, address)
		} else {
			conn, err = new(net.Dialer).DialContext(dialing, network, address)
		}
		if err != nil {
			return nil, err
		}
		context.AfterFunc(ctx, func() { _ = conn.Close() }) // it is closed already if all went well
		return conn, nil
	}
}

// letter is the mail.
func (s *SMTP) letter(idempotencyKey string, m Message) (*gomail.Msg, error) {
	letter := gomail.NewMsg()
	if err := errors.Join(letter.From(s.from), letter.To(s.address(m.CustomerID))); err != nil {
		return nil, err
	}
	domain := strings.TrimSuffix(s.from[strings.LastIndexByte(s.from, '@')+1:], ">")
	letter.SetMessageIDWithValue(idempotencyKey + "@" + domain)
	letter.SetDateWithValue(m.At)
	letter.SetGenHeader("Auto-Submitted", "auto-generated") // no out-of-office answers, please: RFC 3834
	letter.Subject(m.Subject)
	letter.SetBodyString(gomail.TypeTextPlain, m.Text+"\n")
	return letter, nil
}

// address is a customer's. An id has no letter that means something in an address.
func (s *SMTP) address(customerID string) string {
	return strings.ReplaceAll(s.to, customerSlot, customerID)
}
