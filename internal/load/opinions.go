package load

// Bits of what is known of a user and a post.
const (
	likes    = 1 << iota // the last word that was accepted is that the user likes it
	unlikes              // it is that the user does not
	mayLike              // a like had no answer: it may count, at whatever time
	mayNot               // an unlike had none
	sent                 // something was said, and refused
	bits     = iota
	allOfThe = 1<<bits - 1
)

// opinions are what users are known to think of posts: a compact set, for there are millions. A slot is a pair with its bits, in
// 8 bytes; an empty one is 0, for a pair that is there has at least one bit. Its zero value is empty.
type opinions struct {
	slots []uint64
	count int
}

// pair names a user and a post; the user is less than maxUsers, so it has 30 bits, and the post 29.
func pair(post, user int) uint64 { return uint64(post)<<30 | uint64(user) }

func postOf(pair uint64) int { return int(pair >> 30) }

func userOf(pair uint64) int { return int(pair & (1<<30 - 1)) }

// at is the slot of a pair, or the empty one where it belongs.
func (o *opinions) at(pair uint64) int {
	mask := len(o.slots) - 1
	i := int(pair*0x9e3779b97f4a7c15>>32) & mask // Fibonacci hashing: posts and users are small numbers
	for o.slots[i] != 0 && o.slots[i]>>bits != pair {
		i = (i + 1) & mask
	}
	return i
}

// hear notes what became of a word, and reports whether the pair is new.
func (o *opinions) hear(pair uint64, like bool, was verdict) bool {
	if 4*(o.count+1) > 3*len(o.slots) {
		o.grow()
	}
	i := o.at(pair)
	fresh := o.slots[i] == 0
	if fresh {
		o.count++
	}
	known := o.slots[i] & allOfThe
	switch {
	case was == accepted && like:
		known = known&^unlikes | likes
	case was == accepted:
		known = known&^likes | unlikes
	case was == unsure && like:
		known |= mayLike
	case was == unsure:
		known |= mayNot
	default:
		known |= sent
	}
	o.slots[i] = pair<<bits | known
	return fresh
}

func (o *opinions) grow() {
	old := o.slots
	o.slots = make([]uint64, max(1<<10, 2*len(old)))
	for _, slot := range old {
		if slot != 0 {
			o.slots[o.at(slot>>bits)] = slot
		}
	}
}

// bounds are how many likes a post may have.
type bounds struct{ least, most int64 }

// tally adds to each post's bounds what its users may count for, and marks the posts that were spoken of.
//
// A word without an answer may be accepted after words that were said later, so it is possible for ever that it is the last.
func (o *opinions) tally(posts []bounds, spoken []bool) {
	for _, slot := range o.slots {
		if slot == 0 {
			continue
		}
		post := postOf(slot >> bits)
		spoken[post] = true
		if slot&(likes|mayLike) != 0 {
			posts[post].most++
		}
		if slot&likes != 0 && slot&mayNot == 0 {
			posts[post].least++
		}
	}
}
