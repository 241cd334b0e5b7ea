package likes

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// What a post gained in a window is the sum of the changes that were accepted in it. A part keeps these in slots of five minutes, in
// the row that is written anyway, so no further row is written for a like, and none grows with history:
//
//   - Slot is the latest in which the part changed, and Gained what it gained there. Most likes add to these, and to nothing else.
//   - Earlier has the slots before it, the sparse ones left out: "1:12 3:-2" says that the slot before gained 12 and the one two before that
//     lost 2. What is older than an hour is kept by the hour (under its first slot), and what is older than a day is forgotten.
//
// A word belongs to the slot of its acceptance, wherever that is now. So neither lanes that lag nor a Kafka that was away make
// a peak that there was not.
const (
	slotSeconds  = 5 * 60
	slotsPerHour = 12
	// oldestSlot is the age up to which slots are kept apart, and oldestHour that up to which hours are kept. Both are one more than a
	// window needs: the clock of who reads may be behind that of the door.
	oldestSlot = slotsPerHour + 1
	oldestHour = 25 * slotsPerHour
)

// slotOf is the number of a moment's slot since 1970.
func slotOf(at time.Time) int { return int(at.Unix() / slotSeconds) }

// hourOf is the first slot in a slot's hour.
func hourOf(slot int) int { return slot - slot%slotsPerHour }

// change is what a slot gained, which is so many slots older than the part's latest.
type change struct {
	age    int
	gained int64
}

// gain notes that the part has changed by a word that was accepted at this moment.
func (p *Post) gain(at time.Time, by int64) {
	slot := slotOf(at)
	if slot == p.Slot {
		p.Gained += by
		return
	}
	var room [oldestSlot + oldestHour/slotsPerHour + 2]change // on the stack
	known := p.changes(room[:0])
	if slot < p.Slot {
		p.Earlier = spell(insert(known, change{aged(p.Slot, p.Slot-slot), by}))
		return
	}
	turned, passed := make([]change, 0, len(known)+1), slot-p.Slot
	for _, c := range append([]change{{0, p.Gained}}, known...) {
		turned = insert(turned, change{aged(slot, c.age+passed), c.gained})
	}
	p.Slot, p.Gained, p.Earlier = slot, by, spell(turned)
}

// aged is the age under which a slot of this age is kept, seen from the latest slot.
func aged(latest, age int) int {
	if age <= oldestSlot {
		return age
	}
	return latest - hourOf(latest-age)
}

// insert adds a change to those that are there, which are in the order of their ages. What is too old is forgotten.
func insert(changes []change, c change) []change {
	if c.age > oldestHour {
		return changes
	}
	i := len(changes)
	for i > 0 && changes[i-1].age > c.age {
		i--
	}
	if i > 0 && changes[i-1].age == c.age {
		changes[i-1].gained += c.gained
		return changes
	}
	changes = append(changes, change{})
	copy(changes[i+1:], changes[i:])
	changes[i] = c
	return changes
}

// changes reads Earlier.
func (p *Post) changes(into []change) []change {
	for rest := p.Earlier; rest != ""; {
		var one string
		one, rest, _ = strings.Cut(rest, " ")
		age, gained, _ := strings.Cut(one, ":")
		a, err := strconv.Atoi(age)
		g, err2 := strconv.ParseInt(gained, 10, 64)
		if err != nil || err2 != nil {
			panic(fmt.Sprintf("post %s, shard %d: column earlier is %q, want ages and gains such as \"1:12 3:-2\"", p.PostID, p.Shard, p.Earlier))
		}
		into = append(into, change{a, g})
	}
	return into
}

// spell writes what [Post.changes] reads.
func spell(changes []change) string {
	var room [256]byte
	b := room[:0]
	for _, c := range changes {
		if c.gained == 0 {
			continue
		}
		if len(b) > 0 {
			b = append(b, ' ')
		}
		b = append(strconv.AppendInt(b, int64(c.age), 10), ':')
		b = strconv.AppendInt(b, c.gained, 10)
	}
	return string(b)
}

// GainedSince is by how much the part grew from this moment on, which is rounded down to five minutes, and if it is more than an hour
// before the part's last change to the hour. Of what is older than a day it does not know.
func (p *Post) GainedSince(since time.Time) int64 {
	first := slotOf(since)
	if p.Slot < first {
		return 0
	}
	sum := p.Gained
	for _, c := range p.changes(nil) {
		if p.Slot-c.age >= first {
			sum += c.gained
		}
	}
	return sum
}
