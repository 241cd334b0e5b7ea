// Package payments is the HTTP API of payments: people pay each other, look at what became of it, and at what they have.
//
// It decides nothing. What it is told it checks for form, makes a fact of it and passes it through the door; 202 means that
// the fact can't be lost any more, and nothing more than that. Whether there is money enough is for the consumer groups to
// say: a payment is accepted first, and shown as failed a moment later. It reads what they keep through the small interface
// of its [Config], and waits for none of them to accept.
package payments

import (
	"context"
	"net/http"

	"github.com/labstack/echo/v4"

	"tiffin/producers/api"
	"tiffin/saga"
	"tiffin/schemas"
)

// Name is the API's, and the speaker of its facts.
const Name = "payments-api"

// Topics are those of the facts that this API says.
func Topics() []string { return []string{schemas.TopicPayments} }

// Ledger reads payments and accounts.
type Ledger interface {
	// Payment returns a payment and true, or false if nothing is known of it (yet). An order's payment has the order's id.
	Payment(ctx context.Context, paymentID string) (Payment, bool, error)
	// Account returns what an owner has, with so many of the latest movements, and true; or false if the owner has
	// never had any.
	Account(ctx context.Context, accountID string, movements int) (Account, bool, error)
}

// Config says what the API stands on. Door and Ledger have to be set.
type Config struct {
	api.Common
	Ledger Ledger
}

// handlers are the API's.
type handlers struct {
	Config
	acceptor  api.Acceptor
	followers *api.Followers
}

// Routes adds the API's routes.
func Routes(e *echo.Echo, cfg Config) {
	h := &handlers{Config: cfg, acceptor: cfg.Acceptor(Name, "payment"), followers: cfg.Followers()}
	e.POST("/payments", api.Quiet(h.pay))
	e.GET("/payments/:paymentId", h.show)
	e.GET("/accounts/:accountId", h.account)
}

// pay accepts a payment.
func (h *handlers) pay(c echo.Context) error {
	var body payment
	if err := api.Read(c, &body); err != nil {
		return err
	}
	id, err := h.acceptor.Accept(c, body.From, func(id string) []saga.Fact { return saga.Say(body.fact(id)) })
	if err != nil {
		return err
	}
	c.Response().Header().Set(echo.HeaderLocation, "/payments/"+id)
	return api.Write(c, http.StatusAccepted, Receipt{PaymentID: id, Status: Pending})
}
