package app

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tiffin/saga"
	"tiffin/saga/kafka"
)

func TestTheZeroConfigurationWorks(t *testing.T) {
	if err := (Config{}).Validate(); err != nil {
		t.Error(err)
	}
}

func TestAllFaultsAreReportedAtOnce(t *testing.T) {
	err := Config{
		Kafka:       kafka.Config{Brokers: []string{"nowhere"}, SASL: kafka.SASL{Mechanism: "GUESS"}},
		DatabaseURL: "postgres://u:secret@host:port/x", APIAddr: "8080", OpsAddr: "8081",
		Partitions: -1, Replication: 99, Retention: time.Hour,
		Deadlines: Deadlines{FraudCheck: -time.Second, Delivery: 48 * time.Hour}, FraudRulesFile: "no-such-file",
		LogLevel: "loud", LogFormat: "xml",
	}.Validate()
	if err == nil {
		t.Fatal("no faults")
	}
	for _, want := range []string{"nowhere", "GUESS", "the database URL", "8080", "8081", "-1 partitions", "99", "1h0m0s", "fraud check", "delivery", "no-such-file", "loud", "xml"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("nothing is said of %q in:\n%v", want, err)
		}
	}
	if strings.Contains(err.Error(), "secret") {
		t.Errorf("the password is shown:\n%v", err)
	}
}

func TestFraudRulesAreRefusedWithTheirPlace(t *testing.T) {
	for name, test := range map[string]struct{ file, want string }{
		"not JSON":            {`[{]`, "must be a JSON list"},
		"null":                {`null`, "must be a JSON list"},
		"unknown member":      {`[{"reason": "a", "when": "Blocked", "then": "flag", "whenn": ""}]`, "whenn"},
		"does not compile":    {`[{"reason": "a", "when": "Blocked", "then": "flag"}, {"reason": "b", "when": "Amount >", "then": "flag"}]`, "rule 2 (b) does not compile: unexpected token EOF (1:"},
		"unknown name":        {`[{"reason": "a", "when": "Colour == 1", "then": "flag"}]`, "unknown name Colour (1:1)"},
		"not yes or no":       {`[{"reason": "a", "when": "Amount", "then": "flag"}]`, "rule 1 (a)"},
		"unknown consequence": {`[{"reason": "a", "when": "Blocked", "then": "jail"}]`, "jail"},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "rules.json")
			if err := os.WriteFile(path, []byte(test.file), 0o600); err != nil {
				t.Fatal(err)
			}
			err := Config{FraudRulesFile: path}.Validate()
			if err == nil || !strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), path) {
				t.Errorf("error %v, want one with %q and the file's name", err, test.want)
			}
		})
	}
}

func TestNoFraudRulesAreNotTheDefaultOnes(t *testing.T) {
	rules, err := Config{FraudRules: []byte(`[]`)}.fraudRules()
	if err != nil || rules == nil || len(rules) != 0 {
		t.Errorf("rules %v, error %v, want none", rules, err)
	}
}

func TestPasswordsAreHidden(t *testing.T) {
	for url, want := range map[string]string{
		"postgres://tiffin@localhost/tiffin":                             "postgres://tiffin@localhost/tiffin",
		"postgres://tiffin:secret@localhost/tiffin":                      "postgres://tiffin:xxxxx@localhost/tiffin",
		"postgres://localhost/tiffin?user=u&password=secret&sslmode=off": "postgres://localhost/tiffin?user=u&password=xxxxx&sslmode=off",
		"postgres://u:secret@h/d?sslpassword=secret":                     "postgres://u:xxxxx@h/d?sslpassword=xxxxx",
		"postgres://u:sec/ret@h/d":                                       "postgres://u:xxxxx@h/d",
		"host=h user=u password=secret dbname=d":                         "host=h user=u password=xxxxx dbname=d",
		"host=h password='my secret' dbname=d":                           "host=h password=xxxxx dbname=d",
		`host=h PASSWORD = 'my \' secret' dbname=d`:                      "host=h PASSWORD = xxxxx dbname=d",
	} {
		if got := Redact(url); got != want {
			t.Errorf("%s is shown as %s, want %s", url, got, want)
		}
	}
}

func TestSecretsOfChannelsAreHidden(t *testing.T) {
	for url, want := range map[string]string{
		"mailbox:": "mailbox:",
		"smtp://mail.example.org:587?from=a@b.c&to={customer}@b.c": "smtp://mail.example.org:587?from=a@b.c&to={customer}@b.c",
		"smtp://u:secret@h:587?from=a@b.c":                         "smtp://u:xxxxx@h:587?from=a@b.c",
		"https://hooks.example.org/secret?key=secret":              "https://hooks.example.org/xxxxx",
	} {
		if got := RedactChannel(url); got != want {
			t.Errorf("%s is shown as %s, want %s", url, got, want)
		}
	}
}

// The groups' own defaults and those that the command line names must not drift apart.
func TestDeadlinesReachTheirGroups(t *testing.T) {
	groups, err := Config{Deadlines: Deadlines{FraudCheck: 1 * time.Second, Acceptance: 2 * time.Second, Preparation: 3 * time.Second, Delivery: 4 * time.Second}}.Groups()
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]time.Duration{"payments/unchecked": time.Second, "kitchen/giveUp": 2 * time.Second, "kitchen/assumeCooked": 3 * time.Second, "delivery/lost": 4 * time.Second}
	for _, g := range groups {
		for _, r := range g.Reactions() {
			if r.Role == saga.RoleElse && want[g.Name()+"/"+r.Name] != r.Within {
				t.Errorf("%s.%s waits %v, want %v", g.Name(), r.Name, r.Within, want[g.Name()+"/"+r.Name])
			}
			delete(want, g.Name()+"/"+r.Name)
		}
	}
	if len(want) > 0 {
		t.Errorf("nobody waits: %v", want)
	}
}
