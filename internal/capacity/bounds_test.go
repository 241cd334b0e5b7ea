package capacity

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"tiffin/internal/app"
	"tiffin/saga"
)

// The bounds of the model are those of the code.
func TestTheBoundsAreTheCodes(t *testing.T) {
	for _, bound := range []struct{ file, says string }{
		{"saga/lane/process.go", fmt.Sprintf("c.MaxBatch = %d\n", MaxBatch)},
		{"saga/lane/process.go", fmt.Sprintf("c.QueueLimit = %d\n", QueueLimit)},
		{"saga/lane/loop.go", fmt.Sprintf("tick = %.0f * time.Millisecond\n", patience*1000)},
		{"saga/lane/loop.go", "linger = tick\n"},
		{"saga/lane/loop.go", "l.up()-l.stepped < linger/2"},
		{"saga/lane/team.go", "time.Duration(i)*tick/time.Duration(size)"},
		{"saga/lane/process.go", fmt.Sprintf("c.Loops = min(runtime.GOMAXPROCS(0), %d)\n", maxLoops)},
		{"saga/lane/feed.go", fmt.Sprintf("partitionBytes = %d << 10\n", partitionBytes>>10)},
		{"saga/lane/feed.go", fmt.Sprintf("requestBytes   = %d << 20\n", requestBytes>>20)},
		{"saga/lane/mirror.go", fmt.Sprintf("maxMirrored = %d_000\n", maxMirrored/1000)},
		{"producers/door/drain.go", fmt.Sprintf("chunkBytes = %d << 20\n", chunkBytes>>20)},
		{"producers/door/drain.go", fmt.Sprintf("requestEvery = %.0f * time.Millisecond\n", requestEvery*1000)},
		{"producers/door/drain.go", fmt.Sprintf("busyEvery = %.0f * time.Millisecond\n", busyEvery*1000)},
		{"producers/door/drain.go", fmt.Sprintf("busyFacts = %d\n", busyFacts)},
		{"producers/door/group.go", fmt.Sprintf("maxGroupBytes = %d << 20\n", groupBytes>>20)},
		{"producers/door/group.go", "linger = time.Millisecond\n"},
		{"producers/likes/batch.go", fmt.Sprintf("batchWait = %.0f * time.Second\n", answerTime)},
		{"internal/app/config.go", fmt.Sprintf("DefaultPartitions   = %d\n", defaultPartitions)},
		{"internal/load/likes.go", "zipf = 1.07\n"},
	} {
		source, err := os.ReadFile("../../" + bound.file)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(source), bound.says) {
			t.Errorf("%s does not say %q any more: the model must follow it", bound.file, bound.says)
		}
	}
}

// The batches of analytics take turns, for its lanes share rows; those of likes do not. SCALING.md names the groups whose batches do.
func TestWhoseBatchesTakeTurns(t *testing.T) {
	groups, err := app.Config{}.Groups()
	if err != nil {
		t.Fatal(err)
	}
	var turns []string
	for _, g := range groups {
		for _, table := range g.Tables() {
			if !saga.Unshared(table) {
				turns = append(turns, g.Name())
				break
			}
		}
	}
	if got, want := strings.Join(turns, ", "), "inventory, payments, fraud, kitchen, delivery, analytics"; got != want {
		t.Errorf("these share rows between lanes: %s; the model and SCALING.md say %s", got, want)
	}
}
