package main

import (
	"errors"
	"runtime/debug"
	"syscall"
	"time"

	"tiffin/internal/app"
	"tiffin/internal/capacity"
	"tiffin/saga"
	"tiffin/saga/kafka"
	"tiffin/saga/wire"
	"tiffin/schemas"
)

// decoding is the CPU time, in µs, in which an event is made of a like's record, with the garbage that it makes: what a group's process does for each
// event beside its loop; and that record's size.
func decoding() (micros float64, bytes int, err error) {
	groups, err := app.Config{}.Groups()
	if err != nil {
		return 0, 0, err
	}
	var group *saga.Group
	for _, g := range groups {
		if g.Name() == "likes" {
			group = g
		}
	}
	if group == nil {
		return 0, 0, errors.New("there is no group likes")
	}
	debug.SetGCPercent(600) // as the binary does
	now := time.Now()
	like := schemas.PostLiked{PostID: "mbq3x1-12345", UserID: "u1234567", AcceptedAt: schemas.MomentOf(now)}
	record, err := wire.Encode(like, saga.Envelope{
		ID: "01938f3e-7b1a-7c3d-9e4f-5a6b7c8d9e0f", Source: "/tiffin/likes-api", Saga: like.UserID, Trace: "00-e3e1475a5e92591a0a8882b8f6069da8-4050e876c4b1d8e7-01",
	}, now, 12)
	if err != nil {
		return 0, 0, err
	}
	wire.Stamp(&record, wire.Mark{Lane: "door-dd8c5eed-f3be-4aad-84a3-fa034be67fe6", Epoch: now.UnixMilli(), Number: 1_000_000})
	type event struct {
		record *kafka.Record
		saga.Envelope
		fact saga.Fact
	}
	waiting := make([]*event, capacity.QueueLimit) // as many are alive as wait in a group's queue
	const rounds = 1_000_000
	begin := ownCPU()
	for i := range rounds {
		r := record
		e, _, err := wire.Decode(&r)
		if err != nil {
			return 0, 0, err
		}
		fact, err := group.Decode(e.Type, r.Value)
		if err != nil {
			return 0, 0, err
		}
		if kafka.Partition(r.Key, 12) != r.Partition {
			return 0, 0, errors.New("the record is not where its key belongs")
		}
		waiting[i%len(waiting)] = &event{&r, e, fact}
	}
	bytes = len(record.Key) + len(record.Value)
	for _, h := range record.Headers {
		bytes += len(h.Key) + len(h.Value) + 2 // with their lengths
	}
	return (ownCPU() - begin).Seconds() * 1e6 / rounds, bytes, nil
}

func ownCPU() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
