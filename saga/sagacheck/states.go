package sagacheck

import (
	"encoding/binary"
	"hash/maphash"
)

// A state is a row of small numbers, two bytes each: each slot is a document, a queue, an outbox, what somebody outside has
// been asked, or how often a fact was said; its value is the number of an interned document, list of facts, or fact. Zero is
// nothing. Slots are added while exploring: a state is the same with and without empty ones at its end.
type state []byte

func (s state) get(slot int) uint16 {
	if at := 2 * slot; at < len(s) {
		return binary.LittleEndian.Uint16(s[at:])
	}
	return 0
}

func (s *state) set(slot int, value uint16) {
	for len(*s) <= 2*slot {
		*s = append(*s, 0, 0)
	}
	binary.LittleEndian.PutUint16((*s)[2*slot:], value)
}

func (s state) slots() int { return len(s) / 2 }

// trimmed is s without empty slots at its end.
func (s state) trimmed() state {
	for len(s) > 0 && s[len(s)-1] == 0 && s[len(s)-2] == 0 {
		s = s[:len(s)-2]
	}
	return s
}

// chunkBytes is how much memory for states is taken at a time: growing one slice would copy all of it, again and again.
const chunkBytes = 256 << 10

// reached is the set of states that were reached, in the order in which that happened. A state stands in a chunk behind its
// length; index finds it by its hash (open addressing, at most three fifths full).
type reached struct {
	chunks  [][]byte
	starts  []int64 // of each state, counted over all chunks
	parents []int32 // the state that it was first reached from, -1 for a first one
	index   []int32 // numbers of states plus one
	seed    maphash.Seed
}

func newReached() *reached { return &reached{index: make([]int32, 1<<12), seed: maphash.MakeSeed()} }

func (r *reached) len() int { return len(r.starts) }

// bytes is how much memory the set takes.
func (r *reached) bytes() int64 {
	return int64(len(r.chunks))*chunkBytes + int64(cap(r.starts))*8 + int64(cap(r.parents))*4 + int64(len(r.index))*4
}

// at is a state by its number. It must not be changed.
func (r *reached) at(i int) state {
	start := r.starts[i]
	chunk, offset := r.chunks[start/chunkBytes], start%chunkBytes
	n := int64(binary.LittleEndian.Uint16(chunk[offset:]))
	return state(chunk[offset+2 : offset+2+2*n])
}

// add adds a state unless it is there already, and says which number it has.
func (r *reached) add(s state, parent int32) (number int, isNew bool) {
	s = s.trimmed()
	if (len(r.starts)+1)*5 > len(r.index)*3 {
		r.grow()
	}
	at := r.find(s)
	if n := r.index[at]; n != 0 {
		return int(n - 1), false
	}
	size := int64(2 + len(s))
	var last []byte
	if n := len(r.chunks); n > 0 {
		last = r.chunks[n-1]
	}
	if last == nil || int64(len(last))+size > chunkBytes {
		last = make([]byte, 0, chunkBytes)
		r.chunks = append(r.chunks, nil)
	}
	start := int64(len(r.chunks)-1)*chunkBytes + int64(len(last))
	last = binary.LittleEndian.AppendUint16(last, uint16(s.slots()))
	r.chunks[len(r.chunks)-1] = append(last, s...)
	r.starts = append(r.starts, start)
	r.parents = append(r.parents, parent)
	r.index[at] = int32(len(r.starts))
	return len(r.starts) - 1, true
}

// find is where in the index the state is, or would be.
func (r *reached) find(s state) int {
	mask := len(r.index) - 1
	at := int(maphash.Bytes(r.seed, s)) & mask
	for {
		n := r.index[at]
		if n == 0 || string(r.at(int(n-1))) == string(s) {
			return at
		}
		at = (at + 1) & mask
	}
}

func (r *reached) grow() {
	r.index = make([]int32, 2*len(r.index))
	for i := range r.starts {
		r.index[r.find(r.at(i))] = int32(i + 1)
	}
}
