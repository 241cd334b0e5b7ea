package embedded

import (
	"bufio"
	"context"
	"errors"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/segmentio/kafka-go"
	"go.uber.org/goleak"

	"tiffin/internal/testservers/server"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func startKafka(t *testing.T, dir, addr string) *Kafka {
	t.Helper()
	k, err := StartKafka(KafkaConfig{Dir: dir, Addr: addr})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := k.Close(); err != nil {
			t.Error(err)
		}
	})
	return k
}

// ownAddr is an address for a server that goes and comes back: of the ports that are handed out for port 0, somebody else could get it meanwhile.
func ownAddr(t *testing.T) string {
	t.Helper()
	addr, err := server.FreeAddr(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return addr
}

// client talks to the broker until the test ends.
func client(t *testing.T, addr string) *kafka.Client {
	t.Helper()
	transport := &kafka.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	return &kafka.Client{Addr: kafka.TCP(addr), Transport: transport}
}

func TestKafkaKeepsTopicsAndRecordsBetweenStarts(t *testing.T) {
	ctx, dir := t.Context(), t.TempDir()
	k := startKafka(t, dir, ownAddr(t))
	c := client(t, k.Addr())
	createTopic(t, c, "orders", 3)
	produce(t, c, "orders", "placed")
	if err := k.Close(); err != nil {
		t.Fatal(err)
	}

	again := startKafka(t, dir, k.Addr()) // the same port is free again at once
	if again.Addr() != k.Addr() {
		t.Errorf("Addr() = %s, want %s", again.Addr(), k.Addr())
	}
	c = client(t, again.Addr())
	m, err := c.Metadata(ctx, &kafka.MetadataRequest{})
	if err != nil {
		t.Fatal(err)
	}
	if len(m.Topics) != 1 || m.Topics[0].Name != "orders" || len(m.Topics[0].Partitions) != 3 {
		t.Errorf("topics after the second start: %+v", m.Topics)
	}
	if got := fetch0(t, c, "orders"); got != "placed" {
		t.Errorf("first record after the second start is %q, want placed", got)
	}
}

// An acknowledged record is on disk: a kill -9 right after the acknowledgement loses nothing.
func TestKafkaKeepsAcknowledgedRecordsThroughKill(t *testing.T) {
	dir := t.TempDir()
	parent := exec.Command(os.Args[0], "-test.run=^TestParentOfKafka$")
	parent.Env = append(os.Environ(), "TIFFIN_PARENT_DIR="+dir)
	out, err := parent.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := parent.Start(); err != nil {
		t.Fatal(err)
	}
	said, _ := bufio.NewReader(out).ReadString('\n')
	if err := parent.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = parent.Wait() // it was killed
	if said != "acknowledged\n" {
		t.Fatalf("the broker that was to be killed said %q", said)
	}
	k := startKafka(t, dir, "127.0.0.1:0")
	if got := fetch0(t, client(t, k.Addr()), "orders"); got != "placed" {
		t.Errorf("first record after the kill is %q, want placed", got)
	}
}

// TestParentOfKafka is the process that TestKafkaKeepsAcknowledgedRecordsThroughKill kills.
func TestParentOfKafka(t *testing.T) {
	dir := os.Getenv("TIFFIN_PARENT_DIR")
	if dir == "" {
		t.Skip("runs as a child of TestKafkaKeepsAcknowledgedRecordsThroughKill")
	}
	c := client(t, startKafka(t, dir, "127.0.0.1:0").Addr())
	createTopic(t, c, "orders", 1)
	produce(t, c, "orders", "placed")
	if _, err := os.Stdout.WriteString("acknowledged\n"); err != nil {
		t.Fatal(err)
	}
	select {} // until killed
}

func createTopic(t *testing.T, c *kafka.Client, name string, partitions int, config ...kafka.ConfigEntry) {
	t.Helper()
	res, err := c.CreateTopics(t.Context(), &kafka.CreateTopicsRequest{Topics: []kafka.TopicConfig{{
		Topic: name, NumPartitions: partitions, ReplicationFactor: 1, ConfigEntries: config,
	}}})
	if err == nil {
		err = res.Errors[name]
	}
	if err != nil {
		t.Fatal(err)
	}
}

func TestKafkaDoesNotOfferWhatJavaToolsChokeOn(t *testing.T) {
	k := startKafka(t, t.TempDir(), "127.0.0.1:0")
	versions, err := client(t, k.Addr()).ApiVersions(t.Context(), &kafka.ApiVersionsRequest{})
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range versions.ApiKeys {
		if v.ApiKey == describeTopicPartitions {
			t.Error("DescribeTopicPartitions is offered: kafka-topics --describe will crash")
		}
	}
	if len(versions.ApiKeys) < 30 {
		t.Errorf("only %d requests are offered", len(versions.ApiKeys))
	}
}

func TestKafkaCreatesNoTopicOnFirstUse(t *testing.T) {
	k := startKafka(t, t.TempDir(), "127.0.0.1:0")
	m, err := client(t, k.Addr()).Metadata(t.Context(), &kafka.MetadataRequest{Topics: []string{"ordres"}})
	if err != nil {
		t.Fatal(err)
	}
	if !errors.Is(m.Topics[0].Error, kafka.UnknownTopicOrPartition) {
		t.Errorf("a misspelt topic's error is %v", m.Topics[0].Error)
	}
}

func TestKafkaRefusals(t *testing.T) {
	busy, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = busy.Close() }()
	_, port, _ := net.SplitHostPort(busy.Addr().String())
	used := t.TempDir()
	startKafka(t, used, "127.0.0.1:0")

	for name, c := range map[string]struct {
		config KafkaConfig
		says   []string
	}{
		"port taken":         {KafkaConfig{Dir: t.TempDir(), Addr: busy.Addr().String()}, []string{"port " + port + " is taken", "--kafka-addr"}},
		"directory in use":   {KafkaConfig{Dir: used, Addr: "127.0.0.1:0"}, []string{"another Tiffin is using " + used}},
		"no directory":       {KafkaConfig{Addr: "127.0.0.1:0"}, []string{"no data directory"}},
		"all interfaces":     {KafkaConfig{Dir: t.TempDir(), Addr: "0.0.0.0:0"}, []string{"needs a host", "--kafka-addr"}},
		"not an address":     {KafkaConfig{Dir: t.TempDir(), Addr: "9092"}, []string{"not a host:port", "--kafka-addr"}},
		"no such port":       {KafkaConfig{Dir: t.TempDir(), Addr: "127.0.0.1:99999"}, []string{"no such port"}},
		"foreign host":       {KafkaConfig{Dir: t.TempDir(), Addr: "192.0.2.1:0"}, []string{"can't listen on 192.0.2.1:0", "--kafka-addr"}},
		"unusable directory": {KafkaConfig{Dir: "/dev/null/x", Addr: "127.0.0.1:0"}, []string{"create data directory"}},
	} {
		t.Run(name, func(t *testing.T) {
			k, err := StartKafka(c.config)
			if err == nil {
				_ = k.Close()
				t.Fatal("started")
			}
			for _, want := range c.says {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("error %q does not say %q", err, want)
				}
			}
		})
	}
}

