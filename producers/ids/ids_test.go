package ids_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"tiffin/producers/ids"
)

func TestIDsCertifyThemselves(t *testing.T) {
	maker, others := ids.NewMaker("one", "order"), []ids.Maker{ids.NewMaker("two", "order"), ids.NewMaker("one", "payment")}
	now := time.UnixMilli(1_790_000_000_123)
	made := map[string]bool{}
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
		if !maker.Certifies(id) || made[id] {
			t.Fatalf("%s: certified %v, seen before %v", id, maker.Certifies(id), made[id])
		}
		made[id] = true
		for _, other := range others {
			if other.Certifies(id) {
				strangers++
			}
		}
	}
	if strangers > 1 { // each has one chance in 16 million
		t.Errorf("%d of 10000 ids were certified with another key, or as another kind's", strangers)
	}
}

func TestOtherIDsAreNotCertified(t *testing.T) {
	maker := ids.NewMaker("", "order")
	id := maker.From(ids.Seed{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13}) // always the same: a guess may succeed
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
	maker := ids.NewMaker("", "order")
	zero := maker.From(ids.Seed{})
	seen := map[string]int{zero[:30]: -1} // without the checksum
	for bit := range 104 {
		var s ids.Seed
		s[bit/8] |= 0x80 >> (bit % 8)
		id := maker.From(s)
		if id != maker.From(s) || !maker.Certifies(id) {
			t.Fatalf("bit %d: %s is not certified, or not made again", bit, id)
		}
		other, again := seen[id[:30]]
		if bit >= 98 {
			if id != zero {
				t.Errorf("bit %d counts, beyond 98", bit)
			}
			continue
		}
		if again || id == zero {
			t.Errorf("bit %d gives the same id as bit %d", bit, other)
		}
		seen[id[:30]] = bit
	}
	if len(seen) != 99 {
		t.Errorf("%d different ids of 98 bits", len(seen)-1)
	}
}

func TestTheSamePartsGiveTheSameSeed(t *testing.T) {
	seen := map[ids.Seed][]string{}
	for _, parts := range [][]string{nil, {""}, {"", ""}, {"abc"}, {"ab", "c"}, {"a", "bc"}, {"a", "b", "c"}, {"a", "", "bc"}, {"\x01a"}, {strings.Repeat("a", 200)}} {
		seed := ids.Derive(parts...)
		if seed != ids.Derive(slices.Clone(parts)...) {
			t.Errorf("%q give two seeds", parts)
		}
		if other, again := seen[seed]; again {
			t.Errorf("%q and %q give the same seed", parts, other)
		}
		seen[seed] = parts
	}
}
