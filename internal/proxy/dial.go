package proxy

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/symphony-rtc/symphony/internal/ws"
	"github.com/symphony-rtc/symphony/protocol"
)

// forwarded are the headers of a client's handshake that hosts get as they came.
var forwarded = []string{"Origin", "User-Agent", "Authorization", "Cookie"}

// hostRequest is the handshake that a host gets for a client's.
func hostRequest(r *http.Request, symphony bool) []byte {
	var b bytes.Buffer
	b.WriteString("GET " + r.URL.EscapedPath())
	if r.URL.RawQuery != "" {
		b.WriteString("?" + r.URL.RawQuery)
	}
	header := func(name, value string) {
		if value != "" {
			b.WriteString("\r\n" + name + ": " + value)
		}
	}
	b.WriteString(" HTTP/1.1")
	header("Host", r.Host)
	header("Connection", "Upgrade")
	header("Upgrade", "websocket")
	header("Sec-WebSocket-Version", "13")
	header("Sec-WebSocket-Key", r.Header.Get("Sec-Websocket-Key"))
	if symphony {
		header("Sec-WebSocket-Protocol", protocol.Subprotocol)
	}
	for _, name := range forwarded {
		header(name, r.Header.Get(name))
	}
	before := r.Header.Values("X-Forwarded-For")
	if ip, _, err := net.SplitHostPort(r.RemoteAddr); err == nil {
		before = append(before[:len(before):len(before)], ip)
	}
	header("X-Forwarded-For", strings.Join(before, ", "))
	header("X-Forwarded-Host", firstOf(r.Header.Get("X-Forwarded-Host"), r.Host))
	scheme := "http"
	if r.TLS != nil {
		scheme = "https"
	}
	header("X-Forwarded-Proto", firstOf(r.Header.Get("X-Forwarded-Proto"), scheme))
	b.WriteString("\r\n\r\n")
	return b.Bytes()
}

func firstOf(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// A hostConn is a connection to a host.
type hostConn struct {
	id   string // the host's
	sock ws.Socket
	in   stream

	verdict verdict // on the message of which the rest is to come
}

// errRefused is wrapped by errors of dial about a host that lives and did not take the connection.
var errRefused = errors.New("the host refused")

// errUnreachable is wrapped by errors of dial about a host that there is no connection to.
var errUnreachable = errors.New("the host cannot be reached")

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

// dial connects to a host and makes the handshake.
func (p *Proxy) dial(ctx context.Context, to *route, request []byte) (h *hostConn, err error) {
	p.events.dials.Add(1)
	dialing, cancel := context.WithTimeout(ctx, p.opts.DialTimeout)
	defer cancel()
	network, addr := address(to.host.Address)
	nc, err := p.dialer().DialContext(dialing, network, addr)
	if err != nil {
		p.events.dialErrors.Add(1)
		return nil, fmt.Errorf("%w: %w", errUnreachable, err)
	}
	deadline := time.Now().Add(p.opts.AnswerTimeout)
	_ = nc.SetDeadline(deadline)
	stop := context.AfterFunc(ctx, func() { _ = nc.SetDeadline(ws.LongAgo) })
	h = &hostConn{id: to.host.ID}
	err = h.handshake(nc, request)
	if !stop() && err == nil {
		err = ctx.Err()
	}
	if err != nil {
		p.events.dialErrors.Add(1)
		h.in.release()
		_ = nc.Close()
		return nil, fmt.Errorf("connect to host %s: %w", to.host.ID, err)
	}
	_ = nc.SetDeadline(time.Time{})
	h.sock = ws.NewSocket(nc)
	return h, nil
}

// handshake sends the request and reads the answer; frames that follow it stay in h.in.
func (h *hostConn) handshake(nc net.Conn, request []byte) error {
	if _, err := nc.Write(request); err != nil {
		return err
	}
	for {
		n, err := nc.Read(h.in.Space())
		if err != nil {
			return err
		}
		h.in.Filled(n)
		answer := h.in.buf.B[h.in.pos:h.in.end]
		end := bytes.Index(answer, []byte("\r\n\r\n"))
		if end < 0 {
			if len(answer) > readSize/2 {
				return fmt.Errorf("%w: its answer is too long", errRefused)
			}
			continue
		}
		if !bytes.HasPrefix(answer, []byte("HTTP/1.1 101 ")) {
			line, _, _ := bytes.Cut(answer, []byte("\r\n"))
			return fmt.Errorf("%w: %.60q", errRefused, line)
		}
		h.in.pos += end + 4
		h.in.got = 0
		return nil
	}
}

// close ends the connection.
func (h *hostConn) close() {
	h.in.release()
	h.sock.Close(true)
}
