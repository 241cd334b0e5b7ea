package audit

import (
	"testing"

	"github.com/go-json-experiment/json"
)

func TestTheReportInWords(t *testing.T) {
	r := Report{Quiet: true, Checks: []Check{
		{Name: "accounts", About: "each account has what its movements make", Verdict: OK, Counted: 12, Thing: "account", Things: "accounts"},
		{Name: "parked", About: "keys that can't be handled", Verdict: Noted, Counted: 2, Found: 2, Things: "keys", Examples: []string{"kitchen, key a", "kitchen, key b"}},
		{Name: "balances", About: "all balances sum to zero", Verdict: OK, Counted: 1, Thing: "currency", Things: "currencies"},
		{Name: "lag", About: "events unread", Verdict: Skipped, Why: "Kafka is not part of this audit"},
	}}
	wrong := r
	wrong.Checks = append(wrong.Checks[:1:1], Check{Name: "escrow", About: "escrow has what is open", Verdict: Wrong, Counted: 30, Found: 11, Things: "currencies", Examples: []string{"escrow in INR"}})
	provisional := r
	provisional.Quiet = false
	provisional.Checks = []Check{{Name: "completed", About: "everything is done", Verdict: Provisional, Counted: 5, Found: 1, Things: "orders", Examples: []string{"order o1"}}}
	for name, test := range map[string]struct {
		report Report
		ok     bool
		want   string
	}{
		"balanced": {r, true, `ok          accounts      12 accounts: each account has what its movements make
noted       parked        2 of 2 keys: keys that can't be handled
                          - kitchen, key a
                          - kitchen, key b
ok          balances      1 currency: all balances sum to zero
skipped     lag           Kafka is not part of this audit
The books balance.
Not done yet is what waits behind 2 parked keys: see ` + "`tiffin parked list`.\n"},
		"wrong": {wrong, false, `ok          accounts      12 accounts: each account has what its movements make
wrong       escrow        11 of 30 currencies: escrow has what is open
                          - escrow in INR
                          - and 10 more
The books do NOT balance.
`},
		"provisional": {provisional, true, `provisional completed     1 of 5 orders: everything is done
                          - order o1
The books may balance: events are on their way that may mend what looks wrong. Let the audit wait for them.
`},
		"on the way": {Report{}, true, "The books balance, as far as can be told while events may be on their way.\n"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := test.report.String(); got != test.want {
				t.Errorf("says\n%s\nwant\n%s", got, test.want)
			}
			if test.report.OK() != test.ok {
				t.Errorf("OK is %v", !test.ok)
			}
		})
	}
}

func TestTheReportAsJSON(t *testing.T) {
	r := Report{Checks: []Check{{Name: "lag", About: "unread", Verdict: Noted, Counted: 2, Found: 1, Thing: "group", Things: "groups", Examples: []string{"kitchen"}}}}
	got, err := json.Marshal(r)
	want := `{"at":"0001-01-01T00:00:00Z","quiet":false,"checks":[{"name":"lag","about":"unread","verdict":"noted","counted":2,"things":"groups","found":1,"examples":["kitchen"]}]}`
	if err != nil || string(got) != want {
		t.Errorf("%s, %v\nwant %s", got, err, want)
	}
}
