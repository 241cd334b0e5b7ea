package likes

import "tiffin/schemas"

// Bodies and lines are nearly all of one form: an object of one or three texts, with nothing escaped in them. To scan that takes a fraction of the
// time, and of the memory, that reading any JSON takes. What is of another form, or wrong, is left to [api.Decode].

// Scan implements [api.Scanner].
func (o *opinion) Scan(text string) bool {
	s := scanner{text: text}
	if s.take('{') && s.quoted() == "userId" && s.take(':') {
		if user := s.quoted(); s.take('}') && s.ends() && schemas.IsID(user) {
			o.UserID = user
			return true
		}
	}
	return false
}

// Scan implements [api.Scanner]. The members come in whatever order.
func (w *word) Scan(text string) bool {
	s, scanned := scanner{text: text}, word{}
	if !s.take('{') {
		return false
	}
	for i := range 3 {
		if i > 0 && !s.take(',') {
			return false
		}
		name := s.quoted()
		if !s.take(':') {
			return false
		}
		var at *string
		switch name {
		case "postId":
			at = &scanned.PostID
		case "userId":
			at = &scanned.UserID
		case "action":
			at = &scanned.Action
		default:
			return false
		}
		if *at != "" { // it comes twice
			return false
		}
		*at = s.quoted()
	}
	ok := s.take('}') && s.ends() && schemas.IsID(scanned.PostID) && schemas.IsID(scanned.UserID) && (scanned.Action == Like || scanned.Action == Unlike)
	if ok {
		*w = scanned
	}
	return ok
}

// scanner reads a text.
type scanner struct {
	text string
	at   int
}

// take passes over a character, with white space before it.
func (s *scanner) take(want byte) bool {
	for s.at < len(s.text) {
		b := s.text[s.at]
		s.at++
		if b == want || !isSpace(b) {
			return b == want
		}
	}
	return false
}

// quoted takes a text in quotes, and returns "" if there is none. One in which something is escaped is no name and no id as it stands.
func (s *scanner) quoted() string {
	if !s.take('"') {
		return ""
	}
	from := s.at
	for ; s.at < len(s.text); s.at++ {
		if s.text[s.at] == '"' {
			s.at++
			return s.text[from : s.at-1]
		}
	}
	return ""
}

// ends says whether nothing but white space is left.
func (s *scanner) ends() bool {
	for ; s.at < len(s.text); s.at++ {
		if !isSpace(s.text[s.at]) {
			return false
		}
	}
	return true
}

func isSpace(b byte) bool { return b == ' ' || b == '\t' || b == '\r' || b == '\n' }
