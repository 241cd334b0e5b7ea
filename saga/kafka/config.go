package kafka

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strings"
)

// Config says where Kafka is and how to speak to it. Only Brokers has to be set; the zero value of everything else
// works: plain text, no login, no prefix, no log.
type Config struct {
	// Brokers are the addresses (host:port) to find the cluster by. One that answers is enough: the others are learned from it.
	Brokers []string
	// ClientID names this program in the brokers' logs, metrics and quotas. Defaults to "tiffin".
	ClientID string
	// TopicPrefix is put before the names of topics and groups on the wire and taken off on the way back, so that
	// several installations can share a cluster. Names in this package's API never have it.
	TopicPrefix string
	TLS         TLS
	SASL        SASL
	// Logger hears what happens to the members of groups. Defaults to silence.
	Logger *slog.Logger
}

// TLS says how connections are encrypted.
type TLS struct {
	Enabled bool
	// CAFile is a PEM file with the authorities that may have signed the brokers' certificates. Defaults to the system's.
	CAFile string
	// CertFile and KeyFile are the PEM files that this client shows to brokers that ask for a certificate. Both or none.
	CertFile, KeyFile string
	// ServerName is the name that the brokers' certificates must have. Defaults to the host of each address.
	ServerName string
}

// The mechanisms of SASL.
const (
	Plain       = "PLAIN"
	ScramSHA256 = "SCRAM-SHA-256"
	ScramSHA512 = "SCRAM-SHA-512"
)

// SASL says how this client logs in.
type SASL struct {
	Mechanism          string // "" (no login), Plain, ScramSHA256 or ScramSHA512
	Username, Password string
}

// Validate reports all faults of the configuration at once, each with the name of the field and what to write there.
func (c Config) Validate() error {
	var faults []error
	fault := func(format string, args ...any) { faults = append(faults, fmt.Errorf("kafka: "+format, args...)) }

	if len(c.Brokers) == 0 {
		fault("Brokers is empty: give at least one host:port")
	}
	for _, b := range c.Brokers {
		if host, port, err := net.SplitHostPort(b); err != nil || host == "" || port == "" {
			fault("Brokers has %q, which is not host:port", b)
		}
	}
	if i := strings.IndexFunc(c.TopicPrefix, notInTopicNames); i >= 0 {
		fault("TopicPrefix %q has a character that topic names can't have: use letters, digits, '.', '_' and '-'", c.TopicPrefix)
	}
	if !c.TLS.Enabled && c.TLS != (TLS{}) {
		fault("TLS has files or a server name but is not enabled: set TLS.Enabled, or connections would be plain text")
	}
	if (c.TLS.CertFile == "") != (c.TLS.KeyFile == "") {
		fault("TLS.CertFile and TLS.KeyFile belong together: set both or none")
	}
	switch c.SASL.Mechanism {
	case "":
		if c.SASL != (SASL{}) {
			fault("SASL has a user but no mechanism: set SASL.Mechanism to %s, %s or %s", Plain, ScramSHA256, ScramSHA512)
		}
	case Plain, ScramSHA256, ScramSHA512:
		if c.SASL.Username == "" || c.SASL.Password == "" {
			fault("SASL.Mechanism is %s: set SASL.Username and SASL.Password", c.SASL.Mechanism)
		}
	default:
		fault("SASL.Mechanism %q is not known: use %s, %s or %s", c.SASL.Mechanism, Plain, ScramSHA256, ScramSHA512)
	}
	return errors.Join(faults...)
}

func notInTopicNames(r rune) bool {
	switch {
	case 'a' <= r && r <= 'z', 'A' <= r && r <= 'Z', '0' <= r && r <= '9', r == '.', r == '_', r == '-':
		return false
	}
	return true
}
