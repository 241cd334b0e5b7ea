//go:build large

package capacity

import (
	"fmt"
	"math"
	"os"
	"regexp"
	"strings"
	"testing"
)

// SCALING.md says nothing that is not computed here, from the figures, and the figures are those of measured.json. After a new measurement, or
// another model:
//
//	TIFFIN_UPDATE=1 go test -tags large ./internal/capacity -run Scaling
func TestLargeScalingIsWhatTheModelSays(t *testing.T) {
	measured, err := ReadMeasured("measured.json")
	if err != nil {
		t.Fatal(err)
	}
	fitted, err := WriteFigures(measured)
	if err != nil {
		t.Fatal(err)
	}
	f, err := parseFigures(fitted)
	if err != nil {
		t.Fatal(err)
	}
	const file = "../../SCALING.md"
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	s := scaling{t, measured, f}
	seen := map[string]bool{}
	block := regexp.MustCompile(`(?s)(<!-- computed: ([a-z ]+) -->\n)(.*?)(<!-- end -->)`)
	written := block.ReplaceAllStringFunc(string(text), func(b string) string {
		m := block.FindStringSubmatch(b)
		table, known := s.tables()[m[2]]
		if !known {
			t.Fatalf("SCALING.md wants a table %q, which nobody computes", m[2])
		}
		seen[m[2]] = true
		return m[1] + table() + m[4]
	})
	for name := range s.tables() {
		if !seen[name] {
			t.Errorf("SCALING.md does not show the table %q", name)
		}
	}
	kept(t, file, []byte(written))
}

// scaling computes what SCALING.md shows.
type scaling struct {
	t        *testing.T
	measured Measured
	f        Figures
}

func (s scaling) tables() map[string]func() string {
	return map[string]func() string{
		"figures": s.figures, "error": s.check, "core": s.core, "bytes": s.bytes, "pages": s.pages,
		"deployments": s.deployments, "steps": s.steps, "batches": s.batches, "partitions": s.partitions, "cells": s.cells, "orders": s.orders,
	}
}

// table writes Markdown. The first column is text, the others are numbers.
func table(head []string, rows ...[]string) string {
	var b strings.Builder
	line := func(cells []string) { fmt.Fprintf(&b, "| %s |\n", strings.Join(cells, " | ")) }
	line(head)
	b.WriteString("|---" + strings.Repeat("|--:", len(head)-1) + "|\n")
	for _, r := range rows {
		line(r)
	}
	return b.String()
}

func (s scaling) figures() string {
	var rows [][]string
	for _, one := range s.f.all() {
		rows = append(rows, []string{"`" + one.name + "`", number(*one.at), one.unit, one.how})
	}
	return strings.ReplaceAll(table([]string{"figure", "value", "unit", "what, and how it was found"}, rows...), "|--:|--:|--:|", "|--:|---|---|")
}

func (s scaling) check() string {
	compared, err := Check(s.measured, s.f)
	if err != nil {
		s.t.Fatal(err)
	}
	return compared.String()
}

// costs are µs of CPU a like, where batches are full, and a door's requests to Kafka are half a chunk.
type costs struct{ single, batched, kafka1, kafka3, likes, database, analytics, redis float64 }

func (s scaling) costs() costs {
	f := s.f
	counts := newLaw(50_000, 1.07).distinct(MaxBatch) / MaxBatch
	perChunk := chunkBytes / 2 / f.RecordBytes
	const perSync = 30                            // single requests, as at 13,000 a second through one door
	copies := func(replication float64) float64 { // a write and two readers, and for each follower a fetch and a write
		return (1 + readers + 2*(replication-1)) * (f.KafkaRecord + (f.KafkaRequest+defaultPartitions*f.KafkaPartition)/perChunk)
	}
	return costs{
		single:  f.DoorRequest + f.DoorLike + f.DoorSync/perSync + f.DoorProduce/perChunk,
		batched: (f.DoorRequest+f.DoorSync)/500 + f.DoorLike + f.DoorProduce/perChunk,
		kafka1:  copies(1), kafka3: copies(3),
		likes:     f.FeedEvent + f.LikesEvent + counts*f.LikesCount + f.LikesBatch/MaxBatch,
		database:  f.BackendLike + counts*f.BackendCount + f.BackendBatch/MaxBatch + f.PostgresLike,
		analytics: f.FeedEvent + f.AnalyticsEvent + f.AnalyticsBatch/MaxBatch,
		redis:     counts * f.RedisCount,
	}
}

