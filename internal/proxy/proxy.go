package proxy

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/symphony-rtc/symphony/internal/cluster"
	"github.com/symphony-rtc/symphony/internal/ws"
	"github.com/symphony-rtc/symphony/protocol"
)

// A Proxy serves GET /rooms/{id} for a cluster, and forwards /v1 (see Management). Make it with New and end it with Drain.
// Requests must reach it with their paths as they came: an http.ServeMux would redirect a room called ".." to elsewhere.
type Proxy struct {
	deps    Deps
	opts    Options
	origins ws.Origins
	log     *slog.Logger

	ctx      context.Context // of all work; over when the proxy ends
	cancel   context.CancelFunc
	work     sync.WaitGroup // all goroutines
	opening  chan struct{}  // has a place for each room that a host is looked for
	links    links
	hosts    news // of hosts that came, went or changed,
	places   news // and of those that may take a room
	counters [shardCount]counters
	events   events
	closed   ws.Closes
	answers  answers

	mu       sync.Mutex
	conns    map[*conn]struct{}
	arriving int // connections that are not yet among conns
	rooms    map[string]*room
	draining bool
	empty    chan struct{} // closed when draining and no connection is left
}

// shardCount is over how many sets the counters are spread.
const shardCount = 16

// New makes a proxy. It has goroutines of its own until Drain.
func New(d Deps, o Options) *Proxy {
	p := &Proxy{
		deps: d, opts: o.withDefaults(),
		conns: make(map[*conn]struct{}),
		rooms: make(map[string]*room),
		empty: make(chan struct{}),
	}
	p.log = p.opts.Logger
	p.links = links{p: p, byHost: make(map[string]*hostLink)}
	p.origins = ws.Origins{Allowed: p.opts.AllowedOrigins, Local: p.opts.AllowLocalOrigins}
	p.opening = make(chan struct{}, p.opts.MaxOpening)
	p.ctx, p.cancel = context.WithCancel(context.Background())
	d.View.OnHost(func(h cluster.Host, gone bool) {
		p.hosts.tell()
		if !gone && !h.Draining && h.Rooms < max(h.Capacity, 1) {
			p.places.tell()
		}
	})
	p.work.Go(p.sweepForever)
	return p
}

// ServeHTTP turns a request into a connection to a room. What is wrong with the request itself is answered with an HTTP
// status. All else is told by a close code after the upgrade, for that is all that programs in browsers get to see.
func (p *Proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	id, err := ws.RoomPath(r.URL)
	if bad := ws.CheckUpgrade(r); err == nil && bad != nil {
		err = bad
	}
	var refusal *protocol.CloseError
	if err == nil {
		refusal, err = p.admit()
	}
	if err != nil {
		ws.Refuse(w, err)
		return
	}
	if refusal == nil && !p.origins.Allow(r) {
		refusal = protocol.Closef(protocol.CloseForbidden,
			"pages from %.60s may not connect: allow the origin in the server's settings", r.Header.Get("Origin"))
	}
	c, err := p.upgrade(w, r)
	if err != nil {
		p.arrived(nil)
		ws.Refuse(w, err)
		return
	}
	// From here on the connection has goroutines of its own, with small stacks, and net/http's with its buffers ends.
	p.arrived(c)
	go c.run(id, refusal)
}

// admit counts a new connection. The refusal is for after the upgrade, the error for before.
func (p *Proxy) admit() (refusal *protocol.CloseError, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	limit, open := p.opts.MaxConnections, len(p.conns)+p.arriving
	switch {
	case p.draining:
		return nil, &ws.HTTPError{Status: http.StatusServiceUnavailable, Text: "this proxy is shutting down: try again in a moment"}
	case open >= limit+limit/8+16:
		return nil, &ws.HTTPError{Status: http.StatusServiceUnavailable, Text: "this proxy is full: try again later"}
	case open >= limit:
		refusal = protocol.Closef(protocol.CloseTooMany, "this proxy is full: it takes %d connections", limit)
	}
	p.arriving++
	return refusal, nil
}

// arrived ends what admit began: with a connection, or nil if the upgrade failed.
func (p *Proxy) arrived(c *conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.arriving--
	if c == nil {
		p.checkEmpty()
		return
	}
	p.conns[c] = struct{}{}
	c.counters = &p.counters[p.events.opened.Add(1)%shardCount]
	if p.draining { // Drain may have passed by before the connection was among conns
		c.end(errRestarting)
	}
}

// remove forgets a connection that has ended.
func (p *Proxy) remove(c *conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.conns, c)
	p.checkEmpty()
}

func (p *Proxy) checkEmpty() {
	if p.draining && len(p.conns)+p.arriving == 0 {
		close(p.empty)
	}
}

// upgrade takes the connection over from net/http and completes the handshake: before there is a host, because what the proxy
// has to say of hosts it can only say by close codes.
func (p *Proxy) upgrade(w http.ResponseWriter, r *http.Request) (*conn, error) {
	offered := ws.HasToken(r.Header["Sec-Websocket-Protocol"], protocol.Subprotocol)
	request, err := hostRequest(r, offered)
	if err != nil {
		return nil, err
	}
	c := &conn{p: p, request: request}
	c.in.gather = maxUp
	c.session.symphony = offered || r.URL.Query().Get("protocol") == protocol.Subprotocol
	nc, rw, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return nil, fmt.Errorf("take over the connection for a WebSocket, which needs HTTP/1.1: %w", err)
	}
	c.sock = ws.NewSocket(nc)
	if n := rw.Reader.Buffered(); n > 0 { // frames that came with the handshake
		early, _ := rw.Reader.Peek(n) // cannot fail: they are there
		for len(early) > 0 {
			n := copy(c.in.Space(), early)
			c.in.Filled(n)
			early = early[n:]
		}
	}
	c.ctx, c.cancel = context.WithCancel(p.ctx)
	// If the socket does not even take that, the client does not read what it asked for before.
	acceptance := ws.Acceptance(r.Header.Get("Sec-Websocket-Key"), offered)
	if n, err := c.sock.Write(acceptance); err != nil || n < len(acceptance) {
		c.end(errClientGone)
	}
	return c, nil
}

// news wakes everybody who waits for something to change.
type news struct {
	mu sync.Mutex
	ch chan struct{}
}

// next returns a channel that is closed when something changes.
func (n *news) next() <-chan struct{} {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.ch == nil {
		n.ch = make(chan struct{})
	}
	return n.ch
}

func (n *news) tell() {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.ch != nil {
		close(n.ch)
		n.ch = nil
	}
}

// sweepEvery is how often connections are looked at for what no event tells.
const sweepEvery = 5 * time.Second

// sweepForever is the goroutine of everything periodic.
func (p *Proxy) sweepForever() {
	ticker := time.NewTicker(sweepEvery)
	defer ticker.Stop()
	var list []*conn
	for {
		select {
		case <-p.ctx.Done():
			return
		case <-ticker.C:
		}
		p.links.sweep()
		list = p.appendConns(list[:0])
		now := time.Now()
		for _, c := range list {
			c.sweep(now)
		}
		clear(list)
	}
}

func (p *Proxy) appendConns(list []*conn) []*conn {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.conns {
		list = append(list, c)
	}
	return list
}
