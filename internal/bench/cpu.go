package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5/pgxpool"

	"tiffin/internal/proc"
)

// cpu is CPU time spent so far, in seconds.
type cpu struct{ tiffin, postgres, kafka float64 }

func (a cpu) since(b cpu) cpu {
	return cpu{a.tiffin - b.tiffin, a.postgres - b.postgres, a.kafka - b.kafka}
}

// servers are process numbers on this machine.
type servers struct{ postmaster, kafka, tiffin int }

// findServers asks PostgreSQL for a backend, whose parent is the postmaster, and looks up who listens on Kafka's port.
func findServers(ctx context.Context, db *pgxpool.Pool, broker string, tiffin *process) (s servers, err error) {
	s.tiffin = tiffin.PID()
	var backend int
	if err := db.QueryRow(ctx, "select pg_backend_pid()").Scan(&backend); err != nil {
		return s, err
	}
	if s.postmaster, err = proc.Parent(backend); err != nil {
		return s, fmt.Errorf("PostgreSQL: %w", err)
	}
	s.kafka, err = proc.Listener(broker)
	return s, err
}

// spent reads their CPU time.
func (s servers) spent() (c cpu, err error) {
	var errs [3]error
	c.tiffin, errs[0] = proc.CPU(s.tiffin)
	c.kafka, errs[1] = proc.CPU(s.kafka)
	c.postgres, errs[2] = proc.CPUWithEnded(s.postmaster)
	for _, backend := range proc.Children()[s.postmaster] {
		spent, err := proc.CPU(backend)
		if err == nil { // else it has ended, and counts with the postmaster's
			c.postgres += spent
		}
	}
	return c, errors.Join(errs[:]...)
}
