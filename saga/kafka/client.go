package kafka

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	kafkago "github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/sasl"
	"github.com/segmentio/kafka-go/sasl/plain"
	"github.com/segmentio/kafka-go/sasl/scram"
)

const (
	// dialTimeout is for the whole of a connection: TCP, TLS, API versions, SASL.
	dialTimeout = 5 * time.Second
	// requestTimeout is how long a broker may take to answer; a long poll's wait comes on top. It is more than
	// ackTimeout: the broker, who knows more, should be the first to give up.
	requestTimeout = 15 * time.Second
	// ackTimeout is how long a leader may wait for its replicas before it says that there are not enough.
	ackTimeout = 10 * time.Second
	// idleTimeout closes unused connections. Brokers do the same after ten minutes; ours comes first, or a request
	// would now and then be sent into a connection that is just being closed.
	idleTimeout = time.Minute
	// brokersTTL bounds the age of the list of brokers (addresses only: leaders are cached in metadata.go and
	// refreshed when they are wrong). It is what a restarted broker's new address takes to be known, and how soon a
	// client that started before Kafka notices it.
	brokersTTL = 2 * time.Second
)

// Client speaks to one cluster. It is safe for concurrent use.
type Client struct {
	config    Config
	log       *slog.Logger
	addr      net.Addr
	transport *kafkago.Transport
	admin     *kafkago.Client
	tls       *tls.Config
	sasl      sasl.Mechanism
	life      context.Context // ends with Close, and takes every connection with it
	end       context.CancelFunc

	leaders     leaderCache
	frames      sync.Pool    // *[]byte: written produce requests, for reuse
	correlation atomic.Int32 // number of the last request
}

// Open makes a client. It does not connect: a wrong address shows in the first call, see [Client.Ping]. It fails if the
// configuration is invalid or a file of its TLS can't be read.
func Open(config Config) (*Client, error) {
	if err := config.Validate(); err != nil {
		return nil, err
	}
	if config.ClientID == "" {
		config.ClientID = "tiffin"
	}
	if config.Logger == nil {
		config.Logger = slog.New(slog.DiscardHandler)
	}
	c := &Client{config: config, log: config.Logger, addr: kafkago.TCP(config.Brokers...)}
	var err error
	if c.tls, err = tlsConfig(config.TLS); err != nil {
		return nil, err
	}
	if c.sasl, err = mechanism(config.SASL); err != nil {
		return nil, err
	}
	if c.tls == nil && config.SASL.Mechanism == Plain {
		c.log.Warn("kafka: PLAIN without TLS sends the password in clear text; enable TLS or use SCRAM")
	}
	c.life, c.end = context.WithCancel(context.Background())
	c.transport = c.newTransport()
	c.admin = &kafkago.Client{Addr: c.addr, Transport: c.transport, Timeout: requestTimeout}
	return c, nil
}

// Close ends all connections. Calls that still wait return [ErrClosed]. End the contexts of Join first, and wait for it:
// a member that can't say goodbye keeps its lanes until its session times out.
func (c *Client) Close() {
	c.end()
	c.transport.CloseIdleConnections()
}

// newTransport makes the pool of connections for everything but group membership.
func (c *Client) newTransport() *kafkago.Transport {
	return &kafkago.Transport{
		Dial:        dialIn(c.life), // so that Close also ends connections that wait for an answer
		Context:     c.life,         // or its refresh of the brokers would outlive Close
		ClientID:    c.config.ClientID,
		TLS:         c.tls,
		SASL:        c.sasl,
		DialTimeout: dialTimeout,
		IdleTimeout: idleTimeout,
		MetadataTTL: brokersTTL,
		// Empty, not nil: nil means every topic of the cluster, every time, which in a large one is megabytes.
		MetadataTopics: []string{},
	}
}

// newDialer makes the dialer for one group member: the same TLS and SASL as the transport's, from the same fields.
// Its connections end with life.
func (c *Client) newDialer(life context.Context) *kafkago.Dialer {
	return &kafkago.Dialer{
		DialFunc:      dialIn(life),
		ClientID:      c.config.ClientID,
		TLS:           c.tls,
		SASLMechanism: c.sasl,
		Timeout:       dialTimeout,
	}
}