func (s scaling) core() string {
	c := s.costs()
	row := func(name string, cost float64) []string {
		cores := func(rate float64) string { return number(rate * cost / 1e6 / 0.6) }
		return []string{name, number(cost), number(1e6 / cost), cores(48_600), cores(500_000)}
	}
	return table([]string{"part", "µs of CPU a like", "likes a second a core", "cores for 48,600 at 60 %", "cores for 500,000 at 60 %"},
		row("likes-api, one like a request", c.single), row("likes-api, 500 a request", c.batched),
		row("Kafka, one replica", c.kafka1), row("Kafka, three replicas", c.kafka3),
		row("likes", c.likes), row("PostgreSQL of likes", c.database), row("analytics", c.analytics), row("Redis", c.redis))
}

const day = 86_400.0

func (s scaling) bytes() string {
	f := s.f
	row := func(name string, bytes float64) []string {
		cells := []string{name, number(bytes)}
		for _, rate := range []float64{48_600, 500_000} {
			cells = append(cells, number(rate*bytes/1e6)+" MB/s", number(rate*bytes*day/1e12)+" TB")
		}
		return cells
	}
	return table([]string{"what", "bytes a like", "at 48,600", "a day", "at 500,000", "a day"},
		row("into a door, one of 500 in a request", f.BodyBytes), row("spool, written once and used again", f.RecordBytes),
		row("Kafka, one replica", f.KafkaBytes), row("Kafka, three replicas", 3*f.KafkaBytes),
		row("out of Kafka, to two groups", 2*f.KafkaBytes),
		row("write-ahead log of likes, tables in memory", f.WALBytes), row("table and index of likes", f.RowBytes))
}

// pageBytes is a page of PostgreSQL's, which is in the write-ahead log as a whole when it is first changed after a checkpoint.
const pageBytes = 8192

// pages is what becomes of the write-ahead log when the index does not fit into memory: n inserts between two checkpoints, at random places of an index of
// p pages, change p(1-e^(-n/p)) of them.
func (s scaling) pages() string {
	var rows [][]string
	for _, days := range []float64{0.01, 1, 30, 365} {
		cells := []string{map[float64]string{0.01: "a quarter of an hour", 1: "a day", 30: "a month", 365: "a year"}[days]}
		likes := 48_600 * day * days
		pages := likes * s.f.RowBytes / 2 / pageBytes // half of a row's bytes are the index
		cells = append(cells, number(likes/1e9), number(likes*s.f.RowBytes/1e9))
		for _, minutes := range []float64{5, 30} {
			between := 48_600 * 60 * minutes
			touched := pages * -math.Expm1(-between/pages)
			bytes := s.f.WALBytes + touched/between*pageBytes
			cells = append(cells, number(touched/between), number(48_600*bytes/1e6))
		}
		rows = append(rows, cells)
	}
	return table([]string{"history at 48,600 a second", "billion rows", "GB of table and index", "page images a like, checkpoint each 5 min", "MB of log a second", "each 30 min", "MB of log a second"}, rows...)
}

func (s scaling) deployment(name string) Deployment {
	d, err := ReadDeployment(name)
	if err != nil {
		s.t.Fatal(err)
	}
	return d
}

// evening is a load of likes as people send them, one a request.
func evening(rate float64) Load {
	return Load{Rate: rate, Batch: 1, Posts: 1_000_000, Zipf: 1.07, Seconds: max(2, min(16, 400_000/rate)), Seed: 1}
}

func (s scaling) play(d Deployment, l Load) Result {
	r, err := Simulate(d, l, s.f)
	if err != nil {
		s.t.Fatal(err)
	}
	return r
}

func (s scaling) saturate(d Deployment, l Load) Result {
	r, err := Saturation(d, l, s.f)
	if err != nil {
		s.t.Fatal(err)
	}
	return r
}

func ms(of seconds) string { return number(of*1000) + " ms" }

func busy(p Part) string { return fmt.Sprintf("%s, %.0f %%", p.Name, 100*p.Busy) }

