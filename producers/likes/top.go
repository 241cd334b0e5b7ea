package likes

import (
	"context"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"tiffin/producers/api"
	"tiffin/schemas"
)

// Tops reads the posts that gained most.
type Tops interface {
	// Top returns those of the last hour or day, up to a hundred, and since when exactly.
	Top(ctx context.Context, window time.Duration) (since time.Time, posts []TopPost, err error)
}

// Top answers which posts gained most in a window.
type Top struct {
	Window string    `json:"window"`
	Since  time.Time `json:"since"` // the window's begin: for 1h at five minutes, for 24h at a full hour
	Posts  []TopPost `json:"posts"`
}

// TopPost is how many more users like a post than at the window's begin.
type TopPost struct {
	PostID string `json:"postId"`
	Gained int64  `json:"gained"`
}

// What a client may ask for.
const (
	hour       = "1h"
	day        = "24h"
	defaultTop = 10
	maxTop     = 100
)

// top tells which posts gained most lately. The list may be a few seconds old.
func (h *handlers) top(c echo.Context) error {
	var check schemas.Check
	limit := api.Limit(c, &check, defaultTop, maxTop)
	name, length := c.QueryParam("window"), time.Hour
	switch name {
	case "", hour:
		name = hour
	case day:
		length = 24 * time.Hour
	default:
		check.Fault("/window", `must be "1h" or "24h"`)
	}
	if err := check.Err(); err != nil {
		return err
	}
	answer, err := api.Look(c.Request().Context(), func(ctx context.Context) (top Top, err error) {
		top.Window = name
		top.Since, top.Posts, err = h.Tops.Top(ctx, length)
		return top, err
	})
	if err != nil {
		return err
	}
	answer.Posts = answer.Posts[:min(len(answer.Posts), limit)]
	return api.Write(c, http.StatusOK, answer)
}
