package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"
)

// maxReadyBytes is how much of an answer is shown.
const maxReadyBytes = 64 << 10

type readyCommand struct {
	Addr    string        `arg:"" optional:"" default:"${ops_addr}" env:"TIFFIN_OPS_ADDR" placeholder:"HOST:PORT" help:"Where the process serves /readyz: its --ops-addr, or --api-addr if it has an API. Default: ${ops_addr}."`
	Timeout time.Duration `default:"3s" placeholder:"TIME" help:"How long to wait for the answer. Default: 3s."`
}

// Run asks a process whether it is ready, for health checks in images that have no shell. It fails if it is not.
func (c readyCommand) Run(ctx context.Context, s streams) error {
	host, port, err := net.SplitHostPort(c.Addr)
	if err != nil {
		return usageError{fmt.Errorf("%q is not host:port", c.Addr)}
	}
	if host == "" {
		host = "127.0.0.1"
	}
	ctx, cancel := context.WithTimeout(ctx, c.Timeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+net.JoinHostPort(host, port)+"/readyz", nil)
	if err != nil {
		return usageError{err}
	}
	request.Close = true
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return fmt.Errorf("nobody answers: %w", err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, maxReadyBytes))
	if err != nil {
		return err
	}
	if _, err := s.out.Write(body); err != nil {
		return err
	}
	if response.StatusCode != http.StatusOK {
		return errSaid
	}
	return nil
}
