package views

import (
	"context"
	"time"
)

// recent is a list that is costly to make, and kept for a while. Whoever comes while it is made anew waits for it.
type recent[T any] struct {
	freshFor time.Duration
	look     func(context.Context) ([]T, error)

	turn   chan struct{} // holds a value while somebody has what follows
	list   []T
	madeAt time.Time
}

func newRecent[T any](freshFor time.Duration, look func(context.Context) ([]T, error)) *recent[T] {
	return &recent[T]{freshFor: freshFor, look: look, turn: make(chan struct{}, 1)}
}

// get is the list, no older than it may be. Nobody changes it.
func (r *recent[T]) get(ctx context.Context) ([]T, error) {
	select {
	case r.turn <- struct{}{}:
		defer func() { <-r.turn }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if !r.madeAt.IsZero() && time.Since(r.madeAt) < r.freshFor {
		return r.list, nil
	}
	list, err := r.look(ctx)
	if err != nil {
		return nil, err
	}
	r.list, r.madeAt = list, time.Now()
	return list, nil
}
