package load

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
)

// target is an API, at an address that was looked up once: what was checked is what is asked.
type target struct {
	url  string
	host string // of the Host header
	name string // of the certificate
	tls  bool
	// addrs are to be dialed, one after the other: localhost has two, and an API may listen on either.
	addrs []string
}

// dial connects to the first address at which somebody listens.
func (t target) dial() (conn net.Conn, err error) {
	for _, addr := range t.addrs {
		if conn, err = (&net.Dialer{Timeout: dialTimeout}).Dial("tcp", addr); err == nil {
			return conn, nil
		}
	}
	return nil, err
}

// resolve reads and looks up the targets, and refuses those at which nobody should aim by mistake.
func resolve(ctx context.Context, urls []string, anyTarget bool) ([]target, error) {
	var targets []target
	var faults []error
	for _, text := range urls {
		t, err := resolveOne(ctx, text, anyTarget)
		if err != nil {
			faults = append(faults, err)
		}
		targets = append(targets, t)
	}
	return targets, errors.Join(faults...)
}

func resolveOne(ctx context.Context, text string, anyTarget bool) (target, error) {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || u.Path != "" && u.Path != "/" || u.RawQuery != "" || u.User != nil {
		return target{}, fmt.Errorf("%q is no target: give scheme, host and port alone, as in http://127.0.0.1:8080", text)
	}
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	addrs, err := net.DefaultResolver.LookupNetIP(ctx, "ip", u.Hostname())
	if err != nil {
		return target{}, fmt.Errorf("%s can't be found: %w", text, err)
	}
	t := target{url: text, host: u.Host, name: u.Hostname(), tls: u.Scheme == "https"}
	for _, addr := range addrs {
		if !anyTarget && !own(addr) {
			return target{}, fmt.Errorf("%s is %s, which is neither this machine nor a private network: a load is an attack on whoever has not asked for it; "+
				"say --yes if it is yours", text, addr.Unmap())
		}
		t.addrs = append(t.addrs, net.JoinHostPort(addr.Unmap().String(), port))
	}
	return t, nil
}

// own reports whether an address is this machine's or of a private network.
func own(addr netip.Addr) bool {
	addr = addr.Unmap()
	return addr.IsLoopback() || addr.IsPrivate() || addr.IsLinkLocalUnicast()
}
