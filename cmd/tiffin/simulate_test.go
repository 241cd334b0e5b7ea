package main

import (
	"strings"
	"testing"
)

func TestSimulate(t *testing.T) {
	alone(t)
	for _, test := range []struct {
		args string
		code int
		err  string
		out  []string
	}{
		{"simulate --seeds=4 --from=7", 0, "", []string{"4 runs in ", "nothing found"}},
		{"simulate --seeds=1", 0, "", []string{"1 run in "}},
		{"simulate --seeds=2 --faults=0 --workers=1", 0, "", []string{"2 runs in "}},
		{"simulate --seeds=2 --sagas=40 --kinds=dies,copies", 0, "", []string{"2 runs in "}},
		{"simulate --for=1ms", 0, "", []string{"nothing found"}},
		{"simulate --seed=3", 0, "", []string{"seed 3: 3 partitions on 1 broker, batches of 3 records", ", 1 loop, ", "process 1 runs ", "order.placed of ", "nothing is wrong"}},
		{"simulate --seed=3 --trace", 0, "", []string{"orders/0 commits under epoch", "nothing is wrong"}},
		{"simulate --kinds=locusts", exitUsage, "there is no fault of kind locusts; there are: [answer-late", nil},
		{"simulate --sagas=0", exitUsage, "--sagas is at least 1", nil},
		{"simulate --trace", exitUsage, "name it with --seed", nil},
	} {
		t.Run(test.args, func(t *testing.T) {
			r := run(t, strings.Fields(test.args)...)
			if r.code != test.code || !strings.Contains(r.err, test.err) {
				t.Errorf("exit code %d, want %d; %s", r.code, test.code, r.err)
			}
			for _, want := range test.out {
				if !strings.Contains(r.out, want) {
					t.Errorf("it does not say %q:\n%s", want, r.out)
				}
			}
		})
	}
}
