package lane

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"tiffin/saga/kafka"
)

// keyError: a fact must be keyed by what it says it is about, or two lanes would work on one document.
type keyError struct{ record, fact string }

func (e *keyError) Error() string {
	return fmt.Sprintf("the record's key is %q, but the fact in it is about %q", e.record, e.fact)
}

// placeError: where the group is to read on is not ours to decide. It neither skips nor reads again.
type placeError struct{ group, why string }

func (e *placeError) Error() string { return fmt.Sprintf("group %s %s", e.group, e.why) }

// notInLog: the log does not have the place at which a lane is to read on.
func notInLog(group string, tp kafka.TopicPartition, offset int64) error {
	return &placeError{group, fmt.Sprintf("is at offset %d of %s, partition %d, which the log does not have: records were deleted before they were read, "+
		"or the topic was made anew", offset, tp.Topic, tp.Partition)}
}

// notInDatabase: Kafka remembers the group, the database does not.
func notInDatabase(group string, tp kafka.TopicPartition, offset int64) error {
	return &placeError{group, fmt.Sprintf("has read %s, partition %d, up to offset %d, says Kafka, but its database knows nothing of it: it is empty, or another one",
		tp.Topic, tp.Partition, offset)}
}

// mending is the statement by which people let the lanes go on at the log's beginning, wherever their place is unknown or not in the log.
// All that is still in the log is read again from there; lanes know what they have seen of it. It is empty if there is no such place.
func mending(group string, topics []string, lanes []*lane, ranges map[kafka.TopicPartition]kafka.OffsetRange) string {
	var rows []string
	for _, l := range lanes {
		for _, topic := range topics {
			r, there := ranges[kafka.TopicPartition{Topic: topic, Partition: l.Number}]
			if next, known := l.Next[topic]; there && (!known || next < r.First || next > r.End) {
				rows = append(rows, fmt.Sprintf("(%d, '%s', %d)", l.Number, topic, r.First))
			}
		}
	}
	if rows == nil {
		return ""
	}
	return fmt.Sprintf("update %s.lanes l set offsets = offsets || x.first from (select lane, jsonb_object_agg(topic, first) as first "+
		"from (values %s) v(lane, topic, first) group by lane) x where l.lane = x.lane", schemaOf(group), strings.Join(rows, ", "))
}

// schemaOf is the group's schema in a statement for people. It has no double quote if it can, for logs put a backslash before each.
func schemaOf(group string) string {
	if strings.Contains(group, "-") {
		return quoted(group)
	}
	return group
}

// unsayableError: what a reaction says or requests can't be written. It has changed its documents by then, so the batch is given up.
type unsayableError struct{ error }

func (e *unsayableError) Unwrap() error { return e.error }

// unreadableError: a document can't be read, of an older shape perhaps.
type unreadableError struct{ error }

func (e *unreadableError) Unwrap() error { return e.error }

// maxReasonBytes is how much is kept of why something could not be handled.
const maxReasonBytes = 4 << 10

// plain makes text of an error's text that a database takes: it may quote what anybody has sent.
func plain(reason string) string {
	return strings.ToValidUTF8(strings.ReplaceAll(reason[:min(len(reason), maxReasonBytes)], "\x00", ""), "\uFFFD")
}

// dataFault says whether what was to be saved can't be, not that PostgreSQL is away: then some event of the batch is the
// cause, and trying the same again would fail again. Of PostgreSQL's errors the class of the SQLSTATE decides.
func dataFault(err error) bool {
	var unsayable *unsayableError
	var unreadable *unreadableError
	if errors.As(err, &unsayable) || errors.As(err, &unreadable) {
		return true
	}
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

// tooSlow says whether PostgreSQL has ended a batch because it took too long: a timeout of the role or the server. Tried again as it
// is, it would take as long.
func tooSlow(err error) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && (pg.Code == "57014" || pg.Code == "25P03") // statement_timeout, idle_in_transaction_session_timeout
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
