package api

import (
	"context"
	"strconv"
	"time"

	"github.com/labstack/echo/v4"

	"tiffin/producers/problem"
	"tiffin/schemas"
)

// ReadTimeout is how long one question to a reader may take.
const ReadTimeout = 5 * time.Second

// Unreadable: whatever keeps a database from answering, it is not the client's doing, and it may pass.
func Unreadable(err error) error {
	return problem.Because(problem.Unavailable, err, "It can't be looked up at the moment. Try again.")
}

// Look asks a reader, for [ReadTimeout] at most. Its error is [Unreadable].
func Look[T any](ctx context.Context, ask func(context.Context) (T, error)) (answer T, err error) {
	ctx, cancel := context.WithTimeout(ctx, ReadTimeout)
	defer cancel()
	if answer, err = ask(ctx); err != nil {
		err = Unreadable(err)
	}
	return answer, err
}

// Limit is how much of a list the client would see: its query parameter limit, at most so much, or what is standard.
func Limit(c echo.Context, check *schemas.Check, standard, most int) int {
	text := c.QueryParam("limit")
	if text == "" {
		return standard
	}
	limit, err := strconv.Atoi(text)
	if err != nil {
		limit = 0 // which is none either
	}
	check.Quantity("/limit", limit, most)
	return limit
}
