// Package likes counts how many users like each post, exactly: it keeps each user's latest word on each post, and a count
// that follows from these.
//
// Likes are keyed by user, so that a celebrity's post spreads over all lanes. What one user says comes in order from one
// door, but a like through one door and the unlike through another come in any order, and are told apart by what they say:
// the later acceptance counts, and of two at the same microsecond the greater event id. So the last word is the same
// whatever comes first, and however often.
//
// Nobody waits for a count, so a like may wait a tenth of a second for company: a batch costs some milliseconds for itself.
//
// Nothing is locked. A user's words are handled in the user's lane, and a post's count is a sum: each process adds to a part of
// its own, once per batch, however many users like the post in it.
//
// Beside its count, each part keeps what it gained in the last hour and day, in a few slots of the same row (gains.go): of these the
// posts that gained most are read (top.go).
//
// The counts are read far more often than they change, so a cache in Redis mirrors them. It may be lost at any time.
package likes

import (
	"context"
	"time"

	"tiffin/saga"
	"tiffin/schemas"
)

// Config configures the group. Its zero value works, and mirrors nothing.
type Config struct {
	// Mirror gets the posts whose counts have changed: [Cache.Put], say.
	Mirror func(ctx context.Context, changed []Post) error
}

// Group declares likes.
func Group(cfg Config) *saga.Group {
	parts := []saga.Part{
		saga.On(like, saga.Uses(likes, posts), saga.Loads(documentsOf)),
		saga.On(unlike, saga.Uses(likes, posts), saga.Loads(func(f schemas.PostUnliked) []saga.Need { return documentsOf(schemas.PostLiked(f)) })),
		saga.Patiently(),
	}
	if cfg.Mirror != nil {
		parts = append(parts, saga.Mirrors(posts, cfg.Mirror))
	}
	return saga.Define("likes", saga.Documents(likes, posts), parts...)
}

func documentsOf(f schemas.PostLiked) []saga.Need {
	return []saga.Need{{Table: likes, Key: likeID(f.PostID, f.UserID)}, {Table: posts, Key: f.PostID}}
}

func like(e saga.Event[schemas.PostLiked]) []saga.Fact {
	hear(e.Cause, e.Fact, true)
	return nil
}

func unlike(e saga.Event[schemas.PostUnliked]) []saga.Fact {
	hear(e.Cause, schemas.PostLiked(e.Fact), false)
	return nil
}

// hear takes the user's word, unless a later one has come first, and counts it, unless it changes nothing.
func hear(why saga.Cause, f schemas.PostLiked, liked bool) {
	l := likes.Get(why, likeID(f.PostID, f.UserID))
	at := acceptance(why.Time, f.AcceptedAt.Time())
	if !l.before(at, why.ID) {
		return
	}
	if l.Liked != liked {
		posts.Get(why, f.PostID).count(liked, at)
	}
	l.Liked, l.AcceptedAt, l.EventID = liked, at, why.ID
}

// maxAhead is how far a door's clock may be ahead of the broker's. What claims to come from later would win for as long.
const maxAhead = time.Second

// acceptance is when a word was accepted: when its door says so, but not much later than it was logged; or then, if no door says anything.
// It never jumps back: of two words through a door whose clock is about so far ahead, the later one is not taken for the earlier.
func acceptance(logged, said time.Time) time.Time {
	latest := logged.Add(maxAhead)
	switch {
	case said.IsZero():
		return logged
	case said.After(latest):
		return latest
	}
	return said
}

// before is the rule of the data: whether what is known is older than what was accepted at this time, with this event id.
func (l *Like) before(at time.Time, eventID string) bool {
	return l.AcceptedAt.Before(at) || l.AcceptedAt.Equal(at) && l.EventID < eventID
}

// count counts a word that was accepted at this moment.
func (p *Post) count(liked bool, at time.Time) {
	by := int64(1)
	if !liked {
		by = -1
	}
	p.Version++
	p.Count += by
	p.gain(at, by)
}
