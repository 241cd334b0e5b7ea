package app

import (
	"bytes"
	"io"
	"log/slog"
	"strings"
	"testing"
)

// What PostgreSQL says of one thing is one record, and what its connections say when it ends is nothing to look at.
func TestServersAreLoggedByEntry(t *testing.T) {
	var out bytes.Buffer
	w := logLines{slog.New(slog.NewTextHandler(&out, nil)), "postgres"}
	for _, chunk := range []string{
		"ERROR:  relation \"l\" does not exist at character 20\nSTATEMENT:  select x\n\tfrom l\n\twhere y\nWARNING:  worker took too long\nHINT:  look\n",
		"FATAL:  terminating connection due to unexpected postmaster exit\nFATAL:  terminating connection due to administrator command\nLOG:  ready\n",
		"FATAL:  the database system is starting up\n",
		"FATAL:  the database system is not yet accepting connections\nDETAIL:  Consistent recovery state has not been yet reached.\n",
		"PANIC:  no space left\n",
	} {
		if _, err := io.WriteString(w, chunk); err != nil {
			t.Fatal(err)
		}
	}
	for _, want := range []string{`character 20 STATEMENT:  select x from l where y"`, `"WARNING:  worker took too long HINT:  look"`, `"PANIC:  no space left"`} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("there is no %s", want)
		}
	}
	if n := strings.Count(out.String(), "\n"); n != 3 || t.Failed() {
		t.Errorf("%d records, want 3:\n%s", n, &out)
	}
}
