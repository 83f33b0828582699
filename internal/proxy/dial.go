package proxy

import (
	"context"
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/symphony-rtc/symphony/internal/ws"
)

// A hostConn is a connection to a host.
type hostConn struct {
	id   string // the host's
	sock ws.Socket
	in   stream

	verdict verdict // on the message of which the rest is to come
}

// address is the network and address of a cluster.Host.Address.
func address(s string) (network, addr string) {
	if path, ok := strings.CutPrefix(s, "unix:"); ok {
		return "unix", path
	}
	return "tcp", s
}

// silence is how long the machine of a host may not confirm what it is sent, or not answer a keep-alive, until the connection
// breaks: a host that is cut off has its rooms opened elsewhere then. (That the process of a host stands still is not seen here,
// but by its lease.)
const silence = 5 * time.Second

// dialer makes connections to hosts, those for the management API too.
func (p *Proxy) dialer() *net.Dialer {
	return &net.Dialer{
		Timeout:         p.opts.DialTimeout,
		Control:         noticeSilence(silence),
		KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: silence / 2, Interval: time.Second, Count: 3},
	}
}

// dial opens a stream to a host and makes the handshake.
func (p *Proxy) dial(ctx context.Context, to *route, request []byte) (h *hostConn, err error) {
	s, err := p.links.open(ctx, to.host)
	if err != nil {
		return nil, fmt.Errorf("connect to host %s: %w", to.host.ID, err)
	}
	nc := s.Conn()
	_ = nc.SetDeadline(time.Now().Add(p.opts.AnswerTimeout))
	stop := context.AfterFunc(ctx, func() { _ = nc.SetDeadline(ws.LongAgo) })
	h = &hostConn{id: to.host.ID, sock: s}
	err = h.handshake(nc, request)
	if !stop() && err == nil {
		err = ctx.Err()
	}
	if err != nil {
		h.close()
		return nil, fmt.Errorf("connect to host %s: %w", to.host.ID, err)
	}
	_ = nc.SetDeadline(time.Time{})
	p.answers.note(h.id, time.Now())
	to.check()
	return h, nil
}

// part ends the connection of a client that went. What the client said last still reaches the host: a system throws that away when
// a connection is closed that something comes on, so what comes is read until the host has closed too.
func (h *hostConn) part(within time.Duration) {
	h.sock.CloseWrite()
	h.sock.ReadDeadline(time.Now().Add(within))
	for {
		h.in.release()
		if h.sock.Read(&h.in) != nil {
			break
		}
	}
	h.close()
}

// close ends the connection.
func (h *hostConn) close() {
	h.in.release()
	h.sock.Close(true)
}
