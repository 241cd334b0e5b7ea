package simworld

import (
	"testing"

	"tiffin/internal/takenout"
)

// mechanism is one that keeps a promise of the runtime.
type mechanism struct {
	takenout.Mechanism
	rules string // those of which one must be found broken
}

// Each is real code, removed from what is compiled. What stands in saga/sagasim stands for SQL, which the simulator does not run.
var mechanisms = []mechanism{
	{
		Mechanism: takenout.Mechanism{
			Name: "the epoch guards each save", File: "saga/sagasim/postgres.go",
			Old: "now == nil || now.Epoch != l.Epoch", New: "now == nil",
		},
		rules: "alarm once order gaps lost counted ends quiet",
	},
	{
		Mechanism: takenout.Mechanism{
			Name: "a claim raises the epoch", File: "saga/sagasim/session.go",
			Old: "l.Epoch = max(l.Epoch+1, s.database.now().UnixMilli())", New: "",
		},
		rules: "alarm once order gaps lost counted ends quiet",
	},
	{
		Mechanism: takenout.Mechanism{
			Name: "marks tell copies", File: "saga/lane/batch.go",
			Old: "		case duplicate:\n			b.counted.drop(\"duplicate\")\n			return\n		case gap:", New: "		case gap:",
		},
		rules: "once order counted ends",
	},
	{
		Mechanism: takenout.Mechanism{
			Name: "marks are saved with what the facts did", File: "saga/lane/batch.go",
			Old: "s.Lanes = append(s.Lanes, l.Row)", New: "saved := *l.Row\n\t\tsaved.Marks = map[string]Mark{}\n\t\ts.Lanes = append(s.Lanes, &saved)",
		},
		rules: "once counted ends",
	},
	{
		Mechanism: takenout.Mechanism{
			Name: "offsets are saved with what the facts did", File: "saga/lane/batch.go",
			Old: "s.Lanes = append(s.Lanes, l.Row)", New: "saved := *l.Row\n\t\tsaved.Next = map[string]int64{}\n\t\ts.Lanes = append(s.Lanes, &saved)",
		},
		rules: "once counted ends quiet alarm",
	},
	{
		Mechanism: takenout.Mechanism{
			Name: "a claim sends the outbox again", File: "saga/lane/loop.go",
			Old: "l.sends.start([]*lane{ln})", New: "_ = ln",
		},
		rules: "lost order gaps quiet",
	},
	{
		Mechanism: takenout.Mechanism{
			Name: "nothing is taken from a lane before what it said is acknowledged", File: "saga/lane/loop.go",
			Old: "return !l.lanes[e.lane].sending && !l.suspects(", New: "return !l.suspects(",
		},
		rules: "lost order gaps",
	},
	{
		Mechanism: takenout.Mechanism{
			Name: "a batch waits for the acknowledgement of the one before it", File: "saga/sagasim/kafka.go",
			Old: "b.line.err = errNotEnoughReplicas", New: "defer func() { b.line.err = errNotEnoughReplicas }()\n\t\t\tif b.line.sent < len(b.line.records) {\n\t\t\t\tc.produceOnce(ctx, records, []*line{b.line})\n\t\t\t}",
		},
		rules: "order gaps lost",
	},
	{
		Mechanism: takenout.Mechanism{
			Name: "a deadline waits until all before it is read", File: "saga/lane/deadlines.go",
			Old: " || !l.hasRead(ln, d.Until)", New: "",
		},
		rules: "deadline",
	},
	{
		Mechanism: takenout.Mechanism{
			Name: "what comes to a parked key is parked behind", File: "saga/lane/batch.go",
			Old: "t.lane.Parked[t.cause.Key] > 0 {", New: "false {",
		},
		rules: "parking",
	},
	{
		Mechanism: takenout.Mechanism{
			Name: "a claim forgets what was in memory", File: "saga/lane/loop.go",
			Old: "l.store, l.cache, l.swept = s, &cache{}, -sweepEvery", New: "l.store, l.swept = s, -sweepEvery\n\tif l.cache == nil {\n\t\tl.cache = &cache{}\n\t}",
		},
		rules: "once counted ends quiet alarm parked",
	},
	{
		Mechanism: takenout.Mechanism{
			Name: "documents that lanes share have one lock", File: "saga/sagasim/store.go",
			Old: "if s.schema.shares {", New: "if false {",
		},
		rules: "counted accounts balances escrow shelves reservations rooms couriers likes alarm",
	},
}

// To take each out takes minutes (mechanisms_large_test.go). That it is still there to be taken out is seen at once.
func TestEachMechanismIsThereToBeTakenOut(t *testing.T) {
	for _, m := range mechanisms {
		if err := m.Check(); err != nil {
			t.Errorf("%s: %v", m.Name, err)
		}
	}
}
