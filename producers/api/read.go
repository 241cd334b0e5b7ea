package api

import (
	"time"

	"tiffin/producers/problem"
)

// ReadTimeout is how long one question to a reader may take.
const ReadTimeout = 5 * time.Second

// Unreadable: whatever keeps a database from answering, it is not the client's doing, and it may pass.
func Unreadable(err error) error {
	return problem.Because(problem.Unavailable, err, "It can't be looked up at the moment. Try again.")
}
