package likes

import (
	"fmt"

	"tiffin/producers/api"
	"tiffin/saga"
	"tiffin/schemas"
)

// opinion is the body that says who likes a post.
type opinion struct {
	UserID string    `json:"userId"`
	Extra  api.Extra `json:",embed"`
}

// Check implements [api.Body].
func (o *opinion) Check(c *schemas.Check) {
	c.ID("/userId", o.UserID)
	o.Extra.Check(c, "")
}

// What a user may do with a post.
const (
	Like   = "like"
	Unlike = "unlike"
)

// word is a line of a batch: what a user thinks of a post.
type word struct {
	PostID string    `json:"postId"`
	UserID string    `json:"userId"`
	Action string    `json:"action"`
	Extra  api.Extra `json:",embed"`
}

// Check implements [api.Body].
func (w *word) Check(c *schemas.Check) {
	c.ID("/postId", w.PostID)
	c.ID("/userId", w.UserID)
	if w.Action != Like && w.Action != Unlike {
		c.Fault("/action", fmt.Sprintf("must be %q or %q", Like, Unlike))
	}
	w.Extra.Check(c, "")
}

// fact is the word's, accepted at this moment.
func (w *word) fact(at schemas.Moment) saga.Fact {
	liked := schemas.PostLiked{PostID: w.PostID, UserID: w.UserID, AcceptedAt: at}
	if w.Action == Unlike {
		return schemas.PostUnliked(liked)
	}
	return liked
}

// BatchReceipt answers a batch that was accepted.
type BatchReceipt struct {
	Count  int    `json:"count"` // of its lines
	Status string `json:"status"`
}

// Receipt answers a like that was accepted.
type Receipt struct {
	PostID string `json:"postId"`
	UserID string `json:"userId"`
	Status string `json:"status"`
}

// AppendJSON appends what json.Marshal makes of it; see [schemas.PostLiked.AppendJSON].
func (r Receipt) AppendJSON(b []byte) []byte {
	b = append(append(b, `{"postId":"`...), r.PostID...)
	b = append(append(b, `","userId":"`...), r.UserID...)
	return append(append(append(b, `","status":"`...), r.Status...), `"}`...)
}

// Accepted is the status of what was accepted.
const Accepted = "accepted"

// Count is how many users like a post.
type Count struct {
	PostID string `json:"postId"`
	Count  int64  `json:"count"`
}
