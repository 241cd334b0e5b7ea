package orderid_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"tiffin/producers/orderid"
)

func TestIDsCertifyThemselves(t *testing.T) {
	maker, other := orderid.NewMaker("one"), orderid.NewMaker("two")
	now := time.UnixMilli(1_790_000_000_123)
	seen := map[string]bool{}
	strangers := 0
	for range 10_000 {
		id := maker.New(now)
		parsed, err := uuid.Parse(id)
		if err != nil || parsed.Version() != 7 || parsed.Variant() != uuid.RFC4122 {
			t.Fatalf("%s is not a UUIDv7: %v", id, err)
		}
		if sec, nsec := parsed.Time().UnixTime(); time.Unix(sec, nsec).UnixMilli() != now.UnixMilli() {
			t.Fatalf("%s was made at %d.%09d, want %v", id, sec, nsec, now)
		}
		if !maker.Certifies(id) || seen[id] {
			t.Fatalf("%s: certified %v, seen before %v", id, maker.Certifies(id), seen[id])
		}
		seen[id] = true
		if other.Certifies(id) {
			strangers++
		}
	}
	if strangers > 1 { // each has one chance in 16 million
		t.Errorf("%d of 10000 ids were certified with another key", strangers)
	}
}

func TestOtherIDsAreNotCertified(t *testing.T) {
	maker := orderid.NewMaker("")
	id := maker.From(orderid.Seed{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13}) // always the same: a guess may succeed
	for _, other := range []string{
		"", "o1", strings.ToUpper(id), "{" + id + "}", "urn:uuid:" + id, strings.ReplaceAll(id, "-", ""),
		id + "0", id[:14] + "4" + id[15:], uuid.Must(uuid.NewV7()).String(),
	} {
		if maker.Certifies(other) {
			t.Errorf("%q is certified", other)
		}
	}
	for i := range id { // every misspelling of one digit
		if id[i] == '-' {
			continue
		}
		for _, digit := range "0123456789abcdef" {
			if wrong := id[:i] + string(digit) + id[i+1:]; wrong != id && maker.Certifies(wrong) {
				t.Errorf("%s is certified, made of %s", wrong, id)
			}
		}
	}
}

// TestSeedsAreKept: 98 bits of the seed reach the id, so that different seeds give different ids.
func TestSeedsAreKept(t *testing.T) {
	maker := orderid.NewMaker("")
	zero := maker.From(orderid.Seed{})
	ids := map[string]int{zero[:30]: -1} // without the checksum
	for bit := range 104 {
		var s orderid.Seed
		s[bit/8] |= 0x80 >> (bit % 8)
		id := maker.From(s)
		if id != maker.From(s) || !maker.Certifies(id) {
			t.Fatalf("bit %d: %s is not certified, or not made again", bit, id)
		}
		other, seen := ids[id[:30]]
		if bit >= 98 {
			if id != zero {
				t.Errorf("bit %d counts, beyond 98", bit)
			}
			continue
		}
		if seen || id == zero {
			t.Errorf("bit %d gives the same id as bit %d", bit, other)
		}
		ids[id[:30]] = bit
	}
	if len(ids) != 99 {
		t.Errorf("%d different ids of 98 bits", len(ids)-1)
	}
}
