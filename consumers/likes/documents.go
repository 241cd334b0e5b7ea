package likes

import (
	"embed"
	"strings"
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

// Post is a part of how many users like a post: the parts of all shards make the number. A part may be below zero, for what was
// counted in one may be taken back in another.
type Post struct {
	PostID string
	Shard  int
	Count  int64
	// Version goes up with every change of the part, so that of two copies the later can be told.
	Version int64
	// Slot, Gained and Earlier are what the part gained lately: see gains.go.
	Slot    int
	Gained  int64
	Earlier string
}

var (
	likes = saga.In("likes", func(l *Like) saga.Columns {
		return saga.Columns{{"like_id", &l.LikeID}, {"liked", &l.Liked}, {"accepted_at", &l.AcceptedAt}, {"event_id", &l.EventID}}
	}).KeptBy(userOf)
	posts = saga.In("counts", func(p *Post) saga.Columns {
		return saga.Columns{
			{"post_id", &p.PostID},
			{"shard", &p.Shard},
			{"count", &p.Count},
			{"version", &p.Version},
			{"slot", &p.Slot},
			{"gained", &p.Gained},
			{"earlier", &p.Earlier},
		}
	}).Sharded(func(p *Post) *int { return &p.Shard })
)

func likeID(postID, userID string) string { return postID + "/" + userID }

// userOf is the user of a likeID.
func userOf(likeID string) string { return likeID[strings.IndexByte(likeID, '/')+1:] }
