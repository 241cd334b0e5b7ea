// Package likes is the HTTP API of likes: users like posts, take that back, and everybody sees how many like a post.
//
// It decides nothing. A like is checked for form, becomes a fact and passes through the door; 202 means that it can't be lost
// any more, and nothing more than that. It is no error to like a post twice, or to take back what was never given: the
// consumer group counts each user once. Who has many words to pass on, a mobile gateway or an edge, sends them together
// (batch.go): all of them are accepted, or none is. The fact says when it was accepted, because the unlike may come through another
// door: the later acceptance counts.
package likes

import (
	"context"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/labstack/echo/v4"
	"golang.org/x/sync/semaphore"

	"tiffin/producers/api"
	"tiffin/producers/door"
	"tiffin/producers/ids"
	"tiffin/schemas"
)

// Name is the API's, and the speaker of its facts.
const Name = "likes-api"

// Topics are those of the facts that this API says.
func Topics() []string { return []string{schemas.TopicLikes} }

// Counts reads how many users like a post.
type Counts interface {
	// Count returns 0 for a post that nobody knows.
	Count(ctx context.Context, postID string) (int64, error)
}

// Config says what the API stands on. Door, Counts and Tops have to be set.
type Config struct {
	Door   door.Door
	Counts Counts
	Tops   Tops
	// Once remembers requests with an Idempotency-Key. Defaults to a memory of this API's own.
	Once *api.Once
}

// handlers are the API's.
type handlers struct {
	Config
	acceptor api.Acceptor
	clock    clock
	room     int64               // for the bytes of batches that are under way
	batches  *semaphore.Weighted // hands it out
	arriving atomic.Int64        // bytes of batches that have no room yet
}

// Routes adds the API's routes.
func Routes(e *echo.Echo, cfg Config) {
	room := roomForBatches()
	h := &handlers{
		Config:   cfg,
		acceptor: api.NewAcceptor(Name, cfg.Door, ids.Maker{}, cfg.Once), // a like has no id of its own
		room:     room, batches: semaphore.NewWeighted(room),
	}
	e.POST("/likes", api.Quiet(h.batch))
	e.POST("/posts/:postId/likes", api.Quiet(h.like))
	e.DELETE("/posts/:postId/likes/:userId", api.Quiet(h.unlike))
	e.GET("/posts/:postId/likes", h.count)
	e.GET("/posts/top", h.top)
}

// like accepts that a user likes a post.
func (h *handlers) like(c echo.Context) error {
	post, err := postID(c)
	if err != nil {
		return err
	}
	var body opinion
	if err := api.Read(c, &body); err != nil {
		return err
	}
	if err := h.acceptor.AcceptFact(c, body.UserID, schemas.PostLiked{PostID: post, UserID: body.UserID, AcceptedAt: h.clock.next(time.Now())}); err != nil {
		return err
	}
	c.Response().Header().Set(echo.HeaderLocation, location(post))
	return api.Write(c, http.StatusAccepted, Receipt{PostID: post, UserID: body.UserID, Status: Accepted})
}

// unlike accepts that a user does not like a post any more.
func (h *handlers) unlike(c echo.Context) error {
	post, user := c.Param("postId"), c.Param("userId")
	var check schemas.Check
	check.ID("/postId", post)
	check.ID("/userId", user)
	if err := check.Err(); err != nil {
		return err
	}
	if err := h.acceptor.AcceptFact(c, user, schemas.PostUnliked{PostID: post, UserID: user, AcceptedAt: h.clock.next(time.Now())}); err != nil {
		return err
	}
	c.Response().Header().Set(echo.HeaderLocation, location(post))
	return c.NoContent(http.StatusAccepted)
}

// count tells how many users like a post. What was accepted a moment ago may not be counted yet.
func (h *handlers) count(c echo.Context) error {
	post, err := postID(c)
	if err != nil {
		return err
	}
	count, err := api.Look(c.Request().Context(), func(ctx context.Context) (int64, error) { return h.Counts.Count(ctx, post) })
	if err != nil {
		return err
	}
	return api.Write(c, http.StatusOK, Count{PostID: post, Count: count})
}

func location(post string) string { return "/posts/" + post + "/likes" }

// postID is the post's in the path.
func postID(c echo.Context) (string, error) {
	id := c.Param("postId")
	var check schemas.Check
	check.ID("/postId", id)
	return id, check.Err()
}

// clock gives each acceptance a moment of its own, later than all before it, also when the host's clock stands still or goes
// back: of two words of one user, what this process accepted last counts. Its zero value is ready.
type clock struct{ last atomic.Int64 }

func (c *clock) next(now time.Time) schemas.Moment { return c.several(now, 1) }

// several gives so many moments, one behind the other, and returns the first.
func (c *clock) several(now time.Time, n int) schemas.Moment {
	for {
		last := c.last.Load()
		first := max(int64(schemas.MomentOf(now)), last+1)
		if c.last.CompareAndSwap(last, first+int64(n)-1) {
			return schemas.Moment(first)
		}
	}
}