func TestKafkaRefusedPortLeavesDirectoryUnlocked(t *testing.T) {
	dir := t.TempDir()
	k := startKafka(t, t.TempDir(), "127.0.0.1:0")
	if _, err := StartKafka(KafkaConfig{Dir: dir, Addr: k.Addr()}); err == nil {
		t.Fatal("two brokers on one port")
	}
	startKafka(t, dir, "127.0.0.1:0")
}

func TestKafkaRemovesWhatIsPastItsRetention(t *testing.T) {
	k := startKafka(t, t.TempDir(), "127.0.0.1:0")
	c := client(t, k.Addr())
	createTopic(t, c, "likes", 1, kafka.ConfigEntry{ConfigName: "retention.bytes", ConfigValue: "1"})
	produce(t, c, "likes", "liked")
	k.cluster.ApplyRetention() // what retain does at every tick
	offsets, err := c.ListOffsets(t.Context(), &kafka.ListOffsetsRequest{Topics: map[string][]kafka.OffsetRequest{"likes": {kafka.FirstOffsetOf(0)}}})
	if err != nil {
		t.Fatal(err)
	}
	if first := offsets.Topics["likes"][0].FirstOffset; first != 1 {
		t.Errorf("first offset is %d, want 1: the record is past its retention", first)
	}
}

func produce(t *testing.T, c *kafka.Client, topic, value string) {
	t.Helper()
	res, err := c.Produce(t.Context(), &kafka.ProduceRequest{
		Topic: topic, Partition: 0, RequiredAcks: kafka.RequireAll,
		Records: kafka.NewRecordReader(kafka.Record{Value: kafka.NewBytes([]byte(value))}),
	})
	if err == nil {
		err = res.Error
	}
	if err != nil {
		t.Fatal(err)
	}
}

// fetch0 reads the first record of partition 0.
func fetch0(t *testing.T, c *kafka.Client, topic string) string {
	t.Helper()
	res, err := c.Fetch(context.WithoutCancel(t.Context()), &kafka.FetchRequest{Topic: topic, Partition: 0, MinBytes: 1, MaxBytes: 1 << 20})
	if err == nil {
		err = res.Error
	}
	if err != nil {
		t.Fatal(err)
	}
	r, err := res.Records.ReadRecord()
	if err != nil {
		t.Fatal(err)
	}
	value, err := kafka.ReadAll(r.Value)
	if err != nil {
		t.Fatal(err)
	}
	return string(value)
}
