package main

import (
	"bufio"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tiffin/internal/app"
	"tiffin/internal/audit"
	"tiffin/internal/testservers"
	"tiffin/saga/kafka"
)

func TestAnAuditSucceedsOnlyIfNothingLooksWrong(t *testing.T) {
	of := func(verdicts ...audit.Verdict) audit.Report {
		var r audit.Report
		for _, v := range verdicts {
			r.Checks = append(r.Checks, audit.Check{Verdict: v})
		}
		return r
	}
	lags := of(audit.OK)
	quiet := lags
	quiet.Quiet = true
	for name, test := range map[string]struct {
		report audit.Report
		wait   time.Duration
		want   string // in the error
	}{
		"balanced":               {of(audit.OK, audit.Noted, audit.Skipped), 0, ""},
		"wrong":                  {of(audit.OK, audit.Wrong), 0, errSaid.Error()},
		"wrong, and provisional": {of(audit.Provisional, audit.Wrong), 0, errSaid.Error()},
		"provisional":            {of(audit.OK, audit.Provisional), 0, "provisional: events are on their way; use --wait"},
		"perhaps balanced":       {lags, 0, ""},
		"not all is read":        {lags, 30 * time.Second, "nothing looks wrong, but events are on their way, still after 30s"},
		"all is read":            {quiet, 30 * time.Second, ""},
		"still provisional":      {of(audit.Provisional), 30 * time.Second, "provisional: events are on their way, still after 30s; use a longer --wait"},
	} {
		t.Run(name, func(t *testing.T) {
			err := auditCommand{Wait: test.wait}.verdict(test.report)
			if (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v, want %q", err, test.want)
			}
			if errors.Is(err, errSaid) != (test.want == errSaid.Error()) {
				t.Errorf("the error %v is said twice, or not at all", err)
			}
		})
	}
}

// Nothing is wrong with an order that takes as long as the groups give it that are there.
func TestAnAuditKnowsTheDeadlinesOfTheUp(t *testing.T) {
	alone(t)
	dir := t.TempDir()
	there := `{"kafka": ["127.0.0.1:1"], "databaseUrl": "postgres://there/x", "settings": [{"name": "delivery-time", "value": "3h"}, {"name": "fraud-time", "value": "6s"}]}`
	if err := os.WriteFile(filepath.Join(dir, "servers.json"), []byte(there), 0o600); err != nil {
		t.Fatal(err)
	}
	own := groupOptions{FraudTime: 15 * time.Minute, AcceptTime: 10 * time.Minute, PreparationTime: 30 * time.Minute, DeliveryTime: time.Hour}
	for _, test := range []struct {
		database string
		data     string
		delivery time.Duration
	}{
		{"", dir, 3 * time.Hour},
		{"postgres://there/x", dir, 3 * time.Hour},
		{"postgres://elsewhere/x", dir, time.Hour},
		{"", "nothing", time.Hour},
	} {
		c := bookOptions{groupOptions: own}
		c.Data, c.DatabaseURL = test.data, test.database
		cfg, err := c.config()
		want := app.Deadlines{FraudCheck: 15 * time.Minute, Acceptance: 10 * time.Minute, Preparation: 30 * time.Minute, Delivery: test.delivery}
		if err != nil || cfg.Deadlines != want {
			t.Errorf("%+v: %+v, %v", test, cfg.Deadlines, err)
		}
	}
}

// running runs `tiffin run` with some targets until the returned function is called. It returns when the groups run.
func running(t *testing.T, targets string, servers []string) (stop func() int) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	log, errs := io.Pipe()
	ended := make(chan int, 1)
	go func() {
		args := append([]string{"run", "--target=" + targets, "--api-addr=127.0.0.1:0", "--ops-addr=127.0.0.1:0"}, servers...)
		code := tiffin(ctx, args, strings.NewReader(""), io.Discard, errs)
		_ = errs.Close() // it always succeeds
		ended <- code
	}()
	up := make(chan struct{})
	drained := make(chan struct{})
	go func() { // to the end, or whoever logs would wait for a reader
		defer close(drained)
		lines := bufio.NewScanner(log)
		for lines.Scan() {
			t.Log(lines.Text())
			if strings.Contains(lines.Text(), "msg=running") {
				close(up)
			}
		}
	}()
	stop = func() int {
		cancel()
		code := <-ended
		ended <- code // for whoever stops it again
		<-drained
		return code
	}
	t.Cleanup(func() { stop() })
	select {
	case <-up:
	case <-time.After(patience):
		t.Fatalf("%s does not run: code %d", targets, stop())
	case <-drained:
		t.Fatalf("%s has ended: code %d", targets, stop())
	}
	return stop
}

// What looks wrong only because a group has not heard of it yet is no success, and the command says what helps.
func TestAnAuditWhileAGroupIsAwayIsProvisional(t *testing.T) {
	alone(t)
	broker, prefix := testservers.Kafka(t), testservers.Name("audit")+"."
	servers := []string{"--kafka-brokers=" + broker, "--database-url=" + testservers.Postgres(t), "--topic-prefix=" + prefix}
	if got := run(t, append([]string{"topics", "create", "--partitions=1"}, servers...)...); got.code != 0 {
		t.Fatalf("topics create: %+v", got)
	}
	if code := running(t, app.All, servers)(); code != 0 { // every group has its tables now
		t.Fatalf("run ended with code %d", code)
	}
	running(t, "inventory", servers)
	client, err := kafka.Open(kafka.Config{Brokers: []string{broker}, TopicPrefix: prefix})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	if err := client.Produce(t.Context(), []kafka.Record{{
		Topic: "orders", Key: []byte("o-1"), Value: []byte(`{"orderId":"o-1","customerId":"alice","restaurantId":"annapurna","items":[{"sku":"idli","quantity":1}]}`),
		Headers: []kafka.Header{{Key: "ce_type", Value: []byte("order.placed")}, {Key: "ce_id", Value: []byte("o-1")}},
	}}); err != nil {
		t.Fatal(err)
	}
	var got result
	await(t, func() bool {
		got = run(t, append([]string{"audit"}, servers...)...)
		return strings.Contains(got.out, "provisional")
	})
	if got.code != exitFailed || !strings.Contains(got.err, "provisional: events are on their way; use --wait") || !strings.Contains(got.out, "order o-1 has a reservation") {
		t.Errorf("while orders is away: %+v", got)
	}
	running(t, "orders,payments,kitchen,delivery,fraud,likes,notification,analytics", servers)
	if got := run(t, append([]string{"audit", "--wait=60s"}, servers...)...); got.code != 0 || got.err != "" || !strings.Contains(got.out, "The books balance.") {
		t.Errorf("when everybody has heard: %+v", got)
	}
}
