package schemas

import "bytes"

// PostLiked says that a user likes a post. Said by the door.
//
// Likes are keyed by user, not by post: a celebrity's post spreads over all partitions, and what one user says stays in
// order. Where two doors meet, as with a like through one and the unlike through the other, the later acceptance counts,
// and of two at the same microsecond the one whose event has the greater id.
type PostLiked struct {
	PostID     string `json:"postId"`
	UserID     string `json:"userId"`
	AcceptedAt Moment `json:"acceptedAt,omitzero"` // when the door accepted it; absent, when it was logged
}

func (PostLiked) EventType() string { return "post.liked" }
func (PostLiked) Topic() string     { return TopicLikes }
func (f PostLiked) Key() string     { return f.UserID }

// Validate reports all faults at once as an [*Invalid].
func (f PostLiked) Validate() error {
	var c Check
	c.ID("/postId", f.PostID)
	c.ID("/userId", f.UserID)
	c.optionalMoment("/acceptedAt", f.AcceptedAt)
	return c.Err()
}

// AppendJSON appends what json.Marshal makes of it, in a fifth of the time: likes come by the ten thousand a second. Ids have
// nothing in them to escape.
func (f PostLiked) AppendJSON(b []byte) []byte {
	b = append(append(b, `{"postId":"`...), f.PostID...)
	b = append(append(b, `","userId":"`...), f.UserID...)
	if f.AcceptedAt != 0 {
		b = f.AcceptedAt.append(append(b, `","acceptedAt":"`...))
	}
	return append(b, `"}`...)
}

// ScanJSON reads what AppendJSON writes, byte for byte, and nothing else: likes are read as often as they are written.
func (f *PostLiked) ScanJSON(data []byte) bool {
	scanned := PostLiked{}
	rest, ok := bytes.CutPrefix(data, []byte(`{"postId":"`))
	if ok {
		scanned.PostID, rest, ok = cutID(rest, `","userId":"`)
	}
	if !ok {
		return false
	}
	scanned.UserID, rest, ok = cutID(rest, `","acceptedAt":"`)
	if ok {
		const width = len(momentLayout)
		if len(rest) < width || string(rest[width:]) != `"}` {
			return false
		}
		at, err := parseMoment(string(rest[:width]))
		if err != nil {
			return false
		}
		scanned.AcceptedAt = at
	} else if scanned.UserID, rest, ok = cutID(rest, `"}`); !ok || len(rest) > 0 {
		return false
	}
	*f = scanned
	return true
}

// cutID cuts off an id, and what has to follow it.
func cutID(text []byte, behind string) (id string, rest []byte, ok bool) {
	end := bytes.IndexByte(text, '"')
	if end < 0 || !bytes.HasPrefix(text[end:], []byte(behind)) || !IsID(string(text[:end])) {
		return "", text, false
	}
	return string(text[:end]), text[end+len(behind):], true
}

// PostUnliked says that a user does not like a post, or not any more. Said by the door; see [PostLiked] for what counts.
type PostUnliked struct {
	PostID     string `json:"postId"`
	UserID     string `json:"userId"`
	AcceptedAt Moment `json:"acceptedAt,omitzero"` // when the door accepted it; absent, when it was logged
}

func (PostUnliked) EventType() string { return "post.unliked" }
func (PostUnliked) Topic() string     { return TopicLikes }
func (f PostUnliked) Key() string     { return f.UserID }

// Validate reports all faults at once as an [*Invalid].
func (f PostUnliked) Validate() error { return PostLiked(f).Validate() }

// AppendJSON appends what json.Marshal makes of it; see [PostLiked.AppendJSON].
func (f PostUnliked) AppendJSON(b []byte) []byte { return PostLiked(f).AppendJSON(b) }

// ScanJSON reads what AppendJSON writes; see [PostLiked.ScanJSON].
func (f *PostUnliked) ScanJSON(data []byte) bool { return (*PostLiked)(f).ScanJSON(data) }
