package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/goleak"
)

// Whatever a command starts is gone when it ends.
func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// result is what came of a command line.
type result struct {
	code     int
	out, err string
}

// run runs one command line, in an empty directory and without the environment of whoever runs the tests.
func run(t *testing.T, args ...string) result {
	t.Helper()
	var out, errs bytes.Buffer
	code := tiffin(t.Context(), args, strings.NewReader(""), &out, &errs)
	return result{code, out.String(), errs.String()}
}

// alone takes away what commands would find around them.
func alone(t *testing.T) {
	t.Helper()
	t.Chdir(t.TempDir())
	for _, entry := range os.Environ() {
		name, _, _ := strings.Cut(entry, "=")
		if strings.HasPrefix(name, "TIFFIN_") && !strings.HasPrefix(name, "TIFFIN_TEST_") && name != "TIFFIN_UPDATE" || name == "KAFKA_BROKERS" || name == "DATABASE_URL" || name == "REDIS_URL" {
			t.Setenv(name, "") // so that it is set again after the test
			if err := os.Unsetenv(name); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func TestExitCodesAndErrors(t *testing.T) {
	alone(t)
	for _, test := range []struct {
		args string
		code int
		err  string // in what is written to the standard error
		out  string
	}{
		{"", 0, "", "tiffin <command>"},
		{"--help", 0, "", "parked redrive"},
		{"up --help", 0, "", "Default: 6s"},
		{"run --help", 0, "", "Default: 15m"},
		{"version", 0, "", "tiffin "},
		{"fly", exitUsage, "unexpected argument fly", ""},
		{"up --wings", exitUsage, "unknown flag --wings", ""},
		{"up --accept-time=soon", exitUsage, "--accept-time", ""},
		{"up --simulate=maybe", exitUsage, "--simulate", ""},
		{"run", exitUsage, "--target", ""},
		{"run --target=kitchn", exitUsage, `no target "kitchn": choose some of all, orders-api, likes-api, payments-api, views-api, inventory`, ""},
		{"run --target=all --partitions=-1 --log-level=loud", exitUsage, "-1 partitions", ""},
		{"run --target=all --partitions=-1 --log-level=loud", exitUsage, `"loud"`, ""},
		{"run --target=all --spool-limit-mib=0", exitUsage, "8 to 8796093022207 MiB", ""},
		{"run --target=all --spool-limit-mib=1", exitUsage, "8 to 8796093022207 MiB", ""},
		{"run --target=all --spool-limit-mib=17592186044416", exitUsage, "8 to 8796093022207 MiB", ""},
		{"config --spool-limit-mib=-1", exitUsage, "8 to 8796093022207 MiB", ""},
		{"run --target=all --partitions=0", exitUsage, "--partitions, --replication and --retention can't be 0", ""},
		{"topics create --replication=0", exitUsage, "can't be 0", ""},
		{"run --target=kitchen --ops-addr=8081", exitUsage, `"8081" is not host:port`, ""},
		{"run --target=all --sasl-username=u", exitUsage, "set --sasl-mechanism to PLAIN", ""},
		{"run --target=all --tls-ca=ca.pem", exitUsage, "set --tls, or", ""},
		{"run --target=all --kafka-brokers=nonsense", exitUsage, `--kafka-brokers has "nonsense"`, ""},
		{"map --group=kitchn", exitUsage, `no group "kitchn"`, ""},
		{"map --fact=payment.refnded", exitUsage, `no fact "payment.refnded"`, ""},
		{"map --fact=payment.refunded --end=order.completed", exitUsage, "ask for one of them", ""},
		{"map --end=nope", exitUsage, `no end "nope": choose some of order.cancelled, order.completed`, ""},
		{"map --group=kitchen --fact=payment.refunded", exitUsage, "leave --group", ""},
		{"map --fraud-rules=nowhere.json", exitUsage, "nowhere.json", ""},
		{"seed nowhere.json", exitFailed, "nowhere.json", ""},
		{"seed --kafka-brokers=127.0.0.1:1", exitFailed, "start `tiffin up`", ""},
		{"audit --kafka-brokers=127.0.0.1:1", exitFailed, "KAFKA_BROKERS", ""},
		{"parked list --database-url=postgres://u:secret@127.0.0.1:1/x", exitFailed, "127.0.0.1:1", ""},
		{"parked list --database-url=postgres://u:secret@127.0.0.1:1/x", exitFailed, "DATABASE_URL", ""},
	} {
		got := run(t, strings.Fields(test.args)...)
		if got.code != test.code || !strings.Contains(got.err, test.err) || !strings.Contains(got.out, test.out) {
			t.Errorf("tiffin %s: code %d, want %d\n%s%s", test.args, got.code, test.code, got.out, got.err)
		}
		if test.code == 0 && got.err != "" || test.code != 0 && got.out != "" {
			t.Errorf("tiffin %s: wrote to the wrong place:\n%s%s", test.args, got.out, got.err)
		}
		if strings.Contains(got.err, "secret") {
			t.Errorf("tiffin %s shows a password:\n%s", test.args, got.err)
		}
	}
}

func TestUnknownVariablesAreNamed(t *testing.T) {
	alone(t)
	for name, want := range map[string]string{
		"TIFFIN_PARTTIONS":     "tiffin: warning: nothing reads TIFFIN_PARTTIONS, did you mean TIFFIN_PARTITIONS?\n",
		"TIFFIN_OPS_ADRR":      "tiffin: warning: nothing reads TIFFIN_OPS_ADRR, did you mean TIFFIN_OPS_ADDR?\n",
		"TIFFIN_ELEPHANT":      "tiffin: warning: nothing reads TIFFIN_ELEPHANT\n",
		"TIFFIN_SPOOL_DIR":     "",
		"TIFFIN_LOAD_RATE":     "", // another command's
		"TIFFIN_TEST_KAFKA":    "",
		"TIFFIN_E2E_COMPOSE":   "",
		"TIFFIN_SERVICE_HOST":  "",
		"TIFFIN_PORT_8080_TCP": "",
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv(name, "3")
			if got := run(t, "version"); got.code != 0 || got.err != want {
				t.Errorf("code %d, error %q, want %q", got.code, got.err, want)
			}
		})
	}
}

func TestASeedFileIsRefusedWithThePlace(t *testing.T) {
	alone(t)
	if err := os.WriteFile("menu.json", []byte(`{"fleets": [{"city": "", "couriers": 1}]}`), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile("empty.json", []byte(`{}`), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := run(t, "seed", "empty.json"); got.code != exitFailed || !strings.Contains(got.err, "empty.json: invalid: the document must have something to say") {
		t.Errorf("code %d\n%s%s", got.code, got.out, got.err)
	}
	if got := run(t, "seed", "menu.json"); got.code != exitFailed || !strings.Contains(got.err, "menu.json: ") || !strings.Contains(got.err, "/fleets/0/city") {
		t.Errorf("code %d\n%s%s", got.code, got.out, got.err)
	}
}

func TestConfigShowsValuesAndSourcesButNoSecrets(t *testing.T) {
	alone(t)
	if err := os.MkdirAll("there", 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join("there", "servers.json"), []byte(`{"kafka": ["127.0.0.1:1234"], "databaseUrl": "postgres://elsewhere/x"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("DATABASE_URL", "postgres://u:s3cr3t@h/d")
	t.Setenv("TIFFIN_SASL_PASSWORD", "s3cr3t")
	t.Setenv("TIFFIN_NOTIFY_SECRET", "s3cr3t")
	t.Setenv("TIFFIN_NOTIFY", "smtp://u:s3cr3t@h:587?from=a@b.c&to={customer}@b.c")
	t.Setenv("TIFFIN_REDIS_URL", "redis://u:s3cr3t@h:6379/0")
	t.Setenv("TIFFIN_ACCEPT_TIME", "7m")
	got := run(t, "config", "--data=there", "--sasl-mechanism=PLAIN", "--sasl-username=u")
	if got.code != 0 || strings.Contains(got.out+got.err, "s3cr3t") || !strings.Contains(got.out, "would use here:\n") || !strings.Contains(got.out, absolute("there")+"\n") {
		t.Errorf("code %d\n%s%s", got.code, got.out, got.err)
	}
	for _, want := range []string{
		"ops-addr 127.0.0.1:8081 default",
		"kafka-brokers 127.0.0.1:1234 up in there", "database-url postgres://u:xxxxx@h/d DATABASE_URL", "sasl-password xxxxx TIFFIN_SASL_PASSWORD", "notify-secret xxxxx TIFFIN_NOTIFY_SECRET", "redis-url redis://u:xxxxx@h:6379/0 TIFFIN_REDIS_URL",
		"sasl-mechanism PLAIN --sasl-mechanism", "accept-time 7m TIFFIN_ACCEPT_TIME", "preparation-time 30m default", "partitions 12 default",
	} {
		if !hasRow(got.out, want) {
			t.Errorf("there is no line %q in\n%s", want, got.out)
		}
	}
}

// hasRow says whether one of the lines has these words.
func hasRow(text, words string) bool {
	for line := range strings.Lines(text) {
		if strings.Join(strings.Fields(line), " ") == words {
			return true
		}
	}
	return false
}
