package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"tiffin/internal/load"
	"tiffin/internal/worlds"
	"tiffin/saga"
	"tiffin/saga/sagacheck"
)

func TestProveSaysWhatItHasProved(t *testing.T) {
	alone(t)
	got := run(t, "prove", "--world=payment", "--world=likes")
	for _, want := range []string{"proved      payment  ", "proved      likes  ", "\npayments", "outcomes; its act was done", "\nProved in 2 worlds: "} {
		if !strings.Contains(got.out, want) {
			t.Errorf("lacks %q:\n%s", want, got.out)
		}
	}
	if got.code != 0 || got.err != "" || strings.ContainsAny(got.out, "\r\x1b") {
		t.Errorf("%+v", got)
	}
}

func TestProveListsTheWorlds(t *testing.T) {
	alone(t)
	got := run(t, "prove", "--list")
	for _, w := range append(worlds.Small(), worlds.Large()...) {
		if !strings.Contains("\n"+got.out, "\n"+w.Name+" ") {
			t.Errorf("lacks %s:\n%s", w.Name, got.out)
		}
	}
	for _, row := range strings.Split(got.out, "\n") {
		if utf8.RuneCountInString(row) > 120 {
			t.Errorf("too wide: %s", row)
		}
	}
	if got.code != 0 || got.err != "" {
		t.Errorf("%+v", got)
	}
}

// A bound that is reached is no proof, whoever reads it: a person, a program, or a script that looks at the exit code alone.
func TestProveWithABoundProvesNothing(t *testing.T) {
	alone(t)
	got := run(t, "prove", "--world=one-order", "--limit=10")
	if got.code != exitFailed || !strings.Contains(got.err, "not a proof: nothing was found, but the bound was reached in one-order") || !strings.Contains(got.out, "not proved  one-order") || strings.Contains(got.out, "Proved") {
		t.Errorf("%+v", got)
	}
	if got := run(t, "prove", "--world=two-orders", "--memory-limit-mib=1", "--json"); got.code != exitFailed || !strings.Contains(got.out, `"proved": false`) {
		t.Errorf("%+v", got)
	}
}

