package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"sort"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"tiffin/internal/load"
	"tiffin/internal/worlds"
	"tiffin/saga"
	"tiffin/saga/sagacheck"
	"tiffin/saga/words"
)

type proveCommand struct {
	World          []string `placeholder:"NAME" xor:"what" help:"Prove it in these worlds. Default: all small ones, which take moments."`
	All            bool     `xor:"what" help:"Prove it in every world, the large ones too."`
	List           bool     `xor:"what" help:"List the worlds instead, and what happens in each."`
	Replay         string   `xor:"what" placeholder:"FILE" help:"Take once more the way that is in a file of --save, and say what is wrong there now."`
	Save           string   `placeholder:"DIR" help:"Write what is found into this directory: for each finding a replay, a diagram for Mermaid, and a Go test."`
	JSON           bool     `name:"json" help:"Write the reports as JSON."`
	Limit          int      `default:"12000000" placeholder:"N" help:"Give a world up after so many states: then nothing is proved. Default: 12000000."`
	MemoryLimitMiB int64    `name:"memory-limit-mib" default:"2048" placeholder:"N" help:"Give a world up when its states take so many MiB. Default: 2048."`
	Full           bool     `help:"Visit every state, also those that can make no difference. It takes many times as long."`
}

// Run fails if something is found, and if not every state could be visited, or an undo undid something in no world: then that is not proved.
func (c proveCommand) Run(ctx context.Context, s streams) error {
	if c.Limit < 1 || c.MemoryLimitMiB < 1 {
		return usageError{errors.New("--limit and --memory-limit-mib must be above zero, or no state could be visited")}
	}
	switch {
	case c.JSON && (c.List || c.Replay != ""):
		return usageError{errors.New("--json is for proofs: leave out --list and --replay, or --json")}
	case c.List:
		return listWorlds(s.out)
	case c.Replay != "":
		return c.replay(s)
	}
	chosen, err := c.worlds()
	if err != nil {
		return err
	}
	p := proof{proveCommand: c, streams: s, screen: load.NewScreen(s.err, columns(s.err)), began: time.Now()}
	for _, w := range chosen {
		if err := p.prove(ctx, w); err != nil {
			return err
		}
	}
	return p.sum()
}

// worlds are those that were asked for.
func (c proveCommand) worlds() ([]sagacheck.World, error) {
	if c.All {
		return append(worlds.Small(), worlds.Large()...), nil
	}
	if len(c.World) == 0 {
		return worlds.Small(), nil
	}
	var out []sagacheck.World
	for _, name := range c.World {
		w, err := world(name)
		if err != nil {
			return nil, err
		}
		out = append(out, w)
	}
	return out, nil
}

// world is that of this name.
func world(name string) (sagacheck.World, error) {
	w, found := worlds.Find(name)
	if !found {
		return w, usageError{fmt.Errorf("there is no world %q: `tiffin prove --list` shows all", name)}
	}
	return w, nil
}

func listWorlds(out io.Writer) error {
	list := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, size := range []struct {
		name   string
		worlds []sagacheck.World
	}{{"small", worlds.Small()}, {"large", worlds.Large()}} {
		for _, w := range size.worlds {
			name, kind := w.Name, size.name
			for _, row := range words.Wrap(w.About, aboutColumns, "") {
				fmt.Fprintf(list, "%s\t%s\t%s\n", name, kind, row)
				name, kind = "", ""
			}
		}
	}
	return list.Flush()
}

// aboutColumns is how wide the sentences of a list are.
const aboutColumns = 80

// proof is a proof in several worlds, while it is under way.
type proof struct {
	proveCommand
	streams
	screen   *load.Screen
	began    time.Time
	reports  []sagacheck.Report
	worlds   []sagacheck.World
	coverage sagacheck.Coverage
}