func (s scaling) deployments() string {
	nodes := func(n Nodes) string {
		if n.Instances == 0 {
			return "none"
		}
		if n.Instances == 1 {
			return fmt.Sprintf("1 of %g cores", n.Cores)
		}
		return fmt.Sprintf("%d of %g cores", n.Instances, n.Cores)
	}
	names := []string{"likes-48600", "likes-500000"}
	rates := []float64{48_600, 500_000}
	head := []string{"likes a second"}
	var ds []Deployment
	var rs []Result
	for i, name := range names {
		head = append(head, number(rates[i]))
		ds = append(ds, s.deployment(name))
		rs = append(rs, s.play(ds[i], evening(rates[i])))
		if !rs[i].Carried() {
			s.t.Errorf("%s does not carry it: %v", name, rs[i])
		}
	}
	row := func(name string, cell func(d Deployment, r Result) string) []string {
		cells := []string{name}
		for i := range ds {
			cells = append(cells, cell(ds[i], rs[i]))
		}
		return cells
	}
	return table(head,
		row("likes-api", func(d Deployment, _ Result) string { return nodes(d.Doors) }),
		row("Kafka, three replicas", func(d Deployment, _ Result) string { return nodes(d.Brokers) }),
		row("partitions", func(d Deployment, _ Result) string { return fmt.Sprint(d.Partitions) }),
		row("likes", func(d Deployment, _ Result) string { return nodes(d.Likes) }),
		row("PostgreSQL of likes", func(d Deployment, _ Result) string { return nodes(d.LikesDatabase) }),
		row("analytics", func(d Deployment, _ Result) string { return nodes(d.Analytics) }),
		row("PostgreSQL of analytics", func(d Deployment, _ Result) string { return nodes(d.AnalyticsDatabase) }),
		row("Redis", func(d Deployment, _ Result) string { return fmt.Sprint(d.Redis.Instances) }),
		row("*simulated:* most busy", func(_ Deployment, r Result) string { first, _ := r.Bottleneck(); return busy(first) }),
		row("next", func(_ Deployment, r Result) string { _, next := r.Bottleneck(); return busy(next) }),
		row("202, p50 and p99", func(_ Deployment, r Result) string { return ms(r.AnswerP50) + ", " + ms(r.AnswerP99) }),
		row("counted, p50 and p99", func(_ Deployment, r Result) string { return ms(r.CountedP50) + ", " + ms(r.CountedP99) }),
		row("likes in a transaction", func(_ Deployment, r Result) string { return number(r.BatchLikes) }),
		row("into Kafka, each broker", func(d Deployment, r Result) string {
			return number(r.KafkaBytes/1e6/float64(d.Brokers.Instances)) + " MB/s"
		}),
		row("Kafka's disks, 7 days", func(_ Deployment, r Result) string { return number(r.KafkaBytes*7*day/1e12) + " TB" }),
		row("write-ahead log", func(_ Deployment, r Result) string { return number(r.WALBytes/1e6) + " MB/s" }),
	)
}

// steps begins with a small machine for each part, looks for what breaks first, doubles that, and so on.
func (s scaling) steps() string {
	d := s.deployment("likes-48600")
	d.Doors, d.Brokers, d.Replication = Nodes{1, 2}, Nodes{1, 2}, 1
	d.Likes, d.Analytics = Nodes{1, 2}, Nodes{1, 2}
	d.LikesDatabase, d.AnalyticsDatabase, d.Partitions = Nodes{1, 2}, Nodes{1, 2}, 240
	one := s.deployment("one-machine")
	r := s.saturate(one, evening(5_000))
	first, next := r.Bottleneck()
	rows := [][]string{{"one machine, 2 cores for everything and for who sends", number(r.Rate), busy(first), busy(next), "a machine of 2 cores for each part"}}
	for step := "2 cores for each part"; ; {
		r := s.saturate(d, evening(r.Rate))
		first, next := r.Bottleneck()
		then := s.double(&d, first.Name)
		rows = append(rows, []string{step, number(r.Rate), busy(first), busy(next), then})
		if step = then; d.Analytics.Instances == 0 && first.Name == "analytics' loops" {
			step = "without analytics"
		}
		if r.Rate >= 100_000 || then == "" || len(rows) > 24 {
			break
		}
	}
	return strings.ReplaceAll(table([]string{"deployment", "likes a second", "what breaks first", "what is next", "what then"}, rows...), "|--:|--:|--:|--:|", "|--:|---|---|---|")
}

