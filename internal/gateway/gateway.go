package gateway

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/symphony-rtc/symphony/internal/room"
	"github.com/symphony-rtc/symphony/internal/ws"
	"github.com/symphony-rtc/symphony/protocol"
)

// A Gateway serves GET /rooms/{id}. It is an http.Handler; make it with New and end it with Drain. Requests must reach it
// with their paths as they came: an http.ServeMux would redirect a room called ".." to elsewhere.
type Gateway struct {
	host    Host
	opts    Options
	origins ws.Origins
	log     *slog.Logger

	joining context.Context // of every Join; over when draining
	stopJoins,
	stopSweeper context.CancelFunc
	stop     <-chan struct{} // of the sweeper
	sweeper  chan struct{}   // closed when it has ended
	pace     pace            // of the sweeper
	round    atomic.Uint32   // how many sweeps have been made
	shards   [shardCount]shard
	flushers []flusher
	hold     atomic.Int64   // for how long, in ns, all relayed messages are held back because processor time is short
	tasks    sync.WaitGroup // goroutines that write for connections
	closed   ws.Closes

	mu       sync.Mutex
	open     int    // connections, from before the upgrade until their goroutine ends
	opened   uint64 // connections ever
	draining bool
	empty    chan struct{} // closed when draining and open is 0
	came     chan struct{} // has a place: open is not 0 any more, which the sweeper waits for
}

// New makes a gateway to the rooms of a host. It has a goroutine of its own until Drain.
func New(host Host, o Options) *Gateway {
	g := &Gateway{
		host:     host,
		opts:     o.withDefaults(),
		sweeper:  make(chan struct{}),
		flushers: make([]flusher, min(runtime.GOMAXPROCS(0), shardCount)),
		empty:    make(chan struct{}),
		came:     make(chan struct{}, 1),
	}
	g.origins = ws.Origins{Allowed: g.opts.AllowedOrigins, Local: g.opts.AllowLocalOrigins}
	g.log, g.pace = g.opts.Logger, newPace(g.opts.PingEvery)
	for i := range g.shards {
		g.shards[i].number = i
	}
	for i := range g.flushers {
		g.flushers[i].gw = g
	}
	g.joining, g.stopJoins = context.WithCancel(context.Background())
	sweeping, stop := context.WithCancel(context.Background())
	g.stop, g.stopSweeper = sweeping.Done(), stop
	go g.sweepForever()
	return g
}

// ServeHTTP turns a request into a member of a room. What is wrong with the request itself is answered with an HTTP
// status. All else is told by a close code after the upgrade, for that is all that programs in browsers get to see.
func (g *Gateway) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	id, err := ws.RoomPath(r.URL)
	if bad := ws.CheckUpgrade(r); err == nil && bad != nil {
		err = bad
	}
	var refusal *protocol.CloseError
	if err == nil {
		refusal, err = g.admit()
	}
	if err != nil {
		ws.Refuse(w, err)
		return
	}
	c := &conn{gw: g, room: id}
	if refusal == nil && !g.origins.Allow(r) {
		refusal = protocol.Closef(protocol.CloseForbidden,
			"pages from %.60s may not connect: allow the origin in the server's settings", r.Header.Get("Origin"))
	}
	offered := ws.HasToken(r.Header["Sec-Websocket-Protocol"], protocol.Subprotocol)
	symphony := offered || r.URL.Query().Get("protocol") == protocol.Subprotocol
	c.out.reserved = symphony // for hello, however long the room takes to load
	if err := c.upgrade(w, ws.Acceptance(r.Header.Get("Sec-Websocket-Key"), offered)); err != nil {
		g.leave()
		ws.Refuse(w, err)
		return
	}
	if refusal == nil {
		refusal = c.join(room.JoinOptions{Symphony: symphony})
	}
	// From here on the connection has a goroutine of its own, with a small stack, and net/http's with its buffers ends.
	if refusal != nil {
		go c.finish(refusal)
	} else {
		go c.serve()
	}
}

// admit counts a new connection. The refusal is for after the upgrade, the error for before.
func (g *Gateway) admit() (refusal *protocol.CloseError, err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	limit := g.opts.MaxConnections
	switch {
	case g.draining:
		return nil, &ws.HTTPError{Status: http.StatusServiceUnavailable, Text: "this server is shutting down: try again in a moment"}
	case g.open >= limit+limit/8+16:
		return nil, &ws.HTTPError{Status: http.StatusServiceUnavailable, Text: "this server is full: try again later"}
	case g.open >= limit:
		refusal = protocol.Closef(protocol.CloseTooMany, "this server is full: it takes %d connections", limit)
	}
	if g.open++; g.open == 1 {
		select {
		case g.came <- struct{}{}:
		default:
		}
	}
	g.opened++
	return refusal, nil
}

// leave takes back what admit did.
func (g *Gateway) leave() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.open--; g.open == 0 && g.draining {
		close(g.empty)
	}
}

// upgrade takes the connection over from net/http and completes the handshake.
func (c *conn) upgrade(w http.ResponseWriter, acceptance []byte) error {
	nc, rw, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return fmt.Errorf("take over the connection for a WebSocket, which needs HTTP/1.1: %w", err)
	}
	g := c.gw
	c.in.limit = g.opts.MaxMessage
	c.round = g.round.Load() - 1 // the budget of messages begins full
	c.out.sock, c.out.limit = ws.NewSocket(nc), g.opts.MaxBacklog
	if n := rw.Reader.Buffered(); n > 0 { // frames that came with the handshake
		early, _ := rw.Reader.Peek(n) // cannot fail: they are there
		c.in.Filled(copy(c.in.Space(), early))
	}
	g.mu.Lock()
	c.shard = &g.shards[g.opened%shardCount]
	g.mu.Unlock()
	c.control(acceptance)
	c.shard.add(c)
	g.mu.Lock()
	draining := g.draining
	g.mu.Unlock()
	if draining { // Drain may have passed by before the connection was in its shard
		c.Close(protocol.CloseRestarting, restarting)
	}
	return nil
}

// join makes the connection a member of its room.
func (c *conn) join(o room.JoinOptions) *protocol.CloseError {
	ctx, cancel := context.WithTimeout(c.gw.joining, c.gw.opts.JoinTimeout)
	defer cancel()
	session, err := c.gw.host.Join(ctx, c.room, c, o)
	if err == nil {
		c.session = session
		return nil
	}
	if c.gw.joining.Err() != nil { // it waited for its room, and the gateway ends
		return protocol.Closef(protocol.CloseRestarting, restarting)
	}
	c.gw.log.Info("a connection could not join its room", "room", c.room, "error", err)
	var why *protocol.CloseError
	if !errors.As(err, &why) {
		why = protocol.Closef(protocol.CloseInternal, "the room could not be joined")
	}
	return why
}

// remove forgets a connection that has ended.
func (g *Gateway) remove(c *conn) {
	c.shard.remove(c)
	g.leave()
}
