package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os/exec"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"tiffin/internal/embedded/child"
	"tiffin/internal/testservers/server"
	"tiffin/saga"
	"tiffin/saga/kafka"
	"tiffin/saga/wire"
)

// partitions is Tiffin's default.
const partitions = 12

// site is one installation of Tiffin: topics of a prefix of its own, and a database of its own.
type site struct {
	lab    *lab
	broker string
	name   string
	url    string
	kafka  *kafka.Client
	db     *pgxpool.Pool
	env    []string

	door  string // the lane that says what the bench says
	epoch int64
	said  map[string]int64 // by partition
}

// newSite makes one on a broker, with all topics.
func (l *lab) newSite(ctx context.Context, broker string) (s *site, err error) {
	name := "bench_" + uuid.NewString()[:8]
	s = &site{lab: l, broker: broker, name: name, door: "door-" + name, epoch: time.Now().UnixMilli(), said: map[string]int64{}}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.close())
		}
	}()
	if err := l.execute(ctx, "create database "+name); err != nil {
		return s, err
	}
	u, err := url.Parse(l.postgres)
	if err != nil {
		return s, err
	}
	u.Path = "/" + name
	s.url = u.String()
	if s.db, err = pgxpool.New(ctx, s.url); err != nil {
		return s, err
	}
	if s.kafka, err = kafka.Open(kafka.Config{Brokers: []string{broker}, TopicPrefix: name + "."}); err != nil {
		return s, err
	}
	// Each site has its own keys in Redis's one database: their posts have names of their own.
	s.env = environment("KAFKA_BROKERS="+broker, "DATABASE_URL="+s.url, "REDIS_URL="+l.redis, "TIFFIN_TOPIC_PREFIX="+name+".", "TIFFIN_DATA="+l.dir, "TIFFIN_LOG_LEVEL=warn")
	return s, s.tiffin(ctx, "topics", "create")
}

// execute runs one statement as the database's administrator.
func (l *lab) execute(ctx context.Context, statement string) error {
	db, err := pgx.Connect(ctx, l.postgres)
	if err != nil {
		return err
	}
	_, err = db.Exec(ctx, statement)
	return errors.Join(err, db.Close(ctx))
}

// dropLimit bounds the end of a site, also when its context has ended.
const dropLimit = 20 * time.Second

// close drops the database, and the topics: thousands of partitions that nobody needs would weigh upon the broker, and upon the disk. Those of a
// broker of an experiment's own go with it.
func (s *site) close() error {
	if s.kafka != nil {
		s.kafka.Close()
	}
	if s.db != nil {
		s.db.Close()
	}
	ctx, cancel := context.WithTimeout(context.Background(), dropLimit)
	defer cancel()
	err := s.lab.execute(ctx, "drop database if exists "+s.name+" with (force)")
	if s.broker == s.lab.kafka {
		_, failed := server.KafkaTool(s.lab.libs, "org.apache.kafka.tools.TopicCommand", "--bootstrap-server", s.broker, "--delete", "--topic", s.name+`\..*`)
		err = errors.Join(err, failed)
	}
	return err
}

// tiffin runs a command to its end.
func (s *site) tiffin(ctx context.Context, args ...string) error {
	cmd := exec.CommandContext(ctx, s.lab.tiffin, args...)
	cmd.Env = s.env
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("tiffin %s: %w: %s", strings.Join(args, " "), err, out)
	}
	return nil
}

// run runs targets of the binary, with its defaults, and waits until they are ready.
func (s *site) run(ctx context.Context, targets string) (*process, error) {
	addr, err := server.FreeAddr(ctx)
	if err != nil {
		return nil, err
	}
	spool, err := s.lab.folder("spool")
	if err != nil {
		return nil, err
	}
	return s.lab.start(ctx, child.Command{
		Path: s.lab.tiffin, Env: s.env,
		Args: []string{"run", "--target=" + targets, "--api-addr=" + addr, "--ops-addr=" + addr, "--spool-dir=" + spool, "--drain-time=0s"},
	}, addr)
}

// sayAtOnce is how many facts go to Kafka together.
const sayAtOnce = 2000

// say puts facts on Kafka as a door does: from a lane, numbered.
func (s *site) say(ctx context.Context, facts ...saga.Fact) error {
	records := make([]kafka.Record, 0, min(len(facts), sayAtOnce))
	for len(facts) > 0 {
		n := min(len(facts), sayAtOnce)
		records = records[:0]
		for _, f := range facts[:n] {
			r, err := s.record(f)
			if err != nil {
				return err
			}
			records = append(records, r)
		}
		if err := s.kafka.Produce(ctx, records); err != nil {
			return err
		}
		facts = facts[n:]
	}
	return nil
}

func (s *site) record(f saga.Fact) (kafka.Record, error) {
	r, err := wire.Encode(f, saga.Envelope{
		ID: uuid.Must(uuid.NewV7()).String(), Source: "/tiffin/bench", Saga: f.Key(),
		Trace: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
	}, time.Now(), partitions)
	if err != nil {
		return r, err
	}
	target := fmt.Sprint(r.Topic, "/", r.Partition)
	s.said[target]++
	wire.Stamp(&r, wire.Mark{Lane: s.door, Epoch: s.epoch, Number: s.said[target]})
	return r, nil
}

// offsetsLimit is how long a broker that was just started may take to say them.
const offsetsLimit = 10 * time.Second

// ends are how many records the partitions of topics have, so far.
func (s *site) ends(ctx context.Context, topics ...string) (positions []kafka.Position, sum int64, err error) {
	var all []kafka.TopicPartition
	for _, t := range topics {
		for p := range partitions {
			all = append(all, kafka.TopicPartition{Topic: t, Partition: p})
		}
	}
	var ranges map[kafka.TopicPartition]kafka.OffsetRange
	err = until(ctx, offsetsLimit, "Kafka tells its offsets", func(ctx context.Context) (bool, error) {
		ranges, err = s.kafka.Offsets(ctx, all)
		if kafka.Retryable(err) {
			return false, nil
		}
		return err == nil, err
	})
	if err != nil {
		return nil, 0, err
	}
	for _, p := range all {
		positions = append(positions, kafka.Position{Topic: p.Topic, Partition: p.Partition, Offset: ranges[p].End})
		sum += ranges[p].End
	}
	return positions, sum, nil
}
