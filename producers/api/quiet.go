package api

import (
	"context"
	"net"
	"net/http"
	"sync/atomic"

	"github.com/labstack/echo/v4"
)

// Quiet is middleware for handlers that read a body and then answer within moments, as those do that wait for the disk. Their
// request's context does not end when the client goes away: they would be done before they could act on it.
//
// It saves the tenth of what such a request costs. Once a body has been read, net/http starts a goroutine that reads one
// more byte from the connection, only to notice a disconnect, and has to be stopped again when the handler has returned. Here that
// read ends at once with nothing, which net/http takes as it is. Of a request without a body there is nothing to save: its read has
// begun before the handler, and the next request's would be the one that ends.
func Quiet(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		setQuiet(c, c.Request().ContentLength != 0)
		return next(c)
	}
}

// setQuiet says whether the handler of the request that is under way wants to be left alone. It stays so until the next request of the
// connection says otherwise, for net/http's read may come late.
func setQuiet(c echo.Context, quiet bool) {
	if conn, ok := c.Request().Context().Value(quietKey{}).(*quietConn); ok { // one of Serve's
		conn.quiet.Store(quiet)
	}
}

// quietKey is where a request's context has its connection.
type quietKey struct{}

// remember is a server's ConnContext.
func remember(ctx context.Context, conn net.Conn) context.Context {
	return context.WithValue(ctx, quietKey{}, conn)
}

// quietListener accepts connections that [Quiet] can work on.
type quietListener struct{ net.Listener }

func (l quietListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &quietConn{Conn: conn}, nil
}

type quietConn struct {
	net.Conn
	quiet atomic.Bool
	fresh atomic.Bool // nobody has asked anything yet; see openConns
}

// Read reads nothing, once, if the handler wants to be left alone. The read that waits for a disconnect is of one byte; bodies and
// headers are read through a buffer, which asks for one byte only where a line all but fills it.
func (c *quietConn) Read(p []byte) (int, error) {
	if len(p) == 1 && c.quiet.CompareAndSwap(true, false) {
		return 0, nil
	}
	return c.Conn.Read(p)
}

// CloseWrite is what net/http asks a connection for, so that a client which is still sending gets to read why it was refused.
func (c *quietConn) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return http.ErrNotSupported
}
