package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"

	"tiffin/internal/app"
	"tiffin/internal/embedded"
	"tiffin/saga/kafka"
)

// patience is how long a test waits for what must happen; much longer than it takes.
const patience = 60 * time.Second

// instance is a `tiffin up` that runs within the test.
type instance struct {
	app.Servers
	dir  string
	stop func() result
}

// up starts `tiffin up` on free ports, and returns once it has shown its first screen.
func up(t *testing.T, dir string, args ...string) instance {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	screen, out := io.Pipe()
	var errs bytes.Buffer
	ended := make(chan int, 1)
	free := []string{"up", "--data=" + dir, "--api-addr=127.0.0.1:0", "--kafka-addr=127.0.0.1:0", "--postgres-addr=127.0.0.1:0", "--redis-addr=127.0.0.1:0", "--simulate=instant"}
	go func() {
		code := tiffin(ctx, append(free, args...), strings.NewReader(""), out, &errs)
		ended <- code
		_ = out.Close() // it always succeeds
	}()
	i := instance{dir: dir}
	i.stop = func() result {
		cancel()
		code := <-ended
		ended <- code // for whoever stops it again
		return result{code: code, err: errs.String()}
	}
	t.Cleanup(func() { i.stop() })
	var shown bytes.Buffer
	line := make([]byte, 4096)
	for !strings.Contains(shown.String(), "Ctrl-C stops it") {
		n, err := screen.Read(line)
		shown.Write(line[:n])
		if err != nil {
			t.Fatalf("it ended before it was up: %+v\n%s", i.stop(), shown.String())
		}
	}
	for line := range strings.Lines(shown.String()) {
		if len(line) > 80+1 && !strings.HasPrefix(line, "  data ") {
			t.Errorf("the first screen is too wide for a terminal: %s", line)
		}
	}
	var err error
	if i.Servers, err = app.ReadServers(dir); err != nil {
		t.Fatal(err)
	}
	for _, address := range append(i.Kafka, i.API, app.Redact(i.DatabaseURL)) {
		if !strings.Contains(shown.String(), address) {
			t.Errorf("the first screen does not say %s:\n%s", address, shown.String())
		}
	}
	return i
}

// request sends JSON to the API and returns the status and the body's members.
func (i instance) request(t *testing.T, method, path, body string, headers ...string) (int, map[string]any) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, method, i.API+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	for at := 0; at < len(headers); at += 2 {
		r.Header.Set(headers[at], headers[at+1])
	}
	r.Close = true // no connection that is kept for later
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	var members map[string]any
	if err := json.UnmarshalRead(response.Body, &members); err != nil {
		t.Fatalf("%s %s: %s: %v", method, path, response.Status, err)
	}
	return response.StatusCode, members
}

// order places one and returns its id.
func (i instance) order(t *testing.T, customer, restaurant, sku string) string {
	t.Helper()
	status, order := i.request(t, "POST", "/orders", fmt.Sprintf(`{"customerId": %q, "restaurantId": %q, "items": [{"sku": %q, "quantity": 1}]}`, customer, restaurant, sku))
	if status != http.StatusAccepted {
		t.Fatalf("status %d: %v", status, order)
	}
	return order["orderId"].(string)
}

// outcome waits for an order's end.
func (i instance) outcome(t *testing.T, id string) (status, reason string) {
	t.Helper()
	_, order := i.request(t, "GET", "/orders/"+id, "", "Prefer", "wait=60")
	status, _ = order["status"].(string)
	reason, _ = order["reason"].(string)
	return status, reason
}

// stockOf is how many portions of a dish are left.
func (i instance) stockOf(t *testing.T, restaurant, sku string) float64 {
	t.Helper()
	_, menu := i.request(t, "GET", "/restaurants/"+restaurant+"/menu", "")
	dishes, _ := menu["dishes"].([]any)
	for _, d := range dishes {
		if dish := d.(map[string]any); dish["sku"] == sku {
			return dish["stockFree"].(float64)
		}
	}
	t.Fatalf("%s is not on the menu of %s: %v", sku, restaurant, menu)
	return 0
}

func needsPostgres(t *testing.T) {
	t.Helper()
	if !embedded.HasPostgres(t.Context()) {
		t.Skip("needs a PostgreSQL server on this machine")
	}
}

