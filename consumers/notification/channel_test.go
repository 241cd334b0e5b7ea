package notification_test

import (
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"

	"tiffin/consumers/notification"
)

func TestOpen(t *testing.T) {
	const smtp = "smtp://user:hidden@mail.example.org?from=tiffin@example.org&to={customer}@example.org"
	for channelURL, want := range map[string]string{
		"mailbox:":                         "", // opens
		smtp:                               "",
		smtp + "&tls=off":                  "",
		"smtps" + smtp[4:]:                 "",
		"https://hooks.example.org/hidden": "",
		"http://127.0.0.1:8080/hook":       "",
		"":                                 "there is no notification channel",
		"pigeon://hidden":                  "there is no notification channel",
		"smtp://hidden:pass word@x:y/":     "does not parse",
		"https:///hidden":                  "no host",
		"smtp://:587?from=a@b.c&to=x":      "no host",
		"smtp://x:0?from=a@b.c&to={customer}@d.e":                   "port",
		strings.Replace(smtp, "from=", "by=", 1):                    "from=",
		strings.Replace(smtp, "{customer}", "alice", 1):             "to=",
		strings.Replace(smtp, "{customer}@", "{customer}", 1) + "@": "to=",
		smtp + "&tls=maybe":                                         "tls=",
	} {
		channel, err := notification.Open(channelURL, notification.ChannelConfig{DB: new(pgxpool.Pool)})
		switch {
		case want == "" && (err != nil || channel == nil):
			t.Errorf("%s: %v", channelURL, err)
		case want != "" && (err == nil || !strings.Contains(err.Error(), want)):
			t.Errorf("%s: %v, want something about %s", channelURL, err, want)
		case err != nil && strings.Contains(err.Error(), "hidden"):
			t.Errorf("%s: the error tells a secret: %v", channelURL, err)
		}
	}
	if _, err := notification.Open("mailbox:", notification.ChannelConfig{}); err == nil {
		t.Error("a mailbox without a database")
	}
	for _, secret := range []string{"hidden", "whsec_hidden!", "whsec_c2hvcnQ="} {
		if _, err := notification.Open("https://hooks.example.org", notification.ChannelConfig{WebhookSecret: secret}); err == nil || strings.Contains(err.Error(), secret) {
			t.Errorf("secret %s: %v", secret, err)
		}
	}
}
