package app

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"tiffin/saga"
	"tiffin/saga/lane"
	"tiffin/saga/words"
)

const (
	// grantPatience is how long a wish for a parked key may take; a loop that owns its lane looks every second.
	grantPatience = 15 * time.Second
	grantPause    = 100 * time.Millisecond
)

// Parked is the way to what is parked in the groups' schemas.
type Parked struct {
	conn   *pgx.Conn
	groups []*saga.Group // those to look into
	w      io.Writer
}

// OpenParked connects to the database. It looks into the group that is named, or ("") into all, and writes to w. Close it.
func OpenParked(ctx context.Context, cfg Config, group string, w io.Writer) (*Parked, error) {
	all, err := cfg.choose([]string{All, Simulator})
	if err != nil {
		return nil, err
	}
	p := &Parked{w: w}
	var names []string
	for _, g := range all.groups {
		names = append(names, g.Name())
		if group == "" || group == g.Name() {
			p.groups = append(p.groups, g.Group)
		}
	}
	if p.groups == nil {
		return nil, fmt.Errorf("there is no group %q: choose one of %s", group, strings.Join(names, ", "))
	}
	if p.conn, err = pgx.Connect(ctx, cfg.WithDefaults().DatabaseURL); err != nil {
		return nil, noDatabase(fmt.Errorf("connect to the database: %w", err))
	}
	return p, nil
}

// Close ends the connection.
func (p *Parked) Close(ctx context.Context) error { return p.conn.Close(ctx) }

// read is what is parked in one group; nothing if it has never run on this database.
func (p *Parked) read(ctx context.Context, g *saga.Group, key string) ([]lane.Parked, error) {
	var there bool
	err := p.conn.QueryRow(ctx, "select to_regclass($1) is not null", pgx.Identifier{g.Name(), "parked"}.Sanitize()).Scan(&there)
	if err == nil && !there {
		return nil, nil
	}
	var events []lane.Parked
	if err == nil {
		events, err = lane.ListParked(ctx, p.conn, g.Name(), key)
	}
	if err != nil {
		return nil, fmt.Errorf("read what %s has parked: %w", g.Name(), err)
	}
	return events, nil
}

// List writes a line for each parked key, with what holds it up.
func (p *Parked) List(ctx context.Context) error {
	none := true
	for _, g := range p.groups {
		events, err := p.read(ctx, g, "")
		if err != nil {
			return err
		}
		for at := 0; at < len(events); {
			n := at
			for n < len(events) && events[n].Key == events[at].Key && events[n].Lane == events[at].Lane {
				n++
			}
			first := events[at]
			none = false
			fmt.Fprintf(p.w, "%s  %s  %d waiting since %s\n    %s: %s\n", g.Name(), printable([]byte(first.Key)), n-at,
				first.ParkedAt.Local().Format(time.DateTime), printable([]byte(first.Type)), printable([]byte(first.Reason)))
			at = n
		}
	}
	if none {
		fmt.Fprintln(p.w, "nothing is parked")
	}
	return nil
}

// errNotParked says that the key is parked nowhere.
func (p *Parked) errNotParked(key string) error {
	if len(p.groups) == 1 {
		return fmt.Errorf("%s has not parked the key %q: see `tiffin parked list`", p.groups[0].Name(), key)
	}
	return fmt.Errorf("no group has parked the key %q: see `tiffin parked list`", key)
}

// Show writes every parked event of the key, with its headers and the reason.
func (p *Parked) Show(ctx context.Context, key string) error {
	none := true
	for _, g := range p.groups {
		events, err := p.read(ctx, g, key)
		if err != nil {
			return err
		}
		for i, e := range events {
			none = false
			reason := e.Reason
			if reason == "" {
				reason = "waits behind those before it"
			}
			fmt.Fprintf(p.w, "%s, event %d of %d: %s\n  reason    %s\n  parked    %s, tried %s\n  from      %s, partition %d, offset %d\n  key       %s\n",
				g.Name(), i+1, len(events), printable([]byte(e.Type)), printable([]byte(reason)), e.ParkedAt.Local().Format(time.DateTime), words.Count(e.Attempts, "time"), e.Topic, e.Lane, e.Offset, printable(e.Record.Key))
			for _, h := range e.Record.Headers {
				fmt.Fprintf(p.w, "  header    %s: %s\n", printable([]byte(h.Key)), printable(h.Value))
			}
			fmt.Fprintf(p.w, "  value     %s\n", printable(e.Record.Value))
		}
	}
	if none {
		return p.errNotParked(key)
	}
	return nil
}

// printable keeps what a stranger sent from moving the reader's cursor.
func printable(b []byte) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' && r != '\n' && r != '\t' || r == 0x7f || r >= 0x80 && r < 0xa0 {
			return '\uFFFD'
		}
		return r
	}, strings.ToValidUTF8(string(b), "\uFFFD"))
}

// Do has the wish ([lane.Redrive] or [lane.Discard]) granted for the key in every group that has parked it; with dry, it
// only says what would happen.
func (p *Parked) Do(ctx context.Context, wish, key string, dry bool) error {
	none := true
	for _, g := range p.groups {
		events, err := p.read(ctx, g, key)
		if err != nil {
			return err
		}
		if len(events) == 0 {
			continue
		}
		none = false
		if dry {
			err = p.rehearse(ctx, g, wish, events)
		} else {
			err = p.grant(ctx, g, wish, key, len(events))
		}
		if err != nil {
			return err
		}
	}
	if none {
		return p.errNotParked(key)
	}
	return nil
}

// grant leaves the wish and waits until the owner of the key's lane has done it.
func (p *Parked) grant(ctx context.Context, g *saga.Group, wish, key string, parked int) error {
	if _, err := lane.Wish(ctx, p.conn, g.Name(), key, wish); err != nil {
		return fmt.Errorf("ask %s to %s %s: %w", g.Name(), wish, key, err)
	}
	tick := time.NewTicker(grantPause)
	defer tick.Stop()
	over := time.After(grantPatience)
	for {
		var open bool
		query := "select exists (select from " + pgx.Identifier{g.Name(), "wishes"}.Sanitize() + " where key = $1)"
		if err := p.conn.QueryRow(ctx, query, key).Scan(&open); err != nil {
			return fmt.Errorf("wait for %s: %w", g.Name(), err)
		}
		if !open {
			return p.report(ctx, g, key, parked)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-over:
			return fmt.Errorf("nobody has done it within %v: no process seems to own the lane of this key. Start one: tiffin run --target=%s. "+
				"The wish is kept, and granted as soon as one runs", grantPatience, g.Name())
		case <-tick.C:
		}
	}
}

// report says what a wish that was granted has come to; it fails if the key is still held up.
func (p *Parked) report(ctx context.Context, g *saga.Group, key string, before int) error {
	left, err := p.read(ctx, g, key)
	if err != nil {
		return err
	}
	if len(left) == 0 {
		fmt.Fprintf(p.w, "%s: %s is free again, %s done with\n", g.Name(), key, words.Count(before, "event"))
		return nil
	}
	return fmt.Errorf("%s: %s is still parked, with %s: %s: %s", g.Name(), key, words.Count(len(left), "event"), left[0].Type, left[0].Reason)
}
