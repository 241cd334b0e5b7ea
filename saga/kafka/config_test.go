package kafka

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"

	"tiffin/internal/testservers"
)

func TestValidateReportsAllFaultsAtOnce(t *testing.T) {
	err := Config{
		Brokers:     []string{"localhost"},
		TopicPrefix: "a b",
		TLS:         TLS{CertFile: "cert.pem"},
		SASL:        SASL{Mechanism: "GSSAPI"},
	}.Validate()
	if err == nil {
		t.Fatal("no fault found")
	}
	for _, part := range []string{"Brokers", "TopicPrefix", "not enabled", "belong together", "GSSAPI"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("nothing about %q in: %v", part, err)
		}
	}
}

func TestValidate(t *testing.T) {
	brokers := []string{"localhost:9092"}
	for name, c := range map[string]struct {
		config Config
		valid  bool
	}{
		"zero":              {Config{}, false},
		"brokers":           {Config{Brokers: brokers}, true},
		"prefix":            {Config{Brokers: brokers, TopicPrefix: "shop-1."}, true},
		"user, no way":      {Config{Brokers: brokers, SASL: SASL{Username: "u", Password: "p"}}, false},
		"way, no user":      {Config{Brokers: brokers, SASL: SASL{Mechanism: Plain}}, false},
		"user":              {Config{Brokers: brokers, SASL: SASL{ScramSHA512, "u", "p"}}, true},
		"encrypted":         {Config{Brokers: brokers, TLS: TLS{Enabled: true}}, true},
		"key, no cert":      {Config{Brokers: brokers, TLS: TLS{Enabled: true, KeyFile: "k"}}, false},
		"port without host": {Config{Brokers: []string{":9092"}}, false},
	} {
		if err := c.config.Validate(); (err == nil) != c.valid {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestOpenNamesTheFileThatIsMissing(t *testing.T) {
	_, err := Open(Config{Brokers: []string{"localhost:9092"}, TLS: TLS{Enabled: true, CAFile: "/nowhere/ca.pem"}})
	if err == nil || !strings.Contains(err.Error(), "/nowhere/ca.pem") {
		t.Errorf("got %v", err)
	}
}

// Both ways to the brokers, the transport and the dialer of groups, must be encrypted and logged in.
func TestTLSAndSASLOnBothPaths(t *testing.T) {
	caFile, server := certificate(t)
	for _, login := range []SASL{{Plain, "ada", "pw"}, {ScramSHA256, "ada", "pw"}, {ScramSHA512, "ada", "pw"}} {
		t.Run(login.Mechanism, func(t *testing.T) {
			cluster := newCluster(t, kfake.TLS(server), kfake.EnableSASL(), kfake.Superuser(login.Mechanism, "ada", "pw"))
			config := Config{Brokers: cluster.ListenAddrs(), TLS: TLS{Enabled: true, CAFile: caFile}, SASL: login}
			c := openClient(t, config)
			createTopics(t, c, 1, "orders")
			joined := make(chan Assignment, 1)
			join(t, c, "kitchen", []string{"orders"}, joined)
			if a := receive(t, joined); len(a.Lanes) != 1 {
				t.Errorf("lanes %v", a.Lanes)
			}

			config.SASL.Password = "wrong"
			if err := openClient(t, config).Ping(testContext(t)); err == nil { // kfake only hangs up, Kafka says why
				t.Error("a wrong password is good enough")
			}
			config.TLS.CAFile = ""
			if err := openClient(t, config).Ping(testContext(t)); err == nil || Retryable(err) {
				t.Errorf("with an unknown authority: %v (retryable %t)", err, Retryable(err))
			}
		})
	}
}

// certificate makes a certificate for the loopback, and a file with the authority for it.
func certificate(t *testing.T) (caFile string, server *tls.Config) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber:          big.NewInt(1),
		Subject:               pkix.Name{CommonName: "test"},
		NotBefore:             time.Now().Add(-time.Hour),
		NotAfter:              time.Now().Add(time.Hour),
		IsCA:                  true,
		BasicConstraintsValid: true,
		KeyUsage:              x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		IPAddresses:           []net.IP{net.IPv4(127, 0, 0, 1)},
		DNSNames:              []string{"localhost"},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	caFile = filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(caFile, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	return caFile, &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}
}

func TestPing(t *testing.T) {
	cluster := newCluster(t)
	c := newClient(t, cluster)
	if err := c.Ping(testContext(t)); err != nil {
		t.Fatal(err)
	}
	nobody := openClient(t, Config{Brokers: []string{testservers.FreeAddr(t)}})
	if err := nobody.Ping(testContext(t)); err == nil || !Retryable(err) {
		t.Errorf("nobody there: %v", err)
	}
}

func TestClosedClient(t *testing.T) {
	c := newClient(t, newCluster(t))
	createTopics(t, c, 1, "orders")
	ctx := testContext(t)

	// A long poll that is under way ends with the client.
	ended := make(chan error, 1)
	go func() {
		_, err := c.Fetch(ctx, []Position{{"orders", 0, 0}}, FetchOptions{MaxWait: patience})
		ended <- err
	}()
	c.Close()
	if err := receive(t, ended); !errors.Is(err, ErrClosed) {
		t.Errorf("poll: %v", err)
	}
	if err := c.Ping(ctx); Retryable(err) || err == nil {
		t.Errorf("ping: %v", err)
	}
	if _, err := c.Committed(ctx, "g", []TopicPartition{{"orders", 0}}); err != ErrClosed {
		t.Errorf("committed: %v", err)
	}
	if err := c.Join(ctx, Membership{Group: "g", Topics: []string{"orders"}, Hold: func(context.Context, Assignment) error { return nil }}); err != ErrClosed {
		t.Errorf("join: %v", err)
	}
}
