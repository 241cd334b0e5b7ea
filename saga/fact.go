package saga

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/google/uuid"
)

// Fact is something that happened, in the past tense: a noun and a verb, said on its domain's topic, keyed so that what
// must stay in order does. Facts are structs with value receivers. One that also has a method Validate() error is
// validated when it is heard, and when it is said.
type Fact interface {
	// EventType is the stable name of the fact, "payment.succeeded".
	EventType() string
	// Topic is the Kafka topic it is said on, without any prefix.
	Topic() string
	// Key is the record's key: facts of one key and topic stay in order.
	Key() string
}

// Say is the facts that a reaction says, in this order.
func Say(facts ...Fact) []Fact { return facts }

// Envelope is what surrounds a fact on the wire.
type Envelope struct {
	ID      string    // the event's id, a UUIDv7 in text
	Type    string    // the fact's event type
	Source  string    // who said it: "/tiffin/kitchen"
	Key     string    // the record's key
	Saga    string    // the correlation id: which saga it belongs to
	CauseID string    // the id of the event that led to it
	Trace   string    // the W3C traceparent, as it came
	Time    time.Time // when the broker appended it
	Started time.Time // when the saga began: the append time of its first fact
}

// Cause is why a reaction runs: a fact with its envelope, or a deadline that passed.
type Cause struct {
	Envelope
	// Fact is what was heard; nil if a deadline passed.
	Fact Fact
	// Nothing says that an undo found nothing to undo.
	Nothing bool
	// Attempt is what came of an effect that the group had requested; nil for facts and deadlines.
	Attempt *Attempt

	tx *transaction
}

// Event is a cause whose fact is of a known type.
type Event[E Fact] struct {
	Cause
	Fact E
}

// Asking is what a reaction asks documents of: the [Cause] or the [Event] that it was given.
type Asking interface{ transaction() *transaction }

func (c Cause) transaction() *transaction { return c.tx }

// DeadlineType is the type of the event that a passed deadline is.
const DeadlineType = "deadline"

// DeriveID names the n-th fact that a group says because of an event. The same event gives the same ids whenever it is
// handled, so that a reaction which is run again says the same facts, not new ones. It is a UUIDv7 whose time is the
// cause's and whose random bits are a SHA-256 of cause (its source and id, as in CloudEvents), group and n.
func DeriveID(cause Envelope, group string, n int) string {
	in := make([]byte, 0, 128)
	if !strings.HasPrefix(cause.Source, "/tiffin/") { // ours are unique without it
		in = append(in, cause.Source...)
		in = append(in, 0)
	}
	in = append(in, cause.ID...)
	in = append(in, 0)
	in = append(in, group...)
	in = binary.BigEndian.AppendUint32(in, uint32(n))
	sum := sha256.Sum256(in)
	id := uuid.UUID(sum[:16])
	ms := uint64(cause.Time.UnixMilli())
	binary.BigEndian.PutUint32(id[0:4], uint32(ms>>16))
	binary.BigEndian.PutUint16(id[4:6], uint16(ms))
	id[6] = id[6]&0x0f | 0x70
	id[8] = id[8]&0x3f | 0x80
	return id.String()
}

// validator is a fact that can say what is wrong with it.
type validator interface{ Validate() error }

func validate(f Fact) error {
	if v, ok := f.(validator); ok {
		return v.Validate()
	}
	return nil
}

// Scanner is a fact that reads the JSON itself that its own side writes, in a fraction of the time that reading any takes. If ScanJSON
// returns false, the text is of another form, or wrong, and the fact as it was.
type Scanner interface{ ScanJSON(data []byte) bool }

// decoderOf reads facts of type E: names match case and all, none comes twice, and unknown members are passed over, so
// that a later version may add some.
func decoderOf[E Fact]() func([]byte) (Fact, error) {
	return func(data []byte) (Fact, error) {
		var e E
		if s, ok := any(&e).(Scanner); !ok || !s.ScanJSON(data) {
			if err := json.Unmarshal(data, &e); err != nil {
				return nil, fmt.Errorf("%s does not parse: %w", e.EventType(), err)
			}
		}
		if err := validate(e); err != nil {
			return nil, fmt.Errorf("%s is not valid: %w", e.EventType(), err)
		}
		return e, nil
	}
}