// prove explores one world, and says what came of it.
func (p *proof) prove(ctx context.Context, w sagacheck.World) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	w.Limit, w.MemoryLimit, w.Full, w.Progress = p.Limit, p.MemoryLimitMiB<<20, p.Full, func(at sagacheck.Progress) { p.screen.Line(at) }
	done := make(chan sagacheck.Report, 1)
	go func() { done <- sagacheck.Verify(w) }()
	var r sagacheck.Report
	select {
	case r = <-done:
	case <-ctx.Done(): // the process ends, and the exploration with it
		p.screen.Clear()
		return ctx.Err()
	}
	p.screen.Clear()
	p.reports, p.worlds = append(p.reports, r), append(p.worlds, w)
	p.coverage = p.coverage.Union(r.Coverage)
	if !p.JSON {
		fmt.Fprintf(p.out, "%-10s  %-26s  %10s %-6s  %5s %-4s  depth %3d  %5d MB  %8v\n", verdict(r), w.Name,
			words.Thousands(r.States), words.Noun(r.States, "state"), words.Thousands(len(r.EndStates)), words.Noun(len(r.EndStates), "end"), r.Depth, r.Bytes>>20, r.Time.Round(time.Millisecond))
		for _, f := range sagacheck.Together(r.Findings) {
			fmt.Fprintf(p.out, "\n%s%s\n", f.Diagram(), shortest(f))
		}
	}
	if p.Save == "" {
		return nil
	}
	return sagacheck.Save(p.Save, sagacheck.Home{
		Package: "worlds_test",
		World:   fmt.Sprintf("func() sagacheck.World { w, _ := worlds.Find(%q); return w }()", w.Name),
		Imports: []string{"tiffin/internal/worlds"},
	}, r.Findings...)
}

// verdict is what came of a world, in a word.
func verdict(r sagacheck.Report) string {
	switch {
	case len(r.Findings) > 0:
		return "WRONG"
	case !r.Complete:
		return "not proved"
	}
	return "proved"
}

func shortest(f sagacheck.Finding) string {
	if len(f.Steps) == 0 || f.Shortest {
		return ""
	}
	return "    (There may be a shorter way to it.)\n"
}

// sum says what was proved of all worlds, and fails if that is not everything.
func (p *proof) sum() error {
	states, findings, wrong := 0, 0, 0
	var open []string
	for _, r := range p.reports {
		states, findings = states+r.States, findings+len(r.Findings)
		if len(r.Findings) > 0 {
			wrong++
		} else if !r.Complete {
			open = append(open, r.World)
		}
	}
	idle := p.idleUndos()
	if p.JSON {
		if err := p.writeJSON(findings == 0 && len(open) == 0 && len(idle) == 0); err != nil {
			return err
		}
	} else if findings == 0 && len(open) == 0 {
		fmt.Fprintf(p.out, "\n%v", p.coverage)
		if len(idle) == 0 {
			fmt.Fprintf(p.out, "\nProved in %s: %s %s, %v.\n", words.Count(len(p.reports), "world"), words.Thousands(states), words.Noun(states, "state"), time.Since(p.began).Round(10*time.Millisecond))
		}
	}
	if p.Save != "" && findings > 0 {
		fmt.Fprintf(p.err, "saved in %s: take a way again with `tiffin prove --replay FILE.json`, and keep its test in internal/worlds\n", p.Save)
	}
	switch {
	case findings > 0:
		return fmt.Errorf("%s in %s", words.Count(findings, "finding"), words.Count(wrong, "world"))
	case len(open) > 0:
		return fmt.Errorf("not a proof: nothing was found, but the bound was reached in %s; raise --limit or --memory-limit-mib", strings.Join(open, ", "))
	case len(idle) > 0:
		return fmt.Errorf("not a proof: %s never undid anything, so nothing is known of what is undone then: add a world to internal/worlds in which the group has acted and must undo it, or take out what no saga needs", strings.Join(idle, ", "))
	}
	return nil
}

// idleUndos are the undos that undid something in no world, unless only some worlds were asked for: what a compensation does when everything else has
// failed is the last thing to be taken on trust.
func (p *proof) idleUndos() (out []string) {
	if len(p.World) > 0 {
		return nil
	}
	for _, w := range p.worlds {
		for _, g := range slices.Concat(w.Groups, w.Aside) {
			for _, r := range g.Reactions() {
				name := g.Name() + "." + r.Name
				if r.Role == saga.RoleUndoes && !p.coverage[sagacheck.Covered{Group: g.Name(), Reaction: r.Name, Role: r.Role}] && !slices.Contains(out, name) {
					out = append(out, name)
				}
			}
		}
	}
	return out
}