// double doubles what is short.
func (s scaling) double(d *Deployment, part string) string {
	switch {
	case strings.HasPrefix(part, "doors'"):
		d.Doors.Instances *= 2
		return fmt.Sprintf("%d doors", d.Doors.Instances)
	case strings.HasPrefix(part, "brokers'"):
		if d.Brokers.Instances == 1 {
			d.Brokers.Instances, d.Replication = 3, 3
			return "3 brokers, 3 replicas"
		}
		d.Brokers.Instances *= 2
		return fmt.Sprintf("%d brokers", d.Brokers.Instances)
	case part == "likes' loops", part == "likes' cores":
		d.Likes.Instances *= 2
		return fmt.Sprintf("%d instances of likes", d.Likes.Instances)
	case part == "analytics' loops":
		d.Analytics = Nodes{}
		return "nothing: the batches of analytics take turns. It falls behind, and holds up nobody; see what the others do"
	case part == "analytics' cores":
		d.Analytics.Instances *= 2
		return fmt.Sprintf("%d instances of analytics", d.Analytics.Instances)
	case strings.HasPrefix(part, "likes' database"):
		d.LikesDatabase.Cores *= 2
		return fmt.Sprintf("%g cores for PostgreSQL of likes", d.LikesDatabase.Cores)
	case strings.HasPrefix(part, "analytics' database"):
		d.AnalyticsDatabase.Cores *= 2
		return fmt.Sprintf("%g cores for PostgreSQL of analytics", d.AnalyticsDatabase.Cores)
	}
	return ""
}

func (s scaling) batches() string {
	var rows [][]string
	for _, batch := range []int{1, 10, 100, 500} {
		l := evening(48_600)
		l.Batch = batch
		r := s.play(s.deployment("likes-48600"), l)
		rows = append(rows, []string{fmt.Sprint(batch), number(r.CPU["door"]), number(r.CPU["kafka"]), ms(r.AnswerP99), ms(r.CountedP99), number(r.BatchLikes)})
	}
	return table([]string{"likes a request", "cores of doors", "cores of Kafka", "202, p99", "counted, p99", "likes in a transaction"}, rows...)
}

func (s scaling) partitions() string {
	var rows [][]string
	for _, p := range []int{12, 48, 240, 960} {
		d := s.deployment("likes-48600")
		d.Partitions = p
		at := s.play(d, evening(48_600))
		first, _ := at.Bottleneck()
		hot := evening(48_600)
		hot.HotUser = 0.2
		h := s.play(d, hot)
		carried := "yes"
		if !h.Carried() {
			carried = "no"
		}
		rows = append(rows, []string{fmt.Sprint(p), number(at.CPU["kafka"]), ms(at.CountedP99), busy(first), carried})
	}
	return table([]string{"partitions", "cores of Kafka at 48,600", "counted, p99", "most busy", "a user who says a fifth of all"}, rows...)
}

func (s scaling) cells() string {
	var rows [][]string
	for _, n := range []int{1, 2, 4, 8} {
		rate := 500_000 / float64(n)
		bytes := rate * s.f.WALBytes / 1e6
		c := s.costs()
		rows = append(rows, []string{fmt.Sprint(n), number(rate), number(rate * c.database / 1e6), number(bytes), number(bytes + rate*pageBytes/1e6), number(rate * day * s.f.RowBytes / 1e9)})
	}
	return table([]string{"cells", "likes a second each", "busy cores of its PostgreSQL", "MB of log a second, pages in the log already", "the same, a page image for each like", "GB of rows a day"}, rows...)
}

func (s scaling) orders() string {
	o := s.measured.Orders
	const rate = 10_000
	row := func(name string, cpu float64) []string {
		us := cpu / o.Orders * 1e6
		return []string{name, number(us), number(1e6 / us), number(rate * us / 1e6 / 0.6)}
	}
	rows := [][]string{row("orders-api", o.DoorCPU), row("all groups, in their processes", o.GroupsCPU), row("Kafka, one replica", o.KafkaCPU)}
	sum := o.PostgresCPU
	names := []string{"inventory", "payments", "fraud", "kitchen", "delivery", "orders", "notification", "analytics"}
	for _, g := range names {
		rows = append(rows, row("PostgreSQL of "+g, o.Backends[g]))
		sum += o.Backends[g]
	}
	rows = append(rows, row("PostgreSQL otherwise", o.PostgresCPU), row("PostgreSQL, all of it", sum))
	out := table([]string{"part", "µs of CPU an order", "orders a second a core", "cores for 10,000 at 60 %"}, rows...)
	bytes := func(name string, n float64) []string {
		per := n / o.Orders
		return []string{name, number(per), number(rate*per/1e6) + " MB/s", number(rate*per*day/1e12) + " TB"}
	}
	return out + "\n" + table([]string{"what", "bytes an order", "at 10,000", "a day"},
		bytes("Kafka, one replica", o.KafkaBytes), bytes("Kafka, three replicas", 3*o.KafkaBytes), bytes("write-ahead log, all groups", o.WALBytes), bytes("tables and indexes, all groups", o.DatabaseBytes))
}
