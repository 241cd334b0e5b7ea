package likes

import (
	"tiffin/producers/api"
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
