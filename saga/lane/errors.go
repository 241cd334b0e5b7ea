package lane

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// keyError: a fact must be keyed by what it says it is about, or two lanes would work on one document.
type keyError struct{ record, fact string }

func (e *keyError) Error() string {
	return fmt.Sprintf("the record's key is %q, but the fact in it is about %q", e.record, e.fact)
}

// offsetError: the log does not have the place at which a lane is to read on.
type offsetError struct {
	group, topic string
	partition    int
	offset       int64
}

func (e *offsetError) Error() string {
	return fmt.Sprintf("group %s is at offset %d of %s, partition %d, which the log does not have: records were deleted before they were read, "+
		"or the topic was made anew. The lane stays where it is, neither skipping nor reading again. To go on at the log's beginning, stop the group and run: "+
		"update %s.lanes set offsets = offsets - '%s' where lane = %d", e.group, e.offset, e.topic, e.partition, e.group, e.topic, e.partition)
}

// lostLaneError: Kafka remembers the group, the database does not.
type lostLaneError struct {
	group, topic string
	partition    int
	offset       int64
}

func (e *lostLaneError) Error() string {
	return fmt.Sprintf("group %s has read %s, partition %d, up to offset %d, says Kafka, but its database knows nothing of it: it is empty, or another one. "+
		"Restore the database; or, to begin anew from the start of the log, stop the group and make Kafka forget it: kafka-consumer-groups.sh --delete --group %s",
		e.group, e.topic, e.partition, e.offset, e.group)
}

// dataFault says whether PostgreSQL refuses what was to be saved, not that it is away: then some event of the batch is the
// cause, and trying the same again would fail again. The class of the SQLSTATE decides.
func dataFault(err error) bool {
	var pg *pgconn.PgError
	if !errors.As(err, &pg) {
		return false
	}
	switch class := pg.Code[:2]; class {
	case "08", // connection exception
		"25", // invalid transaction state: the idle timeout has ended it
		"40", // rollback: deadlock, serialization
		"53", // insufficient resources: disk full, too many connections
		"55", // object not in prerequisite state: lock not available
		"57", // operator intervention: shutdown, cancel
		"58", // system error: I/O
		"42", // a column or table is not there (yet): a migration is due, no event is at fault
		"3D", "3F", "28",
		"XX":
		return false
	}
	return !strings.HasPrefix(pg.Code, "0")
}

// backoff is a growing, jittered pause between attempts.
type backoff struct {
	machine Machine
	next    time.Duration
}

const (
	minBackoff = 50 * time.Millisecond
	maxBackoff = 3 * time.Second
)

func newBackoff(m Machine) *backoff { return &backoff{m, minBackoff} }

func (b *backoff) reset() { b.next = minBackoff }

// wait pauses, or returns when ctx ends.
func (b *backoff) wait(ctx context.Context) {
	pause := b.next/2 + time.Duration(b.machine.Uint64()%uint64(b.next/2+1))
	b.next = min(2*b.next, maxBackoff)
	b.machine.Pause(ctx, pause)
}