// What --json writes.
type (
	proofJSON struct {
		Proved   bool          `json:"proved"`
		Worlds   []worldJSON   `json:"worlds"`
		Coverage []coveredJSON `json:"coverage"`
	}
	worldJSON struct {
		Name        string        `json:"name"`
		About       string        `json:"about"`
		Proved      bool          `json:"proved"`
		Complete    bool          `json:"complete"`
		States      int           `json:"states"`
		Transitions int           `json:"transitions"`
		Ends        int           `json:"distinctEnds"`
		Depth       int           `json:"depth"`
		Bytes       int64         `json:"bytes"`
		Seconds     float64       `json:"seconds"`
		Findings    []findingJSON `json:"findings"`
	}
	findingJSON struct {
		What     string           `json:"what"`
		Part     string           `json:"part,omitzero"`
		Shortest bool             `json:"shortest"`
		Steps    []sagacheck.Step `json:"steps"`
	}
	coveredJSON struct {
		Group    string     `json:"group"`
		Reaction string     `json:"reaction,omitzero"`
		Role     saga.Role  `json:"role,omitzero"`
		Says     string     `json:"says,omitzero"`
		State    saga.State `json:"state,omitzero"`
		Seen     bool       `json:"seen"`
	}
)

func (p *proof) writeJSON(proved bool) error {
	out := proofJSON{Proved: proved}
	for i, r := range p.reports {
		w := worldJSON{
			Name: r.World, About: p.worlds[i].About, Proved: r.Complete && len(r.Findings) == 0, Complete: r.Complete, States: r.States,
			Transitions: r.Transitions, Ends: len(r.EndStates), Depth: r.Depth, Bytes: r.Bytes, Seconds: r.Time.Seconds(),
		}
		for _, f := range r.Findings {
			w.Findings = append(w.Findings, findingJSON{f.What, f.Part, f.Shortest, f.Steps})
		}
		out.Worlds = append(out.Worlds, w)
	}
	for what, seen := range p.coverage {
		out.Coverage = append(out.Coverage, coveredJSON{what.Group, what.Reaction, what.Role, what.Says, what.State, seen})
	}
	sort.Slice(out.Coverage, func(i, j int) bool {
		a, b := out.Coverage[i], out.Coverage[j]
		return slices.Compare([]string{a.Group, a.Reaction, string(a.Role), a.Says, string(a.State)}, []string{b.Group, b.Reaction, string(b.Role), b.Says, string(b.State)}) < 0
	})
	data, err := json.Marshal(out, jsontext.WithIndent("  "))
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(p.out, "%s\n", data)
	return err
}

// replay takes the way of a file once more.
func (c proveCommand) replay(s streams) error {
	file, err := os.Open(c.Replay)
	if err != nil {
		return err
	}
	defer file.Close()
	was, err := sagacheck.ReadReplay(file)
	if err != nil {
		return usageError{unreadable(c.Replay, "a replay of `tiffin prove --save`", err)}
	}
	w, err := world(was.World)
	if err != nil {
		return err
	}
	return replay(s.out, w, was)
}

// replay takes the way of what was found once more, and fails unless it is mended.
func replay(out io.Writer, w sagacheck.World, was sagacheck.Finding) error {
	r, err := sagacheck.Replay(w, was.Steps)
	impossible := (*sagacheck.ImpossibleError)(nil)
	if err != nil && !errors.As(err, &impossible) {
		return err
	}
	now := sagacheck.Together(r.Findings)
	if len(now) == 0 {
		now = []sagacheck.Finding{{World: was.World, Steps: r.Steps}}
	}
	for _, f := range now {
		fmt.Fprintf(out, "%s\n", f.Diagram())
	}
	switch {
	case slices.ContainsFunc(r.Findings, func(f sagacheck.Finding) bool { return f.What == was.What }):
		return errors.New("not mended: the same is wrong as before")
	case len(r.Findings) > 0:
		return errors.Join(err, fmt.Errorf("something else is wrong now; it was: %s", was.What))
	case err != nil:
		return fmt.Errorf("%w. Drawn is how it goes on from there by itself", err)
	}
	fmt.Fprintf(out, "Mended. It was: %s\n", was.What)
	return nil
}