// newGroup makes a member of a group and starts to join at once. Its connections end with life.
func (c *Client) newGroup(life context.Context, m Membership) (*kafkago.ConsumerGroup, error) {
	group, err := kafkago.NewConsumerGroup(kafkago.ConsumerGroupConfig{
		ID:      c.wire(m.Group),
		Brokers: c.config.Brokers,
		Dialer:  c.newDialer(life),
		Topics:  c.wireAll(m.Topics),
		// Only ours: a group must not fall back to one that crosses partitions between topics.
		GroupBalancers:    []kafkago.GroupBalancer{laneBalancer{}},
		HeartbeatInterval: m.Heartbeat,
		SessionTimeout:    m.SessionTimeout,
		RebalanceTimeout:  m.RebalanceTimeout,
		// For each answer of the coordinator. When heartbeats get none, Hold must end before the broker deals
		// the lanes out again, which is one session after the last heartbeat that it heard.
		Timeout: (m.SessionTimeout - m.Heartbeat) / 2,
		// Waiting is up to Join, which makes a new group after each failure: this one must not try again before it is closed.
		JoinGroupBackoff: maxRejoin,
		// The number of lanes is fixed by declaration: a topic that grows is no reason to rebalance. With the next rebalance its new
		// partitions are dealt too, and whoever has them has to say that they are no lanes.
		WatchPartitionChanges: false,
		// The runtime keeps its own offsets and asks Committed for Kafka's: this is never used.
		StartOffset: kafkago.FirstOffset,
		Logger: kafkago.LoggerFunc(func(format string, args ...any) {
			c.log.Debug("kafka: " + strings.TrimSpace(fmt.Sprintf(format, args...)))
		}),
	})
	if err != nil {
		return nil, fmt.Errorf("kafka: group %s: %w", m.Group, err)
	}
	return group, nil
}

// dialIn returns a dial function whose connections, open or being opened, end with life.
func dialIn(life context.Context) func(context.Context, string, string) (net.Conn, error) {
	dialer := &net.Dialer{
		Timeout:   dialTimeout,
		KeepAlive: 15 * time.Second, // to notice a peer that vanished without a word while a poll waits
	}
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		defer context.AfterFunc(life, cancel)()
		conn, err := dialer.DialContext(ctx, network, address)
		if err != nil {
			return nil, err
		}
		return &boundConn{Conn: conn, release: context.AfterFunc(life, func() { conn.Close() })}, nil
	}
}

// boundConn is a connection that is closed when its owner's life ends.
type boundConn struct {
	net.Conn
	release func() bool
}

func (c *boundConn) Close() error {
	c.release()
	return c.Conn.Close()
}

func tlsConfig(t TLS) (*tls.Config, error) {
	if !t.Enabled {
		return nil, nil
	}
	config := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: t.ServerName}
	if t.CAFile != "" {
		pem, err := os.ReadFile(t.CAFile)
		if err != nil {
			return nil, fmt.Errorf("kafka: TLS.CAFile: %w", err)
		}
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("kafka: TLS.CAFile %s has no certificate in PEM form", t.CAFile)
		}
	}
	if t.CertFile != "" {
		cert, err := tls.LoadX509KeyPair(t.CertFile, t.KeyFile)
		if err != nil {
			return nil, fmt.Errorf("kafka: TLS.CertFile and TLS.KeyFile: %w", err)
		}
		config.Certificates = []tls.Certificate{cert}
	}
	return config, nil
}

func mechanism(s SASL) (sasl.Mechanism, error) {
	switch s.Mechanism {
	case "":
		return nil, nil
	case Plain:
		return plain.Mechanism{Username: s.Username, Password: s.Password}, nil
	case ScramSHA256:
		return scramMechanism(scram.SHA256, s)
	case ScramSHA512:
		return scramMechanism(scram.SHA512, s)
	}
	return nil, errors.New("kafka: unknown SASL mechanism " + s.Mechanism)
}

func scramMechanism(algorithm scram.Algorithm, s SASL) (sasl.Mechanism, error) {
	m, err := scram.Mechanism(algorithm, s.Username, s.Password)
	if err != nil {
		return nil, fmt.Errorf("kafka: SASL.Username or SASL.Password can't be used with SCRAM: %w", err)
	}
	return m, nil
}

// wire returns the name of a topic or group as the brokers know it.
func (c *Client) wire(name string) string { return c.config.TopicPrefix + name }

func (c *Client) wireAll(names []string) []string {
	wire := make([]string, len(names))
	for i, name := range names {
		wire[i] = c.wire(name)
	}
	return wire
}

// unwire is the inverse of wire.
func (c *Client) unwire(name string) string { return strings.TrimPrefix(name, c.config.TopicPrefix) }
