// Package door is how the APIs accept: the one way from an HTTP request into Kafka.
//
// A handler makes facts and calls [Door].Accept; when that returns nil the facts will be on Kafka, whatever happens to
// this process, and the handler may answer 202. There are two doors:
//
//   - [Disk], of --accept=disk, returns when the facts are on the local disk, in a spool from which they are sent to Kafka
//     at once. It waits for nobody, and accepts as well while Kafka is away, until the spool is full. What is lost when the
//     disk itself is lost is what had not been sent yet;
//   - [Broker], of --accept=broker, returns when all in-sync replicas have the facts: for machines whose disk is not to be
//     trusted.
//
// To its receivers a door is a lane like any other: each fact bears the lane's name, its epoch, and a number that runs from
// 1 without a gap for each partition, by which a receiver drops what comes twice and raises an alarm where something is
// missing. The lane is new at each start ("door-" and a UUID), so that nothing has to be remembered between starts. A
// Broker numbers at the moment of sending, a Disk in the order of its log; what is refused before that leaves no gap.
package door

import (
	"context"
	"encoding/hex"
	"errors"
	"strings"

	"tiffin/saga"
)

// Origin is where facts come from.
type Origin struct {
	API   string // the name of the API: "orders-api" gives the facts' source "/tiffin/orders-api"
	Trace string // the request's traceparent header, if it has one
}

// ErrTooMany means that the facts of one call are more than the door takes at once, however long the caller waits.
var ErrTooMany = errors.New("door: these facts are too many to be accepted together")

// Door accepts facts.
type Door interface {
	// Accept returns nil once the facts can't be lost any more; they are sent together and in this order. It fails with
	// what a fact's Validate says, with an [Unavailable], with [ErrTooMany], or because a fact has a topic that this door does
	// not know. It waits no longer than ctx, nor than the door's own limit.
	Accept(ctx context.Context, from Origin, facts ...saga.Fact) error
}

// traceparent returns the header as version 00 of W3C's trace context has it, or "" if it is not valid. Of a later version it takes the
// part that this one knows, as the standard asks.
func traceparent(header string) string {
	const size = len("00-0123456789abcdef0123456789abcdef-0123456789abcdef-01")
	if len(header) < size {
		return ""
	}
	version, rest := header[:2], header[2:size]
	switch {
	case !isHex(version) || version == "ff":
		return ""
	case len(header) > size && (version == "00" || header[size] != '-'):
		return ""
	case rest[0] != '-' || rest[33] != '-' || rest[50] != '-':
		return ""
	}
	trace, parent, flags := rest[1:33], rest[34:50], rest[51:]
	if !isHex(trace) || !isHex(parent) || !isHex(flags) || isZero(trace) || isZero(parent) {
		return ""
	}
	return "00" + rest
}

// newTrace returns the traceparent of a trace that begins here.
func newTrace() string {
	var random [24]byte
	_, _ = chance{}.Read(random[:]) // never fails
	b := make([]byte, 0, 55)
	b = append(b, "00-"...)
	b = hex.AppendEncode(b, random[:16])
	b = append(b, '-')
	b = hex.AppendEncode(b, random[16:])
	return string(append(b, "-01"...))
}

func isHex(text string) bool  { return strings.Trim(text, "0123456789abcdef") == "" }
func isZero(text string) bool { return strings.Trim(text, "0") == "" }
