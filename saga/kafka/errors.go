package kafka

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"syscall"

	kafkago "github.com/segmentio/kafka-go"
)

// Errors that callers tell apart. Errors of this package wrap them, use errors.Is.
var (
	// ErrClosed is returned by calls on a closed client.
	ErrClosed = errors.New("kafka: the client is closed")
	// ErrUnknownTopic means that the cluster has no such topic or partition (yet: a new one takes a moment to be known everywhere).
	ErrUnknownTopic = errors.New("unknown topic or partition")
	// ErrOffsetOutOfRange means that a position is before the beginning of the log, because retention deleted what was
	// there, or beyond its end, because the topic is not the one that it was.
	ErrOffsetOutOfRange = errors.New("offset out of range")
	// ErrFenced means that the group has been dealt anew: this member's lanes are, or will be, another's.
	ErrFenced = errors.New("fenced: the group has been dealt anew")
	// ErrNotAuthorized means that the cluster's ACLs forbid it, or that the login failed.
	ErrNotAuthorized = errors.New("not authorized")
	// ErrTooLarge means that a record, alone in its batch, is larger than the topic allows (max.message.bytes).
	ErrTooLarge = errors.New("record too large")
	// ErrCorrupt means that bytes from a broker are not what their checksum or the protocol says.
	ErrCorrupt = errors.New("corrupt data")
)

// brokerError is an error code from a broker, with what the broker said about it.
type brokerError struct {
	code   kafkago.Error
	detail string
}

// codeError turns a code of the protocol into an error; 0 is nil.
func codeError(code int16, detail string) error {
	if code == 0 {
		return nil
	}
	return &brokerError{kafkago.Error(code), detail}
}

func (e *brokerError) Error() string {
	text := fmt.Sprintf("%s (code %d)", e.code.Title(), int(e.code))
	if e.detail != "" {
		text += ": " + e.detail
	}
	return text
}

// Unwrap gives the code, and the sentinel that callers know it by.
func (e *brokerError) Unwrap() []error {
	if s := sentinel(e.code); s != nil {
		return []error{e.code, s}
	}
	return []error{e.code}
}

func sentinel(code kafkago.Error) error {
	switch code {
	case kafkago.UnknownTopicOrPartition, kafkago.UnknownTopicID:
		return ErrUnknownTopic
	case kafkago.OffsetOutOfRange:
		return ErrOffsetOutOfRange
	case kafkago.IllegalGeneration, kafkago.UnknownMemberId, kafkago.FencedInstanceID, kafkago.RebalanceInProgress:
		return ErrFenced
	case kafkago.TopicAuthorizationFailed, kafkago.GroupAuthorizationFailed, kafkago.ClusterAuthorizationFailed,
		kafkago.SASLAuthenticationFailed, kafkago.UnsupportedSASLMechanism, kafkago.IllegalSASLState:
		return ErrNotAuthorized
	case kafkago.MessageSizeTooLarge, kafkago.RecordListTooLarge:
		return ErrTooLarge
	case kafkago.InvalidMessage:
		return ErrCorrupt
	}
	return nil
}

// staleLeader tells whether the code means that our idea of who leads the partition is wrong.
func staleLeader(code int16) bool {
	switch kafkago.Error(code) {
	case kafkago.NotLeaderForPartition, kafkago.LeaderNotAvailable, kafkago.ReplicaNotAvailable, kafkago.UnknownTopicOrPartition,
		kafkago.FencedLeaderEpoch, kafkago.UnknownLeaderEpoch, kafkago.KafkaStorageError, kafkago.UnknownTopicID:
		return true
	}
	return false
}

// Retryable tells whether the same call may succeed later without anyone changing the data or the configuration.
func Retryable(err error) bool {
	var produce *ProduceError
	var code kafkago.Error
	var network net.Error
	var errno syscall.Errno
	switch {
	case err == nil:
		return false
	case errors.As(err, &produce):
		// What was refused would be refused again, and the records behind it wait for a decision about it.
		return len(produce.Refused) == 0 && Retryable(produce.Err)
	case errors.Is(err, ErrClosed), errors.Is(err, context.Canceled):
		// We have been told to stop.
		return false
	case errors.Is(err, context.DeadlineExceeded):
		// Nobody answered in time; somebody may now.
		return true
	case untrusted(err):
		// The certificate stays what it is; retrying would hide a wrong configuration, or an attacker.
		return false
	case errors.As(err, &code):
		return retryableCode(code)
	case errors.Is(err, ErrUnknownTopic):
		// Topics are made by whoever starts first, and become known broker by broker.
		return true
	case errors.Is(err, ErrCorrupt):
		// Damaged on the way, with luck. If it is the disk, each retry says so again, in the log.
		return true
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, net.ErrClosed):
		// The connection broke: a broker restarts, or closes what was idle.
		return true
	case errors.As(err, &network), errors.As(err, &errno):
		// Refused, reset, unreachable, not resolved: machines come back, and names appear.
		return true
	}
	// Anything else is a fault that nobody thought of; repeating it would not be a thought either.
	return false
}

func retryableCode(code kafkago.Error) bool {
	switch code {
	case kafkago.LeaderNotAvailable, kafkago.NotLeaderForPartition, kafkago.ReplicaNotAvailable, kafkago.UnknownTopicOrPartition,
		kafkago.FencedLeaderEpoch, kafkago.UnknownLeaderEpoch, kafkago.OffsetNotAvailable, kafkago.UnknownTopicID,
		kafkago.InconsistentTopicID, kafkago.EligibleLeadersNotAvailable, kafkago.PreferredLeaderNotAvailable:
		// The leader moved, or is being elected.
		return true
	case kafkago.NotEnoughReplicas, kafkago.NotEnoughReplicasAfterAppend, kafkago.KafkaStorageError:
		// A broker is down, or its disk; the others take over. (After append: it may be in the log already.)
		return true
	case kafkago.GroupLoadInProgress, kafkago.GroupCoordinatorNotAvailable, kafkago.NotCoordinatorForGroup, kafkago.NotController,
		kafkago.UnstableOffsetCommit:
		// The coordinator or the controller moves, or starts.
		return true
	case kafkago.RequestTimedOut, kafkago.NetworkException, kafkago.BrokerNotAvailable, kafkago.ThrottlingQuotaExceeded,
		kafkago.ConcurrentTransactions, kafkago.ReassignmentInProgress:
		// The cluster is slow, or asks us to be. (Broker not available: our list of brokers is a moment behind.)
		return true
	case kafkago.InvalidMessage:
		// A checksum failed: damaged on the way.
		return true
	}
	// The rest says that the request is wrong (too large, invalid record, invalid topic, out of range), that this client
	// may not (authorization), or that it is late (fenced): the same again gets the same answer.
	return false
}

func untrusted(err error) bool {
	var (
		verification *tls.CertificateVerificationError
		authority    x509.UnknownAuthorityError
		hostname     x509.HostnameError
		invalid      x509.CertificateInvalidError
	)
	return errors.As(err, &verification) || errors.As(err, &authority) || errors.As(err, &hostname) || errors.As(err, &invalid)
}
