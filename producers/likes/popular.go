package likes

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"tiffin/producers/api"
	"tiffin/schemas"
)

const (
	defaultPopular = 10
	maxPopular     = 100
)

// Gained is by how many more users a post is liked than at an earlier time.
type Gained struct {
	PostID string `json:"postId"`
	Gained int64  `json:"gained"`
}

// Popular answers GET /posts/top.
type Popular struct {
	Window string    `json:"window"`
	Since  time.Time `json:"since"` // what was logged from then on counts
	Posts  []Gained  `json:"posts"`
}

// popular lists the posts that have gained most in a window.
func (h *handlers) popular(c echo.Context) error {
	window, last := c.QueryParam("window"), 24*time.Hour
	var check schemas.Check
	switch window {
	case "":
		window = "24h"
	case "24h":
	case "1h":
		last = time.Hour
	default:
		check.Fault("/window", fmt.Sprintf("must be %q or %q", "1h", "24h"))
	}
	limit := api.Limit(c, &check, defaultPopular, maxPopular)
	if err := check.Err(); err != nil {
		return err
	}
	p, err := api.Look(c.Request().Context(), func(ctx context.Context) (Popular, error) { return h.Counts.Popular(ctx, last) })
	if err != nil {
		return err
	}
	p.Window, p.Posts = window, p.Posts[:min(len(p.Posts), limit)]
	return api.Write(c, http.StatusOK, p)
}
