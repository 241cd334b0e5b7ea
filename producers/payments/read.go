package payments

import (
	"context"
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"tiffin/producers/api"
	"tiffin/producers/problem"
	"tiffin/schemas"
)

// How many movements an account is shown with: unless the client says so, and at most.
const (
	defaultMovements = 50
	maxMovements     = 200
)

// show tells how a payment goes, as [api.Follow] has it.
func (h *handlers) show(c echo.Context) error {
	id := c.Param("paymentId")
	var check schemas.Check
	check.ID("/paymentId", id)
	if err := check.Err(); err != nil {
		return err
	}
	return api.Follow(c, h.followers, func(ctx context.Context) (Payment, error) { return h.find(ctx, id) })
}

// find returns what is known of a payment. One whose id shows that it was accepted is pending, even if no group has got to it
// yet. An order's id shows nothing of the kind: many an order never opens a payment.
func (h *handlers) find(ctx context.Context, id string) (Payment, error) {
	ctx, cancel := context.WithTimeout(ctx, api.ReadTimeout)
	defer cancel()
	payment, found, err := h.Ledger.Payment(ctx, id)
	switch {
	case err != nil:
		return Payment{}, api.Unreadable(err)
	case found:
		return payment, nil
	case h.acceptor.IDs.Certifies(id):
		return Payment{PaymentID: id, Status: Pending}, nil
	}
	return Payment{}, problem.New(problem.NotFound, "There is no payment %s.", id)
}

// account tells what an owner has. The house's accounts are nobody's business here.
func (h *handlers) account(c echo.Context) error {
	id := c.Param("accountId")
	if strings.HasPrefix(id, "@") {
		return noAccount(id)
	}
	var check schemas.Check
	check.ID("/accountId", id)
	movements := api.Limit(c, &check, defaultMovements, maxMovements)
	if err := check.Err(); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(c.Request().Context(), api.ReadTimeout)
	defer cancel()
	account, found, err := h.Ledger.Account(ctx, id, movements)
	if err != nil {
		return api.Unreadable(err)
	}
	if !found {
		return noAccount(id)
	}
	if account.Movements == nil {
		account.Movements = []Movement{}
	}
	return api.Write(c, http.StatusOK, account)
}

func noAccount(id string) error { return problem.New(problem.NotFound, "There is no account %s.", id) }
