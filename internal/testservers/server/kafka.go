package server

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/segmentio/kafka-go"

	"tiffin/internal/embedded/child"
)

const (
	kafkaFormatLimit = time.Minute
	kafkaReadyLimit  = time.Minute
	kafkaStopLimit   = 20 * time.Second
	toolLimit        = 2 * time.Minute
)

// Kafka is one node of Apache Kafka, broker and controller, that can be stopped, killed and started again.
type Kafka struct {
	libs, dir string
	addr      string
	process   *child.Process // nil until the first start
}

// NewKafka prepares a node with the jars in libs and its data in the empty folder dir; Start starts it.
func NewKafka(ctx context.Context, libs, dir string) (*Kafka, error) {
	broker, err := FreeAddr(ctx)
	if err != nil {
		return nil, err
	}
	controller, err := FreeAddr(ctx)
	if err != nil {
		return nil, err
	}
	k := &Kafka{libs: libs, dir: dir, addr: broker}
	if err := os.WriteFile(k.config(), []byte(properties(dir, broker, controller)), 0o644); err != nil {
		return nil, err
	}
	const clusterID = "dGlmZmluLXRlc3RrYWZrYQ" // 16 bytes: "tiffin-testkafka"
	_, err = child.Output(java(libs, "kafka.tools.StorageTool", "format", "-t", clusterID, "-c", k.config()), kafkaFormatLimit)
	if err != nil {
		return nil, fmt.Errorf("format Kafka's storage: %w", err)
	}
	return k, nil
}

func (k *Kafka) config() string { return filepath.Join(k.dir, "server.properties") }

// properties are those of a single node: everything that is replicated elsewhere has one copy, a group need not wait for more
// members, and no topic is created by a misspelt name.
func properties(dir, broker, controller string) string {
	return fmt.Sprintf(`process.roles=broker,controller
node.id=1
controller.quorum.voters=1@%[3]s
controller.listener.names=CONTROLLER
listeners=BROKER://%[2]s,CONTROLLER://%[3]s
advertised.listeners=BROKER://%[2]s
inter.broker.listener.name=BROKER
listener.security.protocol.map=BROKER:PLAINTEXT,CONTROLLER:PLAINTEXT
log.dirs=%[1]s
auto.create.topics.enable=false
default.replication.factor=1
min.insync.replicas=1
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=4
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
share.coordinator.state.topic.num.partitions=1
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=1000
log.segment.bytes=67108864
`, filepath.Join(dir, "log"), broker, controller)
}

// java is a command that runs a class of Kafka's jars in a small virtual machine.
func java(libs, class string, args ...string) child.Command {
	return child.Command{
		Path: "java",
		Args: append([]string{
			"-Xms128m", "-Xmx512m", "-XX:+UseSerialGC",
			"-Dorg.apache.logging.log4j.level=WARN", "-cp", filepath.Join(libs, "*"), class,
		}, args...),
	}
}

// Start runs the node, or runs it again with the same data and address, and returns when it answers.
func (k *Kafka) Start(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, kafkaReadyLimit)
	defer cancel()
	command := java(k.libs, "kafka.Kafka", k.config())
	command.Args = append([]string{"-Djava.io.tmpdir=" + k.dir}, command.Args...) // where a JVM that is killed leaves its native libraries
	process, err := child.Start(command)
	if err != nil {
		return err
	}
	k.process = process
	tick := time.NewTicker(readyPause)
	defer tick.Stop()
	for {
		err := answers(ctx, k.addr)
		if err == nil {
			return nil
		}
		select {
		case <-process.Done():
			return fmt.Errorf("Kafka ended while it started (%v): %s", process.Err(), process.Tail())
		case <-ctx.Done():
			process.Kill()
			return fmt.Errorf("Kafka is not ready (%w): %w: %s", ctx.Err(), err, process.Tail())
		case <-tick.C:
		}
	}
}

// answers asks the node for its brokers: there is one when it has registered with its controller.
func answers(ctx context.Context, addr string) error {
	transport := &kafka.Transport{}
	defer transport.CloseIdleConnections()
	client := &kafka.Client{Addr: kafka.TCP(addr), Transport: transport, Timeout: time.Second}
	m, err := client.Metadata(ctx, &kafka.MetadataRequest{Topics: []string{}})
	if err != nil {
		return err
	}
	if len(m.Brokers) == 0 {
		return errors.New("no broker has registered yet")
	}
	return nil
}

// Addr is the host:port to connect to; it stays the same over restarts.
func (k *Kafka) Addr() string { return k.addr }

// Stop shuts the node down as an operator does (SIGTERM).
func (k *Kafka) Stop() error {
	if k.process == nil {
		return nil
	}
	return k.process.Stop(syscall.SIGTERM, kafkaStopLimit)
}

// Kill ends the node as a crash does (SIGKILL).
func (k *Kafka) Kill() {
	if k.process != nil {
		k.process.Kill()
	}
}

// KafkaTool runs one of Kafka's console tools, a class such as org.apache.kafka.tools.TopicCommand, and returns what it printed (the
// last 8 KB of it).
func KafkaTool(libs, class string, args ...string) (string, error) {
	return child.Output(java(libs, class, args...), toolLimit)
}