// The whole product, as it is used: an order that is completed, others that are rolled back, a seed that doubles nothing,
// books that balance, and a second start that goes on where the first ended.
func TestUp(t *testing.T) {
	needsPostgres(t)
	alone(t)
	dir := filepath.Join(t.TempDir(), "data")
	first := up(t, dir)

	id := first.order(t, "alice", "annapurna", "masala-dosa")
	if status, reason := first.outcome(t, id); status != "completed" {
		t.Fatalf("the order is %s (%s), want completed", status, reason)
	}
	for _, test := range []struct{ customer, restaurant, sku, reason string }{
		{"carol", "annapurna", "masala-dosa", "insufficient-funds"},
		{"mallory", "annapurna", "masala-dosa", "flagged-by-fraud"},
		{"alice", "annapurna", "mango-kulfi", "sold-out"},
	} {
		if status, reason := first.outcome(t, first.order(t, test.customer, test.restaurant, test.sku)); status != "cancelled" || reason != test.reason {
			t.Errorf("the order of %s is %s (%s), want cancelled (%s)", test.customer, status, reason, test.reason)
		}
	}

	stock := first.stockOf(t, "annapurna", "masala-dosa")
	if got := run(t, "seed", "--data="+dir); got.code != 0 || !strings.Contains(got.out, "acknowledged") {
		t.Errorf("seed: %+v", got)
	}
	// An order behind the seed: when it has ended, inventory has heard both.
	if status, reason := first.outcome(t, first.order(t, "bob", "annapurna", "masala-dosa")); status != "completed" {
		t.Errorf("the order after the seed is %s (%s)", status, reason)
	}
	if now := first.stockOf(t, "annapurna", "masala-dosa"); now > stock {
		t.Errorf("a second seed made %v portions of %v", now, stock)
	}
	if got := run(t, "audit", "--data="+dir, "--wait=60s"); got.code != 0 || !strings.Contains(got.out, "balance") {
		t.Errorf("audit: %+v", got)
	}
	if got := run(t, "audit", "--data="+dir, "--json"); got.code != 0 || !strings.HasPrefix(got.out, "{") {
		t.Errorf("audit: %+v", got)
	}
	if got := run(t, "topics", "list", "--data="+dir); got.code != 0 || !strings.Contains(got.out, "orders (12 partitions, 1 replica)") || !strings.Contains(got.out, "order.placed             from orders-api         to inventory, orders") {
		t.Errorf("topics list: %+v", got)
	}

	if got := run(t, "check", "--data="+dir); got.code != 0 || !strings.Contains(got.out, "Topics: 8 are there") {
		t.Errorf("check: %+v", got)
	}
	var long groupOptions
	long.allow(first.Settings)
	if want := (groupOptions{FraudTime: 6 * time.Second, AcceptTime: 6 * time.Second, PreparationTime: 6 * time.Second, DeliveryTime: 6 * time.Second}); long != want {
		t.Errorf("an audit reads that its groups wait for %+v", long)
	}
	config := run(t, "config", "--data="+dir)
	for _, want := range []string{"delivery-time 6s default", "simulate instant --simulate", "fraud-rules demo default", "api-addr " + strings.TrimPrefix(first.API, "http://") + " --api-addr", "kafka-brokers " + first.Kafka[0] + " embedded"} {
		if config.code != 0 || !hasRow(config.out, want) {
			t.Errorf("there is no line %q in\n%+v", want, config)
		}
	}
	if !strings.Contains(config.out, fmt.Sprintf("(process %d) runs with:", first.PID)) || !strings.Contains(config.out, filepath.Join(dir, "spool")) {
		t.Errorf("config: %+v", config)
	}
	if got := run(t, "config", "--data="+dir, "--accept-time=7m"); got.code != 0 || !hasRow(got.out, "accept-time 7m --accept-time") || !strings.Contains(got.out, "up in "+dir) {
		t.Errorf("config: %+v", got)
	}
	if got := run(t, "spool", "check", "--data="+dir); got.code != exitFailed || !strings.Contains(got.err, filepath.Join(dir, "spool")+": another process is using it") {
		t.Errorf("spool check beside it: %+v", got)
	}

	started := time.Now()
	if got := first.stop(); got.code != 0 || time.Since(started) > 10*time.Second {
		t.Errorf("stopped with code %d after %v\n%s", got.code, time.Since(started), got.err)
	}
	if _, err := app.ReadServers(dir); !os.IsNotExist(err) {
		t.Errorf("after a stop servers.json is still there (%v)", err)
	}
	if got := run(t, "spool", "check", "--data="+dir); got.code != 0 || !strings.Contains(got.out, filepath.Join(dir, "spool")+": 0 records in 0 groups") {
		t.Errorf("spool check after a stop: %+v", got)
	}

	second := up(t, dir)
	if status, _ := second.outcome(t, id); status != "completed" {
		t.Errorf("after a second start the order is %s", status)
	}
	if status, reason := second.outcome(t, second.order(t, "bob", "annapurna", "masala-dosa")); status != "completed" {
		t.Errorf("after a second start an order is %s (%s)", status, reason)
	}
}

