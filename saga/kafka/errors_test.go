package kafka

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"syscall"
	"testing"

	kafkago "github.com/segmentio/kafka-go"
)

func TestRetryable(t *testing.T) {
	code := func(c kafkago.Error) error { return fmt.Errorf("wrapped: %w", codeError(int16(c), "")) }
	for _, c := range []struct {
		err  error
		want bool
	}{
		{nil, false},
		{errors.New("something else"), false},
		{io.EOF, true},
		{fmt.Errorf("read: %w", io.ErrUnexpectedEOF), true},
		{&net.OpError{Op: "dial", Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}, true},
		{&net.DNSError{Name: "kafka", IsNotFound: true}, true},
		{net.ErrClosed, true},
		{syscall.ECONNRESET, true},
		{context.DeadlineExceeded, true},
		{context.Canceled, false},
		{ErrClosed, false},
		{ErrUnknownTopic, true},
		{ErrCorrupt, true},
		{code(kafkago.NotLeaderForPartition), true},
		{code(kafkago.LeaderNotAvailable), true},
		{code(kafkago.NotEnoughReplicas), true},
		{code(kafkago.NotEnoughReplicasAfterAppend), true},
		{code(kafkago.RequestTimedOut), true},
		{code(kafkago.GroupCoordinatorNotAvailable), true},
		{code(kafkago.NotCoordinatorForGroup), true},
		{code(kafkago.BrokerNotAvailable), true},
		{code(kafkago.UnknownTopicOrPartition), true},
		{code(kafkago.InvalidMessage), true},
		{code(kafkago.TopicAuthorizationFailed), false},
		{code(kafkago.GroupAuthorizationFailed), false},
		{code(kafkago.SASLAuthenticationFailed), false},
		{code(kafkago.MessageSizeTooLarge), false},
		{code(kafkago.InvalidTopic), false},
		{code(kafkago.InvalidRecord), false},
		{code(kafkago.InvalidTimestamp), false},
		{code(kafkago.OffsetOutOfRange), false},
		{code(kafkago.IllegalGeneration), false},
		{&ProduceError{Unknown: []int{1}, Err: io.EOF}, true},
		{&ProduceError{Refused: []Refusal{{0, ErrTooLarge}}, Err: io.EOF}, false},
	} {
		if got := Retryable(c.err); got != c.want {
			t.Errorf("%v: %t", c.err, got)
		}
	}
}

func TestCodesHaveSentinels(t *testing.T) {
	for code, want := range map[kafkago.Error]error{
		kafkago.OffsetOutOfRange:         ErrOffsetOutOfRange,
		kafkago.UnknownTopicOrPartition:  ErrUnknownTopic,
		kafkago.IllegalGeneration:        ErrFenced,
		kafkago.UnknownMemberId:          ErrFenced,
		kafkago.TopicAuthorizationFailed: ErrNotAuthorized,
		kafkago.MessageSizeTooLarge:      ErrTooLarge,
	} {
		err := codeError(int16(code), "what the broker said")
		if !errors.Is(err, want) || !errors.Is(err, code) {
			t.Errorf("%v is not %v", err, want)
		}
	}
	if codeError(0, "") != nil {
		t.Error("0 is an error")
	}
}
