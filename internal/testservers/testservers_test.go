package testservers

import (
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/redis/go-redis/v9"
	"github.com/segmentio/kafka-go"
)

func TestPostgresGivesEachTestADatabase(t *testing.T) {
	var first string
	t.Run("one", func(t *testing.T) {
		first = Postgres(t)
		execute(t, first, "CREATE TABLE lane (id int)")
		second := Postgres(t)
		execute(t, second, "CREATE TABLE lane (id int)") // would fail in the same database
	})
	if first == "" {
		t.Skip("the servers are not there")
	}
	if conn, err := pgx.Connect(t.Context(), first); err == nil {
		_ = conn.Close(t.Context())
		t.Error("the database outlived its test")
	}
}

func TestRedisGivesEachTestADatabase(t *testing.T) {
	ctx := t.Context()
	one, two := redisClient(t, Redis(t)), redisClient(t, Redis(t))
	if err := one.Set(ctx, "likes", 1, 0).Err(); err != nil {
		t.Fatal(err)
	}
	if err := two.Get(ctx, "likes").Err(); !errors.Is(err, redis.Nil) {
		t.Errorf("another test's key is visible: %v", err)
	}
}

func redisClient(t *testing.T, url string) *redis.Client {
	t.Helper()
	options, err := redis.ParseURL(url)
	if err != nil {
		t.Fatal(err)
	}
	c := redis.NewClient(options)
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func TestKafkaToolTalksToKafka(t *testing.T) {
	addr, topic := Kafka(t), Name("tool")
	KafkaTool(t, "org.apache.kafka.tools.TopicCommand", "--bootstrap-server", addr, "--create", "--topic", topic, "--partitions", "3")
	known(t, addr, topic)
	out := KafkaTool(t, "org.apache.kafka.tools.TopicCommand", "--bootstrap-server", addr, "--describe", "--topic", topic)
	if !strings.Contains(out, "PartitionCount: 3") {
		t.Errorf("kafka-topics --describe says %q", out)
	}
}

// known waits until the broker itself knows a topic: the controller, who has created it, tells it a moment later.
func known(t *testing.T, addr, topic string) {
	t.Helper()
	transport := &kafka.Transport{MetadataTTL: 10 * time.Millisecond}
	t.Cleanup(transport.CloseIdleConnections)
	c := &kafka.Client{Addr: kafka.TCP(addr), Transport: transport}
	tick, late := time.NewTicker(50*time.Millisecond), time.After(time.Minute)
	defer tick.Stop()
	for {
		m, err := c.Metadata(t.Context(), &kafka.MetadataRequest{Topics: []string{topic}})
		if err == nil && len(m.Topics) == 1 {
			err = m.Topics[0].Error
		}
		if err == nil {
			return
		}
		select {
		case <-tick.C:
		case <-late:
			t.Fatal(err)
		}
	}
}

func TestPrivateKafkaKeepsItsDataThroughStopAndKill(t *testing.T) {
	k := StartKafka(t)
	addr := k.Addr()
	transport := &kafka.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	c := &kafka.Client{Addr: kafka.TCP(addr), Transport: transport}
	res, err := c.CreateTopics(t.Context(), &kafka.CreateTopicsRequest{Topics: []kafka.TopicConfig{{Topic: "orders", NumPartitions: 2, ReplicationFactor: 1}}})
	if err := errors.Join(err, res.Errors["orders"]); err != nil {
		t.Fatal(err)
	}
	for _, end := range []struct {
		name string
		do   func()
	}{{"stop", k.Stop}, {"kill", k.Kill}} {
		end.do()
		if conn, err := net.Dial("tcp", addr); err == nil {
			_ = conn.Close()
			t.Errorf("it still answers after a %s", end.name)
		}
		k.Start()
		out := KafkaTool(t, "org.apache.kafka.tools.TopicCommand", "--bootstrap-server", addr, "--list")
		if !strings.Contains(out, "orders") {
			t.Errorf("after a %s and a start the topics are %q", end.name, out)
		}
	}
}

func TestPrivatePostgresKeepsItsDataThroughStopAndKill(t *testing.T) {
	p := StartPostgres(t)
	url := p.URL()
	execute(t, url, "CREATE TABLE lane (id int)")
	for _, end := range []struct {
		name string
		do   func()
	}{{"stop", p.Stop}, {"kill", p.Kill}} {
		end.do()
		if conn, err := pgx.Connect(t.Context(), url); err == nil {
			_ = conn.Close(t.Context())
			t.Errorf("it still answers after a %s", end.name)
		}
		p.Start()
		execute(t, url, "INSERT INTO lane VALUES (1)")
	}
}

func TestPrivateRedisLosesItsData(t *testing.T) {
	r := StartRedis(t)
	c := redisClient(t, r.URL())
	if err := c.Set(t.Context(), "likes", 1, 0).Err(); err != nil {
		t.Fatal(err)
	}
	r.Kill()
	r.Start()
	if err := c.Get(t.Context(), "likes").Err(); !errors.Is(err, redis.Nil) {
		t.Errorf("a key survived the loss of Redis: %v", err)
	}
}
