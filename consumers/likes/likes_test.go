package likes

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"tiffin/saga"
	"tiffin/saga/sagatest"
	"tiffin/schemas"
)

// at is so many microseconds after the epoch of the test's world.
func at(micros int) schemas.Moment {
	return schemas.MomentOf(sagatest.Epoch.Add(time.Duration(micros) * time.Microsecond))
}

func liked(user string, accepted schemas.Moment) schemas.PostLiked {
	return schemas.PostLiked{PostID: "p1", UserID: user, AcceptedAt: accepted}
}

func unliked(user string, accepted schemas.Moment) schemas.PostUnliked {
	return schemas.PostUnliked{PostID: "p1", UserID: user, AcceptedAt: accepted}
}

// word is ann's word on p1, which was the n-th fact of the test, accepted at this moment.
func word(likes bool, accepted schemas.Moment, n int) *Like {
	return &Like{LikeID: "p1/ann", Liked: likes, AcceptedAt: accepted.Time(), EventID: fmt.Sprintf("outside-%d", n)}
}

// counted is p1, which gained all that it has in the slot in which the test's world begins.
func counted(count, version int64) *Post {
	return &Post{PostID: "p1", Count: count, Version: version, Slot: slotOf(sagatest.Epoch), Gained: count}
}

func script(t *testing.T) *sagatest.Script { return sagatest.Group(t, Group(Config{})) }

func TestALikeIsCountedOnce(t *testing.T) {
	script(t).
		Hears(liked("ann", at(1))).SaysNothing().Keeps(word(true, at(1), 0), counted(1, 1)).
		Hears(liked("ann", at(1))).Keeps(counted(1, 1)).
		Hears(liked("ann", at(2))).Keeps(word(true, at(2), 2), counted(1, 1)).
		Hears(liked("bob", at(1))).Keeps(counted(2, 2)).
		Hears(unliked("ann", at(3))).SaysNothing().Keeps(word(false, at(3), 4), counted(1, 3)).
		Hears(unliked("ann", at(4))).Keeps(counted(1, 3)).
		Hears(liked("ann", at(5))).Keeps(counted(2, 4))
}

func TestWhatNobodyLikedCanBeUnliked(t *testing.T) {
	s := script(t).Hears(unliked("ann", at(1))).Keeps(word(false, at(1), 0))
	if p, exists := sagatest.Load[Post](s.World(), "p1"); exists {
		t.Errorf("a post that nobody has liked is kept: %+v", p)
	}
	s.Hears(liked("ann", at(0))).Keeps(word(false, at(1), 0))
}

// A clock that is ahead wins for no longer than clocks usually are.
func TestWhatClaimsToComeFromLaterIsBounded(t *testing.T) {
	hour, little := int(time.Hour/time.Microsecond), int(maxAhead/time.Microsecond)
	script(t).Hears(liked("ann", at(hour))).Keeps(word(true, at(little), 0), counted(1, 1)).
		Hears(unliked("ann", at(little-1))).Keeps(counted(1, 1)).
		Hears(unliked("ann", at(little+1))).Keeps(word(false, at(little), 2), counted(0, 2))
}

// P4: what a user says through one door comes in order, however far the door's clock is ahead, and the last word counts.
func TestTheLastWordCountsThoughTheClockIsAhead(t *testing.T) {
	second := int(maxAhead / time.Microsecond)
	for _, ahead := range []int{0, second - 2, second - 1, second, second + 1, 10 * second} {
		script(t).Hears(liked("ann", at(ahead))).Hears(unliked("ann", at(ahead+1))).Keeps(counted(0, 2)).
			Passes(time.Microsecond).Hears(liked("ann", at(ahead+2))).Keeps(counted(1, 3)).
			Passes(time.Second).Hears(unliked("ann", at(ahead+second))).Keeps(counted(0, 4))
	}
}

// P4: where two doors meet, the later acceptance counts, whatever comes first.
func TestTheLaterAcceptanceCounts(t *testing.T) {
	script(t).Hears(unliked("ann", at(2))).Hears(liked("ann", at(1))).Keeps(word(false, at(2), 0))
	script(t).Hears(liked("ann", at(3))).Hears(unliked("ann", at(2))).Hears(liked("ann", at(1))).
		Keeps(word(true, at(3), 0), counted(1, 1))
	// What was repeated later is a later word, although it changed nothing.
	script(t).Hears(liked("ann", at(1))).Hears(liked("ann", at(3))).Hears(unliked("ann", at(2))).Keeps(word(true, at(3), 1), counted(1, 1))
}

