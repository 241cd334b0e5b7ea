package likes_test

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"tiffin/producers/likes"
)

// began is when every window of the tests began.
var began = time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)

// Top finds 100 posts.
func (w *world) Top(ctx context.Context, window time.Duration) (since time.Time, posts []likes.TopPost, err error) {
	if _, limited := ctx.Deadline(); !limited {
		return since, nil, errors.New("the API would wait for ever")
	}
	for n := range 100 {
		posts = append(posts, likes.TopPost{PostID: "p" + strconv.Itoa(n), Gained: int64(window.Hours())})
	}
	return began, posts, w.err
}

func TestTop(t *testing.T) {
	w := newWorld()
	for query, want := range map[string]string{
		"?limit=1":           `{"window":"1h","since":"2026-01-01T12:00:00Z","posts":[{"postId":"p0","gained":1}]}`,
		"?limit=1&window=1h": `{"window":"1h","since":"2026-01-01T12:00:00Z","posts":[{"postId":"p0","gained":1}]}`,
		"?window=24h&limit=2": `{"window":"24h","since":"2026-01-01T12:00:00Z","posts":[` +
			`{"postId":"p0","gained":24},{"postId":"p1","gained":24}]}`,
	} {
		if response := w.do("GET", "/posts/top"+query, ""); response.Code != http.StatusOK || strings.TrimSpace(response.Body.String()) != want {
			t.Errorf("%s: %d %s, want %s", query, response.Code, response.Body, want)
		}
	}
	for query, want := range map[string]int{"": 10, "?limit=100": 100} {
		if got := strings.Count(w.do("GET", "/posts/top"+query, "").Body.String(), "postId"); got != want {
			t.Errorf("%q: %d posts, want %d", query, got, want)
		}
	}
	// A post may be called top.
	w.counts["top"] = 3
	if response := w.do("GET", "/posts/top/likes", ""); !strings.Contains(response.Body.String(), `"postId":"top","count":3`) {
		t.Errorf("the post top has %d %s", response.Code, response.Body)
	}
	w.err = errors.New("no such luck")
	if response := w.do("GET", "/posts/top", ""); response.Code != http.StatusServiceUnavailable {
		t.Errorf("without a reader: %d %s", response.Code, response.Body)
	}
}

func TestATopThatIsNone(t *testing.T) {
	w := newWorld()
	for query, pointers := range map[string][]string{
		"?window=2h": {"/window"}, "?window=1H": {"/window"}, "?window=3600": {"/window"}, "?limit=0": {"/limit"}, "?limit=101": {"/limit"},
		"?limit=x&window=7d": {"/limit", "/window"},
	} {
		response := w.do("GET", "/posts/top"+query, "")
		if response.Code != http.StatusBadRequest || response.Header().Get("Content-Type") != "application/problem+json" {
			t.Errorf("%s: %d %s", query, response.Code, response.Body)
		}
		for _, pointer := range pointers {
			if !strings.Contains(response.Body.String(), pointer+`"`) {
				t.Errorf("%s: %s does not point at %s", query, response.Body, pointer)
			}
		}
	}
}