// P7: what can't be handled is visible and explained, and holds up its own key only; a person decides.
func TestParked(t *testing.T) {
	needsPostgres(t)
	alone(t)
	dir := filepath.Join(t.TempDir(), "data")
	i := up(t, dir)
	client, err := kafka.Open(kafka.Config{Brokers: i.Kafka})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	say := func(key, value, id string) {
		t.Helper()
		err := client.Produce(t.Context(), []kafka.Record{{
			Topic: "orders", Partition: kafka.Partition([]byte(key), app.DefaultPartitions), Key: []byte(key), Value: []byte(value),
			Headers: []kafka.Header{{Key: "ce_type", Value: []byte("order.placed")}, {Key: "ce_id", Value: []byte(id)}},
		}})
		if err != nil {
			t.Fatal(err)
		}
	}
	say("poison", `{"orderId": "poison"`, "p-1")
	say("poison", `{"orderId": "poison", "customerId": "alice", "restaurantId": "annapurna", "items": [{"sku": "masala-dosa", "quantity": 1}]}`, "p-2")

	if status, reason := i.outcome(t, i.order(t, "alice", "annapurna", "masala-dosa")); status != "completed" {
		t.Errorf("beside a parked key an order is %s (%s)", status, reason)
	}
	data := "--data=" + dir
	parked := func(args ...string) result {
		t.Helper()
		return run(t, append([]string{"parked", args[0], data}, args[1:]...)...)
	}
	await(t, func() bool { return strings.Count(parked("list").out, "poison  2 waiting") == 3 }) // inventory, orders and notification hear it
	got := parked("show", "poison", "--group=inventory")
	for _, want := range []string{"event 1 of 2: order.placed", "does not parse", "ce_id: p-1", `{"orderId": "poison"`, "waits behind"} {
		if got.code != 0 || !strings.Contains(got.out, want) {
			t.Errorf("show does not say %q: %+v", want, got)
		}
	}
	if got := parked("redrive", "poison", "--group=inventory", "--dry-run"); got.code != 0 || !strings.Contains(got.out, "would stay parked: order.placed does not parse") {
		t.Errorf("dry run of redrive: %+v", got)
	}
	if got := parked("redrive", "poison", "--group=inventory"); got.code != exitFailed || !strings.Contains(got.err, "still parked, with 2 events") {
		t.Errorf("redrive: %+v", got)
	}
	if got := parked("discard", "poison", "--group=inventory", "--dry-run"); got.code != 0 ||
		!strings.Contains(got.out, "act is not acted yet") || !strings.Contains(got.out, "would run reserve, and say stock.reserved") {
		t.Errorf("dry run of discard: %+v", got)
	}
	// The books balance all the same: what is parked is not done, and the audit says so.
	if got := run(t, "audit", data, "--wait=60s"); got.code != 0 || !strings.Contains(got.out, "The books balance.\nNot done yet is what waits behind 3 parked keys: see `tiffin parked list`.\n") {
		t.Errorf("audit beside parked keys: %+v", got)
	}
	if got := parked("discard", "poison"); got.code != 0 || strings.Count(got.out, "free again") != 3 {
		t.Errorf("discard: %+v", got)
	}
	if got := parked("list"); got.code != 0 || got.out != "nothing is parked\n" {
		t.Errorf("list: %+v", got)
	}
	if got := parked("show", "poison"); got.code != exitFailed || !strings.Contains(got.err, `no group has parked the key "poison"`) {
		t.Errorf("show: %+v", got)
	}
	if status, reason := i.outcome(t, "poison"); status != "completed" {
		t.Errorf("the order behind the poison is %s (%s)", status, reason)
	}
}

