// Bench measures what the documentation claims, on a real Kafka and a real PostgreSQL on the same machine. `make bench`
// starts the servers and runs it; it prints one table, in Markdown.
//
// Rates on a shared machine are noisy, so each row says what is steadier too: the CPU that one saga costs, by process,
// and ratios of runs that took turns.
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"os"
	"runtime/debug"
	"runtime/pprof"
	"slices"
	"time"
)

var verbose = flag.Bool("v", false, "say how each group worked")

func main() {
	orders := flag.Int("orders", 30000, "orders per run of the saga rows")
	runs := flag.Int("runs", 3, "counted runs per row, after one to warm up")
	profile := flag.String("cpuprofile", "", "write a CPU profile of the saga runs to this file")
	only := flag.String("only", "", "one of: sagas, hot, latency, door, backlog, up")
	server := flag.String("serve", "", "used by the bench itself: serve noop or likes")
	broker, spool := flag.String("broker", "", "with -serve: Kafka"), flag.String("spool", "", "with -serve: the door's directory")
	flag.Parse()
	ctx := context.Background()
	debug.SetGCPercent(400) // as the binary does
	if *server != "" {
		log.Fatal(runServer(ctx, *server, *broker, *spool))
	}
	if *profile != "" {
		f, err := os.Create(*profile)
		if err != nil {
			log.Fatal(err)
		}
		defer f.Close()
		if err := pprof.StartCPUProfile(f); err != nil {
			log.Fatal(err)
		}
		defer pprof.StopCPUProfile()
	}
	fmt.Println("| what | median | spread |\n|---|---|---|")
	rows := []struct {
		name string
		run  func(context.Context, int, int) error
	}{{"sagas", benchSagas}, {"hot", benchHot}, {"latency", benchLatency}, {"door", benchDoor}, {"backlog", benchBacklog}, {"up", benchUp}}
	for _, r := range rows {
		if *only == "" || *only == r.name {
			if err := r.run(ctx, *orders, *runs); err != nil {
				log.Fatalf("%s: %v", r.name, err)
			}
		}
	}
}

// benchSagas: order sagas per second, all groups in one process; restaurant, cook and courier answer at once.
func benchSagas(ctx context.Context, orders, runs int) error {
	var rates, self, postgres, kafka []float64
	for i := range runs + 1 {
		m, err := saturate(ctx, orders, 2000)
		if err != nil {
			return err
		}
		if i == 0 {
			continue // a cold broker costs three times the CPU of a warm one
		}
		n := float64(orders)
		rates = append(rates, n/m.took.Seconds())
		self, postgres, kafka = append(self, m.cpu.self/n*1e6), append(postgres, m.cpu.postgres/n*1e6), append(kafka, m.cpu.kafka/n*1e6)
	}
	row("order sagas per second", rates, "%.0f")
	row("CPU per saga, Tiffin, µs", self, "%.0f")
	row("CPU per saga, PostgreSQL, µs", postgres, "%.0f")
	row("CPU per saga, Kafka, µs", kafka, "%.0f")
	return nil
}

// benchHot: every order wants the same dish, against orders of 2,000 dishes; the runs take turns.
func benchHot(ctx context.Context, orders, runs int) error {
	var ratios []float64
	for range runs {
		hot, err := saturate(ctx, orders, 1)
		if err != nil {
			return err
		}
		uniform, err := saturate(ctx, orders, 2000)
		if err != nil {
			return err
		}
		ratios = append(ratios, uniform.took.Seconds()/hot.took.Seconds())
	}
	row("rate with one hot SKU / with 2,000", ratios, "%.2f")
	return nil
}

// benchLatency: from the acknowledgement of order.placed to the moment at which a reader of Kafka sees order.completed.
func benchLatency(ctx context.Context, _, runs int) error {
	var p50, p99 []float64
	for range runs {
		took, err := latencies(ctx, 50, 20*time.Second)
		if err != nil {
			return err
		}
		slices.Sort(took)
		p50 = append(p50, float64(took[len(took)/2].Microseconds())/1000)
		p99 = append(p99, float64(took[len(took)*99/100].Microseconds())/1000)
	}
	row("latency at 50 orders a second, p50, ms", p50, "%.0f")
	row("latency at 50 orders a second, p99, ms", p99, "%.0f")
	return nil
}

func row(name string, values []float64, format string) {
	slices.Sort(values)
	fmt.Printf("| %s | "+format+" | "+format+" to "+format+" |\n", name, values[len(values)/2], values[0], values[len(values)-1])
}
