package cloud

import (
	"context"
	"net"
	"net/http"
	"time"
)

// DefaultStall is how long a connection may stand still. Object storage usually answers within a second.
const DefaultStall = 20 * time.Second

// Tune sets up a transport. A connection on which nothing moves for stall, in either direction, ends with a timeout: that
// bounds a request to a server that hangs, however large its body is, and never one that is merely slow. stall 0 means
// DefaultStall.
func Tune(t *http.Transport, stall time.Duration) {
	if stall <= 0 {
		stall = DefaultStall
	}
	dialer := &net.Dialer{Timeout: min(stall, 10*time.Second), KeepAlive: 30 * time.Second}
	t.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
		conn, err := dialer.DialContext(ctx, network, addr)
		if err != nil {
			return nil, err
		}
		return &stallConn{Conn: conn, stall: stall}, nil
	}
	t.Proxy = http.ProxyFromEnvironment
	t.TLSHandshakeTimeout = min(stall, 10*time.Second)
	t.ForceAttemptHTTP2 = false // a connection that is lost takes one request with it
	t.DisableCompression = true // an object is what was stored, byte by byte
	t.MaxIdleConns, t.MaxIdleConnsPerHost = 64, 64
}

// stallConn sets the deadline anew with each step. The deadline of a read that waits is moved by writes, too: nobody
// answers a request before it has it.
type stallConn struct {
	net.Conn
	stall time.Duration
}

func (c *stallConn) Read(p []byte) (int, error) {
	if err := c.SetDeadline(time.Now().Add(c.stall)); err != nil {
		return 0, err
	}
	return c.Conn.Read(p)
}

func (c *stallConn) Write(p []byte) (int, error) {
	const step = 64 << 10
	written := 0
	for {
		if err := c.SetDeadline(time.Now().Add(c.stall)); err != nil {
			return written, err
		}
		n, err := c.Conn.Write(p[written:min(written+step, len(p))])
		written += n
		if err != nil || written == len(p) {
			return written, err
		}
	}
}
