package likes

import (
	"embed"
	"errors"
	"time"

	"tiffin/saga"
)

// Migrations create the group's tables.
//
//go:embed migrations/*.sql
var Migrations embed.FS

// Like is a user's latest word on a post.
type Like struct {
	LikeID     string // of post and user, by likeID
	Liked      bool
	AcceptedAt time.Time
	EventID    string
}

// Post is how many users like a post.
type Post struct {
	PostID string
	Count  int64
	// Version goes up with every change of the count, so that of two copies the later can be told.
	Version int64
}

// Check is the table's CHECK.
func (p *Post) Check() error {
	if p.Count < 0 {
		return errors.New("more users take a like back than have given one")
	}
	return nil
}

var (
	likes = saga.In("likes", func(l *Like) saga.Columns {
		return saga.Columns{{"like_id", &l.LikeID}, {"liked", &l.Liked}, {"accepted_at", &l.AcceptedAt}, {"event_id", &l.EventID}}
	})
	posts = saga.In("posts", func(p *Post) saga.Columns {
		return saga.Columns{{"post_id", &p.PostID}, {"count", &p.Count}, {"version", &p.Version}}
	})
)

func likeID(postID, userID string) string { return postID + "/" + userID }
