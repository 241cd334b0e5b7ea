package embedded_test

import (
	"strings"
	"testing"

	"github.com/segmentio/kafka-go"

	"tiffin/internal/embedded"
	"tiffin/internal/testservers"
)

// Users look at topics with Kafka's own console tools, so these must work on the embedded broker as on a real one.
func TestJavaConsoleToolsWorkOnEmbeddedKafka(t *testing.T) {
	k, err := embedded.StartKafka(embedded.KafkaConfig{Dir: t.TempDir(), Addr: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := k.Close(); err != nil {
			t.Error(err)
		}
	})
	expect := func(want, class, args string) {
		t.Helper()
		out := testservers.KafkaTool(t, "org.apache.kafka.tools."+class, append([]string{"--bootstrap-server", k.Addr()}, strings.Fields(args)...)...)
		if !strings.Contains(out, want) {
			t.Errorf("%s %s prints %q, want %q in it", class, args, out, want)
		}
	}
	expect("Created topic orders", "TopicCommand", "--create --topic orders --partitions 3")
	expect("PartitionCount: 3", "TopicCommand", "--describe --topic orders")
	conn, err := kafka.DialLeader(t.Context(), "tcp", k.Addr(), "orders", 2)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }() // nothing is pending on it
	if _, err := conn.WriteMessages(kafka.Message{Value: []byte("an order")}); err != nil {
		t.Fatal(err)
	}
	expect("orders:2:1", "GetOffsetShell", "--topic orders")
	expect("an order", "consumer.ConsoleConsumer", "--topic orders --group kitchen --from-beginning --max-messages 1 --timeout-ms 20000")
	expect("orders", "consumer.group.ConsumerGroupCommand", "--describe --group kitchen")
}
