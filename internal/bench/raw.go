package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"tiffin/saga"
	"tiffin/saga/kafka"
	"tiffin/saga/wire"
	"tiffin/schemas"
)

const (
	rawTopic = "raw"
	// rawProbers go side by side; each is busy waiting, not working.
	rawProbers = 2
	// rawBytes is about the size of a fact with its headers.
	rawBytes = 400
)

// raw is the least that a saga could take: its hops, each one produce, one fetch and one commit, without anything in between.
type raw struct {
	site   *site
	hops   int
	record kafka.Record
}

func openRaw(ctx context.Context, s *site, hops int) (raw, error) {
	if err := s.kafka.CreateTopics(ctx, []kafka.TopicSpec{{Name: rawTopic, Partitions: rawProbers}}, 1); err != nil {
		return raw{}, err
	}
	if _, err := s.db.Exec(ctx, "create table raw (prober int primary key, hops bigint not null)"); err != nil {
		return raw{}, err
	}
	_, err := s.db.Exec(ctx, "insert into raw select p, 0 from generate_series(0, $1 - 1) p", rawProbers)
	if err != nil {
		return raw{}, err
	}
	return raw{s, hops, kafka.Record{Topic: rawTopic, Key: []byte("key"), Value: make([]byte, rawBytes)}}, nil
}

// start goes over as many hops as a saga has, again and again, until it is stopped; that returns how long they took each time.
func (r raw) start(ctx context.Context) (stop func() ([]time.Duration, error)) {
	running, cancel := context.WithCancel(ctx)
	var mu sync.Mutex
	var all []time.Duration
	var errs []error
	var probing sync.WaitGroup
	for p := range rawProbers {
		probing.Go(func() {
			for running.Err() == nil {
				took, err := r.once(ctx, p)
				mu.Lock()
				if err != nil {
					errs = append(errs, err)
					cancel()
				} else {
					all = append(all, took)
				}
				mu.Unlock()
			}
		})
	}
	return func() ([]time.Duration, error) {
		cancel()
		probing.Wait()
		if len(all) == 0 {
			errs = append(errs, errors.New("no raw hops were timed"))
		}
		return all, errors.Join(errs...)
	}
}

// once goes over the hops.
func (r raw) once(ctx context.Context, prober int) (time.Duration, error) {
	record := r.record
	record.Partition = prober
	at := kafka.TopicPartition{Topic: rawTopic, Partition: prober}
	ranges, err := r.site.kafka.Offsets(ctx, []kafka.TopicPartition{at})
	if err != nil {
		return 0, err
	}
	next := ranges[at].End
	begin := time.Now()
	for range r.hops {
		if err := r.site.kafka.Produce(ctx, []kafka.Record{record}); err != nil {
			return 0, err
		}
		fetched, err := r.site.kafka.Fetch(ctx, []kafka.Position{{Topic: rawTopic, Partition: prober, Offset: next}}, kafka.FetchOptions{})
		if err != nil {
			return 0, err
		}
		if err := fetched[0].Err; err != nil || len(fetched[0].Records) == 0 {
			return 0, fmt.Errorf("the record that was produced is not there: %w", errors.Join(err, ctx.Err()))
		}
		next = fetched[0].Next
		if _, err := r.site.db.Exec(ctx, "update raw set hops = hops + 1 where prober = $1", prober); err != nil {
			return 0, err
		}
	}
	return time.Since(begin), nil
}

func topicNames() (names []string) {
	for _, t := range schemas.Topics() {
		names = append(names, t.Name)
	}
	return names
}

// read is what topics have from places on.
func (s *site) read(ctx context.Context, places []kafka.Position) (facts []saga.Envelope, err error) {
	for {
		fetched, err := s.kafka.Fetch(ctx, places, kafka.FetchOptions{MaxWait: -1})
		if err != nil {
			return nil, err
		}
		some := false
		for i, f := range fetched {
			if f.Err != nil {
				return nil, f.Err
			}
			places[i].Offset = f.Next
			for _, r := range f.Records {
				e, _, err := wire.Decode(&r)
				if err != nil {
					return nil, err
				}
				facts, some = append(facts, e), true
			}
		}
		if !some {
			return facts, nil
		}
	}
}
