package likes

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Gains are by how much a part of a post's count has changed lately: in each of the last five minutes, for an hour, and in each of the
// last hours, for a day. What is older is forgotten, so a post takes no more room however long it is liked. The time is that of the
// log, which all readers of a fact agree on.
type Gains struct {
	In5m, In1h string // see buckets
	LastHour   int64  // the last in which it changed, since 1970
}

// window is a time that gains are summed over: from so long ago, down to the full bucket, until now.
type window struct {
	length, bucket time.Duration
	column         string // of the table
}

// windows are all that there are.
var windows = [2]window{{time.Hour, 5 * time.Minute, "gains_5m"}, {24 * time.Hour, time.Hour, "gains_1h"}}

func windowOf(length time.Duration) (window, error) {
	for _, w := range windows {
		if w.length == length {
			return w, nil
		}
	}
	return window{}, fmt.Errorf("gains of the last %v are not kept: only those of %v and %v", length, windows[0].length, windows[1].length)
}

// since is when the window begins that ends now.
func (w window) since(now time.Time) time.Time { return now.Add(-w.length).UTC().Truncate(w.bucket) }

// kept is how many buckets a window has: those that are whole, and the one that is being filled.
func (w window) kept() int64 { return int64(w.length/w.bucket) + 1 }

func (w window) bucketOf(t time.Time) int64 { return t.Unix() / int64(w.bucket/time.Second) }

func (g *Gains) add(logged time.Time, n int64) {
	g.In5m = buckets(g.In5m).add(windows[0].bucketOf(logged), n, windows[0].kept())
	g.In1h = buckets(g.In1h).add(windows[1].bucketOf(logged), n, windows[1].kept())
	g.LastHour = max(g.LastHour, windows[1].bucketOf(logged))
}

// buckets are the number of the newest bucket, and what each has, the newest first, with nothing for 0: "494850 12,,-3". It is short, can be read in
// a console, and nothing has to be made of it but when it changes.
type buckets string

// add adds to one bucket. One that is too old is not kept. Nearly always it is the newest.
func (b buckets) add(bucket, n, kept int64) string {
	newest, values := b.parse()
	if b == "" {
		b, newest = buckets(strconv.FormatInt(bucket, 10)+" "), bucket
	}
	age := newest - bucket
	if age == 0 {
		end := strings.IndexByte(values, ',')
		if end < 0 {
			end = len(values)
		}
		return string(b[:len(b)-len(values)]) + value(number(values[:end])+n) + values[end:]
	}
	if age >= kept {
		return string(b)
	}
	var all []int64
	for text := range strings.SplitSeq(values, ",") {
		all = append(all, number(text))
	}
	if age < 0 {
		all = append(make([]int64, min(-age, kept)), all...)
		newest, age = bucket, 0
	}
	all = append(all, make([]int64, max(0, age+1-int64(len(all))))...)
	all[age] += n
	all = all[:min(int64(len(all)), kept)]
	for len(all) > 1 && all[len(all)-1] == 0 {
		all = all[:len(all)-1]
	}
	texts := make([]string, len(all))
	for i, n := range all {
		texts[i] = value(n)
	}
	return strconv.FormatInt(newest, 10) + " " + strings.Join(texts, ",")
}

// since sums the buckets from this one on.
func (b buckets) since(bucket int64) (sum int64) {
	newest, values := b.parse()
	for text := range strings.SplitSeq(values, ",") {
		if newest < bucket {
			break
		}
		sum += number(text)
		newest--
	}
	return sum
}

func (b buckets) parse() (newest int64, values string) {
	text, values, _ := strings.Cut(string(b), " ")
	return number(text), values
}

func number(text string) int64 {
	n, _ := strconv.ParseInt(text, 10, 64) // "" is 0; nobody else writes here
	return n
}

// value writes a number that number reads.
func value(n int64) string {
	if n == 0 {
		return ""
	}
	return strconv.FormatInt(n, 10)
}