// P4: of two that were accepted in the same microsecond the greater event id counts.
func TestTheGreaterIDCounts(t *testing.T) {
	known := &Like{LikeID: "p1/ann", Liked: true, AcceptedAt: at(1).Time()}
	for id, want := range map[string]int64{"a": 0, "outside-0": 1, "z": 1} { // the fact is outside-0
		known.EventID = id
		script(t).Given(known, counted(1, 1)).Hears(unliked("ann", at(1))).Keeps(counted(int64(want), 2-int64(want)))
	}
}

// What no door accepted was accepted when it was logged.
func TestAStrangersWordCountsWhenItWasLogged(t *testing.T) {
	script(t).Hears(liked("ann", 0)).Keeps(word(true, at(0), 0)).
		Hears(unliked("ann", at(-1))).Keeps(counted(1, 1)).
		Hears(unliked("ann", at(1))).Keeps(counted(0, 2)).
		Passes(time.Second).Hears(liked("ann", 0)).Keeps(word(true, at(1_000_000), 3), counted(1, 3))
}

// In whatever order the words of some users come, and however often, the last one counts.
func TestTheOrderOfArrivalDoesNotCount(t *testing.T) {
	seed := rand.Uint64()
	random := rand.New(rand.NewPCG(seed, 0))
	s := script(t)
	want, last := int64(0), map[string]int{}
	type saying struct {
		user  string
		liked bool
		at    int
	}
	var said []saying
	for i := range 300 {
		said = append(said, saying{fmt.Sprint("u", random.IntN(20)), random.IntN(2) == 0, i})
	}
	likes := map[string]bool{}
	for _, w := range said {
		likes[w.user], last[w.user] = w.liked, w.at
	}
	for _, l := range likes {
		if l {
			want++
		}
	}
	said = append(said, said[:100]...)
	random.Shuffle(len(said), func(i, j int) { said[i], said[j] = said[j], said[i] })
	for _, w := range said {
		if w.liked {
			s.Hears(liked(w.user, at(w.at)))
		} else {
			s.Hears(unliked(w.user, at(w.at)))
		}
	}
	if p, _ := sagatest.Load[Post](s.World(), "p1"); p.Count != want {
		t.Errorf("seed %d: %d are counted, want %d", seed, p.Count, want)
	}
	for user, l := range likes {
		if got, _ := sagatest.Load[Like](s.World(), "p1/"+user); got.Liked != l || !got.AcceptedAt.Equal(at(last[user]).Time()) {
			t.Errorf("seed %d: %s's last word is %+v", seed, user, got)
		}
	}
}

// What was counted in one part, another takes back: as after lanes were made anew in another number.
func TestAPartMayBeBelowZero(t *testing.T) {
	script(t).Given(word(true, at(0), 0)).Hears(unliked("ann", at(1))).Keeps(counted(-1, 1))
}

// A user's words stay in the user's lane, so nobody else may ask for them.
func TestNobodyElseHearsAUsersWord(t *testing.T) {
	for _, l := range []string{"p1/ann", "p/a_b-c"} {
		if got, only := likes.Keeper(l); !only || l != likeID(l[:strings.IndexByte(l, '/')], got) {
			t.Errorf("%s is kept by %q", l, got)
		}
	}
	for _, table := range Group(Config{}).Tables() {
		if !saga.Unshared(table) {
			t.Errorf("for %s all lanes take turns", table.Name())
		}
	}
}

func TestTheMirrorIsOptional(t *testing.T) {
	if Group(Config{}).Mirrored(posts) || !Group(Config{Mirror: (&Cache{}).Put}).Mirrored(posts) {
		t.Error("the group mirrors what it was not told to, or not what it was")
	}
}

// The batch loads all that the reactions ask for.
func TestWhatIsAskedForIsExpected(t *testing.T) {
	want := []saga.Need{{Table: likes, Key: "p1/ann"}, {Table: posts, Key: "p1"}}
	for _, f := range saga.Say(liked("ann", 0), unliked("ann", 0)) {
		if got := Group(Config{}).Expects(f); !slices.Equal(got, want) {
			t.Errorf("upon %s it expects %v", f.EventType(), got)
		}
	}
}
