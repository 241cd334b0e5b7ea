package door

import (
	"errors"
	"fmt"
	"time"
)

// ErrUnavailable means that the facts were not accepted, or that nobody knows: an [Unavailable] says which. Errors of this
// package that wrap it are all of that type.
var ErrUnavailable = errors.New("the door is closed for now")

// Cause is why a door is closed, in a word; metrics are labelled with it.
type Cause string

// The causes.
const (
	Starting Cause = "starting" // it has not found its topics yet
	Stopping Cause = "stopping" // it is being shut, or has been
	Busy     Cause = "busy"     // more is waiting than it keeps
	TimeOut  Cause = "time-out" // the caller's time was over, or the door's own limit
	Refused  Cause = "refused"  // Kafka does not take it
	Full     Cause = "full"     // the spool has reached its limit, or its disk is full
	Failed   Cause = "failed"   // the spool's disk has failed, or its log is damaged: somebody has to look
)

// closedFor is when to try again at a door that will not open within a moment.
const closedFor = 5 * time.Second

// Unavailable is why a door did not accept facts for now.
type Unavailable struct {
	Cause Cause
	// Unsure: they may be accepted all the same, for they were on their way. Otherwise they are not, and never will be.
	Unsure bool
	// RetryAfter is when it may be of use to try again; 0 is soon.
	RetryAfter time.Duration
	// Err is what has happened.
	Err error
}

// refusal makes an error for facts that are not accepted.
func refusal(cause Cause, format string, args ...any) *Unavailable {
	u := &Unavailable{Cause: cause, Err: fmt.Errorf(format, args...)}
	if cause == Full || cause == Failed || cause == Refused {
		u.RetryAfter = closedFor
	}
	return u
}

// unsure makes an error for facts of which nobody knows.
func unsure(cause Cause, format string, args ...any) *Unavailable {
	u := refusal(cause, format, args...)
	u.Unsure = true
	return u
}

func (u *Unavailable) Error() string { return ErrUnavailable.Error() + ": " + u.Err.Error() }

// Unwrap gives ErrUnavailable, and what has happened.
func (u *Unavailable) Unwrap() []error { return []error{ErrUnavailable, u.Err} }
