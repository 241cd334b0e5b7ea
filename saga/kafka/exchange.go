package kafka

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/segmentio/kafka-go/protocol"
)

// Addressees of an exchange other than the id of a broker.
const (
	anyBroker  int32 = -1
	controller int32 = -2
)

// exchange is one request to one broker and its answer, over a connection of the transport.
//
// It implements kafka-go's RawExchanger, which hands it the connection. The transport would else answer metadata
// from its cache, route by leaders that it can't be told to refresh, split ListOffsets into a request and a
// connection per partition, and decode records with some twenty allocations each.
type exchange struct {
	key        protocol.ApiKey
	to         int32 // id of a broker, anyBroker or controller
	minVersion int16 // of the API; a broker that can't speak it is too old

	send    func(w io.Writer, version int16, correlation int32) error
	receive func(r io.Reader, version int16) (correlation int32, err error)

	version     int16
	correlation int32
}

func (e *exchange) ApiKey() protocol.ApiKey { return e.key }

func (e *exchange) Broker(cluster protocol.Cluster) (protocol.Broker, error) {
	if e.to == controller {
		if b, ok := cluster.Brokers[cluster.Controller]; ok {
			return b, nil
		}
		return protocol.Broker{ID: anyBroker}, nil
	}
	return protocol.Broker{ID: e.to}, nil
}

func (e *exchange) Required(versions map[protocol.ApiKey]int16) bool {
	e.version = versions[e.key]
	return true
}

func (e *exchange) RawExchange(rw io.ReadWriter) (protocol.Message, error) {
	if e.version < e.minVersion {
		return nil, fmt.Errorf("the broker speaks %s only up to version %d: Kafka 2.3 or later is needed", e.key, e.version)
	}
	if err := e.send(rw, e.version, e.correlation); err != nil {
		return nil, err
	}
	got, err := e.receive(rw, e.version)
	if err != nil {
		return nil, err
	}
	if got != e.correlation {
		return nil, fmt.Errorf("%w: the answer to request %d came for %d", ErrCorrupt, got, e.correlation)
	}
	return e, nil
}

// do runs the exchange. The answer may be looked at only if the error is nil: after a timeout the connection may still be
// writing it.
func (c *Client) do(ctx context.Context, e *exchange, timeout time.Duration) error {
	if c.life.Err() != nil {
		return ErrClosed
	}
	e.correlation = c.correlation.Add(1)
	// The deadline also becomes the connection's, so that one that is cut off does not wait for ever after ctx ended.
	bounded, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	_, err := c.transport.RoundTrip(bounded, c.addr, e)
	switch {
	case err == nil:
		return nil
	case c.life.Err() != nil:
		return ErrClosed
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("no answer from Kafka in %s: %w", timeout, err)
	}
	return err
}

// call sends a message of kafka-go's and returns the answer to it.
func (c *Client) call(ctx context.Context, to int32, request protocol.Message) (protocol.Message, error) {
	var response protocol.Message
	e := &exchange{
		key:  request.ApiKey(),
		to:   to,
		send: c.sendMessage(request),
		receive: func(r io.Reader, version int16) (correlation int32, err error) {
			correlation, response, err = protocol.ReadResponse(r, request.ApiKey(), version)
			return correlation, err
		},
	}
	if err := c.do(ctx, e, requestTimeout); err != nil {
		return nil, err
	}
	return response, nil
}

func (c *Client) sendMessage(request protocol.Message) func(io.Writer, int16, int32) error {
	return func(w io.Writer, version int16, correlation int32) error {
		return protocol.WriteRequest(w, version, correlation, c.config.ClientID, request)
	}
}
