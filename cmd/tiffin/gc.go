package main

import (
	"os"
	"runtime/debug"
)

// throughputPercent is how much garbage may come on top of what is in use, in percent of that, before it is collected.
const throughputPercent = 600

// collectForThroughput makes the garbage collector run less often than Go's default of 100 percent, unless GOGC says how
// often. A batch of events makes much garbage and keeps little, so that this costs some tens of megabytes, and saves a
// tenth to a quarter of the CPU per saga, measured. What the embedded Kafka of `up` keeps is in use, too: after thousands
// of orders it is the larger part, and somebody who is short of memory sets GOGC or GOMEMLIMIT.
func collectForThroughput() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(throughputPercent)
	}
}