// await polls until it is so.
func await(t *testing.T, so func() bool) {
	t.Helper()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for over := time.After(patience); !so(); {
		select {
		case <-over:
			t.Fatal("it did not happen")
		case <-tick.C:
		}
	}
}

func TestUpRefusesWhatIsTaken(t *testing.T) {
	needsPostgres(t)
	alone(t)
	dir := filepath.Join(t.TempDir(), "data")
	i := up(t, dir, "--no-demo", "--simulate=off")
	if got := run(t, "up", "--data="+dir); got.code != exitFailed || !strings.Contains(got.err, fmt.Sprintf("another `tiffin up` (process %d) is using %s", os.Getpid(), dir)) {
		t.Errorf("a second up on one directory: %+v", got)
	}
	if got := run(t, "parked", "list", "--data="+dir); got.code != 0 || got.out != "nothing is parked\n" {
		t.Errorf("parked list: %+v", got)
	}
	postgres, err := postgresAddr(i.DatabaseURL)
	if err != nil {
		t.Fatal(err)
	}
	free := []string{"--api-addr=127.0.0.1:0", "--kafka-addr=127.0.0.1:0", "--postgres-addr=127.0.0.1:0", "--redis-addr=127.0.0.1:0"}
	for flag, taken := range map[string]string{"--api-addr": strings.TrimPrefix(i.API, "http://"), "--kafka-addr": i.Kafka[0], "--postgres-addr": postgres, "--redis-addr": redisAddr(i.RedisURL)} {
		other := filepath.Join(t.TempDir(), "other")
		args := append([]string{"up", "--data=" + other}, free...)
		got := run(t, append(args, flag+"="+taken)...)
		_, port, _ := net.SplitHostPort(taken)
		if got.code != exitFailed || !strings.Contains(got.err, "port "+port+" is taken") || !strings.Contains(got.err, flag) {
			t.Errorf("with %s taken: %+v", flag, got)
		}
		if _, err := os.Stat(other); !os.IsNotExist(err) {
			t.Errorf("with %s taken it leaves its directory behind (%v)", flag, err)
		}
	}
	if got := i.stop(); got.code != 0 || strings.Contains(got.err, "does not exist") { // the simulator has no schemas here
		t.Errorf("stopped with %+v", got)
	}
}

func postgresAddr(url string) (string, error) {
	_, rest, _ := strings.Cut(url, "@")
	addr, _, _ := strings.Cut(rest, "/")
	_, _, err := net.SplitHostPort(addr)
	return addr, err
}

func redisAddr(url string) string {
	return strings.TrimSuffix(strings.TrimPrefix(url, "redis://"), "/0")
}

// Parts of the product in processes of their own, on servers that are given: here those of an `up`.
func TestRunWithoutTopicsSaysHowToMakeThem(t *testing.T) {
	needsPostgres(t)
	alone(t)
	dir := filepath.Join(t.TempDir(), "data")
	i := up(t, dir, "--no-demo", "--simulate=off")
	servers := []string{"--kafka-brokers=" + i.Kafka[0], "--database-url=" + i.DatabaseURL, "--topic-prefix=other-"}
	args := slices.Concat([]string{"run", "--target=kitchen", "--ops-addr=127.0.0.1:0", "--log-level=error"}, servers)
	if got := run(t, args...); got.code != exitFailed || !strings.Contains(got.err, "tiffin topics create") {
		t.Errorf("without topics: %+v", got)
	}
	if got := run(t, slices.Concat([]string{"topics", "create", "--partitions=3"}, servers)...); got.code != 0 || !strings.Contains(got.out, "each with 3 partitions") {
		t.Errorf("topics create: %+v", got)
	}
	if got := run(t, slices.Concat([]string{"topics", "create", "--partitions=4"}, servers)...); got.code != exitFailed || !strings.Contains(got.err, "declare 3") {
		t.Errorf("topics create with another number: %+v", got)
	}
	if got := run(t, slices.Concat([]string{"topics", "create", "--partitions=3", "--replication=3"}, servers)...); got.code != exitFailed || !strings.Contains(got.err, "fewer than 3 replicas") || !strings.Contains(got.err, "kitchen (1)") {
		t.Errorf("topics create with more replicas than there are: %+v", got)
	}
}
