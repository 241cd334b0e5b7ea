package embedded

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kversion"
)

// What the broker keeps of a topic that sets no retention.bytes or retention.ms of its own. A topic
// should set them, since only its owner knows how long a consumer may be away; these are here so that
// no topic, not even one made by hand with a console tool, can grow for ever.
const (
	DefaultRetention      = 7 * 24 * time.Hour
	DefaultRetentionBytes = 64 << 20 // of each partition
)

// segmentBytes is how much goes into one file of a partition's log. Files are removed whole, so a
// partition uses up to this much more than its retention.
const segmentBytes = 16 << 20

// retentionInterval is how often old records are removed. kfake's own interval is an hour, and it
// forgets about it when it opens an existing directory, so we do it ourselves.
const retentionInterval = 30 * time.Second

// Two requests that kfake answers with a null where Java's tools expect a list, so that they crash. To them
// a broker that does not offer a request, or not its newer versions, is an older one, and they know what to do.
const (
	describeTopicPartitions = 75 // not offered at all
	createTopics            = 19
	createTopicsVersion     = 4 // 5 began to answer with the new topic's settings
)

// KafkaConfig says where the embedded development broker keeps its data and where it listens.
type KafkaConfig struct {
	// Dir keeps topics, records and offsets between starts. Required.
	Dir string

	// Addr is where to listen, and what clients are told to connect to, so it must name a host that
	// they can reach. Port 0 takes any free port. Defaults to 127.0.0.1:9092.
	Addr string

	// Log receives the broker's warnings, one a line. Defaults to none.
	Log io.Writer
}

// Kafka is an embedded development broker that is running.
type Kafka struct {
	cluster *kfake.Cluster
	addr    string
	lock    *os.File
	stop    chan struct{}
	stopped chan struct{}
	close   func() error
}

// StartKafka starts the embedded development broker, with whatever an earlier one left in Dir. Every
// acknowledged record is on disk (fsync), so a kill -9 loses none. Topics are not created on first
// use: a misspelt name is an error, as it should be.
func StartKafka(c KafkaConfig) (*Kafka, error) {
	addr := cmp.Or(c.Addr, "127.0.0.1:9092")
	host, port, err := splitAddr(addr, "--kafka-addr")
	if err != nil {
		return nil, err
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		return nil, fmt.Errorf("%s: clients are told to connect to this address, so it needs a host that they can reach: give one with --kafka-addr", addr)
	}
	lock, err := lockDir(c.Dir)
	if err != nil {
		return nil, err
	}
	var taken error
	versions := kversion.Stable()
	versions.SetMaxKeyVersion(describeTopicPartitions, -1)
	versions.SetMaxKeyVersion(createTopics, createTopicsVersion)
	options := []kfake.Opt{
		kfake.Ports(port), // one broker
		kfake.ListenFn(func(network, _ string) (net.Listener, error) {
			l, err := net.Listen(network, addr)
			if err != nil {
				taken = portTaken("Kafka", addr, "--kafka-addr", err)
			}
			return l, err
		}),
		kfake.ClusterID("tiffin"),
		kfake.DataDir(filepath.Join(c.Dir, "log")),
		kfake.SyncWrites(),
		kfake.MaxVersions(versions),
		kfake.BrokerConfigs(map[string]string{
			"log.retention.bytes": strconv.Itoa(DefaultRetentionBytes),
			"log.retention.ms":    strconv.FormatInt(DefaultRetention.Milliseconds(), 10),
			"log.segment.bytes":   strconv.Itoa(segmentBytes),
		}),
	}
	if c.Log != nil {
		options = append(options, kfake.WithLogger(kfake.BasicLogger(c.Log, kfake.LogLevelWarn)))
	}
	cluster, err := kfake.NewCluster(options...)
	if err != nil {
		if taken == nil {
			taken = fmt.Errorf("open the embedded Kafka in %s: %w", c.Dir, err)
		}
		return nil, errors.Join(taken, lock.Close())
	}
	k := &Kafka{cluster: cluster, addr: cluster.ListenAddrs()[0], lock: lock, stop: make(chan struct{}), stopped: make(chan struct{})}
	k.close = sync.OnceValue(k.shutDown)
	go k.retain()
	return k, nil
}

// Addr is the host:port to connect to.
func (k *Kafka) Addr() string { return k.addr }

// Close stops the broker and saves its state; calls after the first do nothing.
func (k *Kafka) Close() error { return k.close() }

func (k *Kafka) shutDown() error {
	close(k.stop)
	<-k.stopped // it must not ask a broker that is gone
	k.cluster.Close()
	return k.lock.Close()
}

// retain removes what is past its retention until the broker is closed.
func (k *Kafka) retain() {
	defer close(k.stopped)
	tick := time.NewTicker(retentionInterval)
	defer tick.Stop()
	for {
		select {
		case <-k.stop:
			return
		case <-tick.C:
			k.cluster.ApplyRetention()
		}
	}
}

// splitAddr takes a host:port apart that was given with the flag.
func splitAddr(addr, flag string) (host string, port int, err error) {
	host, p, err := net.SplitHostPort(addr)
	if err == nil {
		port, err = strconv.Atoi(p)
	}
	if err == nil && (port < 0 || port > 65535) {
		err = errors.New("no such port")
	}
	if err != nil {
		return "", 0, fmt.Errorf("%q is not a host:port (%s): %w", addr, flag, err)
	}
	return host, port, nil
}
