// Package ids makes ids of orders and payments that certify themselves.
//
// A 202 promises an order, and right after it a GET must never say 404. Yet the API that accepts waits for no consumer
// group, so that for a moment no table knows the order, and the GET may be answered by another instance, which has never
// heard of it. If every unknown id were answered "accepted", a misspelt one would be waited for in vain; if instances told
// each other, accepting would need a database.
//
// So the id itself shows that one of our instances made it, and for what: it is a UUIDv7 whose last 24 bits are a checksum
// of all the others and of the kind of thing, keyed with a secret that the instances share. An id with a good checksum that
// no table knows yet has been accepted, or will never be: the client that made it up wasted its time (one guess in 16
// million succeeds, and wins the answer "accepted" for an order that nobody placed). It is no signature, and nothing but
// that answer may hang on it.
//
// An id is made of a moment and chance, or, so that who asks twice gets one, of what must give the same id again. The
// latter has a hash where the time would be: nobody may read a time out of an id.
package ids

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/binary"
	"time"

	"github.com/google/uuid"
)

// DefaultKey is the key of installations that set none. It still tells misspelt ids, if not made-up ones.
const DefaultKey = "tiffin"

// checksumBytes at the end of an id are its checksum.
const checksumBytes = 3

// Seed is what an id is made from. Its first 98 bits count: 48 stand where a UUIDv7 has its time, 50 where it is random.
type Seed [13]byte

// At makes a seed of a time, to the millisecond, and random bits.
func At(now time.Time) (s Seed) {
	var ms [8]byte
	binary.BigEndian.PutUint64(ms[:], uint64(now.UnixMilli()))
	copy(s[:6], ms[2:])
	_, _ = rand.Read(s[6:]) // never fails: it ends the process instead
	return s
}

// Derive makes a seed of its parts: the same parts, the same seed, at every instance.
func Derive(parts ...string) (s Seed) {
	var all []byte
	for _, part := range parts {
		all = binary.AppendUvarint(all, uint64(len(part))) // or "a", "bc" would be "ab", "c"
		all = append(all, part...)
	}
	hash := sha256.Sum256(all)
	copy(s[:], hash[:])
	return s
}

// Maker makes the ids of one kind of thing, and knows those that were made with the same key for the same kind.
type Maker struct {
	key  []byte
	kind string
}

// NewMaker takes the key that all instances of an installation share, "" being [DefaultKey], and the kind of thing that the
// ids are for, "order".
func NewMaker(key, kind string) Maker {
	if key == "" {
		key = DefaultKey
	}
	return Maker{[]byte(key), kind}
}

// New makes an id of this moment.
func (m Maker) New(now time.Time) string { return m.From(At(now)) }

// From makes the id of a seed: the same seed, the same id.
func (m Maker) From(s Seed) string {
	var id uuid.UUID
	copy(id[:6], s[:6])
	// 50 bits: 12 behind the version, 38 behind the variant.
	rest := binary.BigEndian.Uint64(append(s[6:13:13], 0)) >> 14
	binary.BigEndian.PutUint16(id[6:8], 0x7000|uint16(rest>>38))
	id[8] = 0x80 | byte(rest>>32)&0x3f
	binary.BigEndian.PutUint32(id[9:13], uint32(rest))
	sum := m.checksum(id)
	copy(id[len(id)-checksumBytes:], sum[:])
	return id.String()
}

// Certifies reports whether the text is an id that a Maker with this key and kind made, letter for letter.
func (m Maker) Certifies(text string) bool {
	id, err := uuid.Parse(text)
	if err != nil || id.String() != text || id.Version() != 7 || id.Variant() != uuid.RFC4122 {
		return false
	}
	sum := m.checksum(id)
	return subtle.ConstantTimeCompare(id[len(id)-checksumBytes:], sum[:]) == 1
}

func (m Maker) checksum(id uuid.UUID) (sum [checksumBytes]byte) {
	mac := hmac.New(sha256.New, m.key)
	mac.Write([]byte(m.kind))
	mac.Write(id[:len(id)-checksumBytes])
	copy(sum[:], mac.Sum(nil))
	return sum
}