func TestProveIsUsedWrongly(t *testing.T) {
	alone(t)
	if err := os.WriteFile("brokenOrder.json", []byte(`{"version":7,"steps":[]}`), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile("wrong.json", []byte(`{"version":1,"world":"moon","steps":[{"who":"everybody","does":4}]}`), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile("other.json", []byte(`{"version":1,"world":"moon","steps":[{"who":"everybody","does":"starts"}]}`), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		args string
		code int
		err  string
	}{
		{"prove --world=moon", exitUsage, "there is no world \"moon\": `tiffin prove --list` shows all"},
		{"prove --world=payment --all", exitUsage, "--world"},
		{"prove --limit=0", exitUsage, "above zero"},
		{"prove --memory-limit-mib=-1", exitUsage, "above zero"},
		{"prove --list --json", exitUsage, "--json is for proofs"},
		{"prove --replay=nothing.json", exitFailed, "nothing.json"},
		{"prove --replay=brokenOrder.json", exitUsage, "brokenOrder.json: a replay of version 7"},
		{"prove --replay=wrong.json", exitUsage, "wrong.json is not a replay of `tiffin prove --save`: invalid: /steps/0/does must be a string"},
		{"prove --replay=other.json", exitUsage, `no world "moon"`},
	} {
		if got := run(t, strings.Fields(tt.args)...); got.code != tt.code || !strings.Contains(got.err, tt.err) || got.out != "" {
			t.Errorf("%s: %+v, want %s", tt.args, got, tt.err)
		}
	}
}

func TestProveAsJSON(t *testing.T) {
	alone(t)
	got := run(t, "prove", "--world=payment", "--json")
	var report struct {
		Proved bool
		Worlds []struct {
			Name   string
			Proved bool
			States int
		}
		Coverage []struct {
			Group string
			Seen  bool
		}
	}
	if err := json.Unmarshal([]byte(got.out), &report); err != nil || got.code != 0 || got.err != "" {
		t.Fatalf("%v: %+v", err, got)
	}
	if !report.Proved || len(report.Worlds) != 1 || report.Worlds[0].Name != "payment" || !report.Worlds[0].Proved || report.Worlds[0].States == 0 || len(report.Coverage) == 0 {
		t.Errorf("%+v", report)
	}
}

// brokenOrder is the world of one order in which the stock is not released when the kitchen says no.
func brokenOrder(t *testing.T) sagacheck.World {
	t.Helper()
	w, found := worlds.Find("one-order")
	if !found {
		t.Fatal("no world one-order")
	}
	w.Groups = slices.Clone(w.Groups)
	for i, g := range w.Groups {
		if g.Name() == "inventory" {
			w.Groups[i] = g.Mutate(saga.Mutation{Group: "inventory", Reaction: "release", Op: saga.HearsNot, Fact: "kitchen.rejected"})
		}
	}
	return w
}

// What is found is drawn, saved, and says so with the exit code; its replay is taken again, and is mended where the mistake is not.
func TestProveShowsAndKeepsWhatIsFound(t *testing.T) {
	alone(t)
	var out, errs bytes.Buffer
	p := proof{proveCommand: proveCommand{Limit: 1e6, MemoryLimitMiB: 100, Save: "found"}, streams: streams{nil, &out, &errs}, screen: load.NewScreen(&errs, 0)}
	if err := p.prove(t.Context(), brokenOrder(t)); err != nil {
		t.Fatal(err)
	}
	findings := p.reports[0].Findings
	if err := p.sum(); err == nil || !strings.HasSuffix(err.Error(), "findings in 1 world") {
		t.Errorf("%v", err)
	}
	for _, want := range []string{"WRONG       one-order", "kitchen.rejected → payments: refund [undone]", "✗ the act of inventory in the saga o1 stays open"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("lacks %q:\n%s", want, out.String())
		}
	}
	if !strings.Contains(errs.String(), "saved in found") || strings.Contains(out.String(), "Proved") {
		t.Errorf("says %q, and\n%s", errs.String(), out.String())
	}
	test, err := os.ReadFile(filepath.Join("found", "one_order_1_test.go"))
	if err != nil || !strings.Contains(string(test), `worlds.Find("one-order")`) || !strings.Contains(string(test), `"tiffin/internal/worlds"`) {
		t.Errorf("%v:\n%s", err, test)
	}

	if got := run(t, "prove", "--replay="+filepath.Join("found", "one_order_1.json")); got.code != 0 || !strings.Contains(got.out, "Mended. It was: "+findings[0].What) || !strings.Contains(got.out, "inventory: release [undone]") {
		t.Errorf("%+v", got)
	}
	out.Reset()
	if err := replay(&out, brokenOrder(t), findings[0]); err == nil || !strings.Contains(err.Error(), "not mended") || !strings.Contains(out.String(), "✗ "+findings[0].What[:30]) {
		t.Errorf("%v:\n%s", err, out.String())
	}
	findings[0].What = "the sky falls"
	if err := replay(&out, brokenOrder(t), findings[0]); err == nil || !strings.Contains(err.Error(), "something else is wrong now; it was: the sky falls") {
		t.Errorf("%v", err)
	}
	last := len(findings[0].Steps)
	findings[0].Steps = append(findings[0].Steps, sagacheck.Step{Who: "cook", Does: sagacheck.Answers, Fact: "kitchen.accepted", Key: "o1", Says: []sagacheck.Saying{{Type: "meal.cooked"}}})
	good, _ := worlds.Find("one-order")
	if err := replay(&out, good, findings[0]); err == nil || !strings.Contains(err.Error(), "can't happen any more") || !strings.Contains(err.Error(), "goes on from there") {
		t.Errorf("step %d: %v", last, err)
	}
}

// Nothing is proved as long as an undo ran in no world; where only some worlds are asked for, it need not.
func TestProveWantsEveryUndoToRun(t *testing.T) {
	alone(t)
	payment, found := worlds.Find("payment")
	if !found {
		t.Fatal("no world payment")
	}
	payment.Groups = slices.DeleteFunc(slices.Clone(payment.Groups), func(g *saga.Group) bool { return g.Name() != "payments" && g.Name() != "fraud" })
	payment.Final = nil // it looks at what the others keep, too
	for _, tt := range []struct {
		command proveCommand
		want    string
	}{
		{proveCommand{}, "not a proof: payments.refund never undid anything, so nothing is known of what is undone then: " +
			"add a world to internal/worlds in which the group has acted and must undo it, or take out what no saga needs"},
		{proveCommand{World: []string{"payment"}}, ""},
	} {
		var out, errs bytes.Buffer
		tt.command.Limit, tt.command.MemoryLimitMiB = 1e6, 100
		p := proof{proveCommand: tt.command, streams: streams{nil, &out, &errs}, screen: load.NewScreen(&errs, 0), began: time.Now()}
		if err := p.prove(t.Context(), payment); err != nil {
			t.Fatal(err)
		}
		got := ""
		if err := p.sum(); err != nil {
			got = err.Error()
		}
		if got != tt.want || strings.Contains(out.String(), "Proved in") != (tt.want == "") || !strings.Contains(out.String(), "refund never runs") {
			t.Errorf("%q, want %q:\n%s", got, tt.want, out.String())
		}
	}
}

func TestProveIsInterrupted(t *testing.T) {
	alone(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var out, errs bytes.Buffer
	if code := tiffin(ctx, []string{"prove", "--world=payment"}, strings.NewReader(""), &out, &errs); code != exitFailed || !strings.Contains(errs.String(), "interrupted") {
		t.Errorf("%d, %q", code, errs.String())
	}
}

// How far an exploration is fits into a line.
func TestProgress(t *testing.T) {
	progress := sagacheck.Progress{World: "two-orders", States: 1_204_000, Depth: 41, Bytes: 190 << 20, Time: 4 * time.Second}
	if got, want := progress.String(), "two-orders: 1,204,000 states, depth 41, 301,000/s, 190 MB"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}
