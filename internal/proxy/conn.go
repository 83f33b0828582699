package proxy

import (
	"context"
	"errors"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"github.com/symphony-rtc/symphony/internal/ws"
	"github.com/symphony-rtc/symphony/protocol"
)

// A conn is a client's connection. Its goroutine finds hosts and passes on what they send; while there is a host, a second
// one passes on what the client sends. Only the first one writes to the client, and only one of them at a time uses what is
// not guarded.
type conn struct {
	p        *Proxy
	room     *room
	request  []byte // the handshake for hosts
	counters *counters
	ctx      context.Context // over when the connection is to end
	cancel   context.CancelFunc

	sock    ws.Socket // to the client
	in      stream    // from it
	partial partial   // what is known of a message of which not all was read
	since   time.Time // since when no host has served the client; zero while one does

	stalled atomic.Int64 // when the client began to take nothing of what waits for it, in Unix ns; 0 if it does

	aborted atomic.Bool // it was cut off
	owes    time.Time   // since when a sweep has found that the client owes an answer; the sweeper's alone

	mu      sync.Mutex
	session session
	host    *hostConn // nil while there is none
	moved   bool      // the host was left because the registry has another one
	waiting bool      // nothing but signs of life is written to the client
	ended   error     // why the connection is to end
	closing bool      // the client sent a close frame
}

var (
	errClientGone = errors.New("the client hung up")
	errClosed     = errors.New("closed by the host")
	errAborted    = errors.New("cut off")
)

// end has the connection end: a *protocol.CloseError is what the client is told. The first error counts.
func (c *conn) end(why error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ended != nil {
		return
	}
	c.ended = why
	if c.host != nil {
		c.host.sock.ReadDeadline(ws.LongAgo)
		c.host.sock.WriteDeadline(ws.LongAgo)
	}
	if why == errClientGone {
		c.sock.WriteDeadline(ws.LongAgo)
	} else { // what is being written may be finished, by a client that reads
		c.sock.WriteDeadline(time.Now().Add(c.p.opts.CloseTimeout))
	}
	c.cancel()
}

// abort ends the connection without a word.
func (c *conn) abort() {
	c.aborted.Store(true)
	c.end(errAborted)
	c.sock.WriteDeadline(ws.LongAgo)
	c.sock.ReadDeadline(ws.LongAgo)
}

// cut has the connection leave a host, if it is with it, and look for another.
func (c *conn) cut(host string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.host != nil && c.host.id == host && !c.moved {
		c.moved = true
		c.host.sock.ReadDeadline(ws.LongAgo)
	}
}

// with is the host that the client is connected to, "" if there is none.
func (c *conn) with() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.host == nil || c.moved {
		return ""
	}
	return c.host.id
}

func (c *conn) why() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.ended
}

// run is the connection's goroutine.
func (c *conn) run(id string, refusal *protocol.CloseError) {
	err := error(refusal)
	if refusal == nil {
		c.room = c.p.enter(id, c)
		err = c.serve()
		c.room.leave(c)
	}
	c.finish(err)
	c.p.remove(c)
}

// serve connects the client to one host after the other, and returns why it ended.
func (c *conn) serve() error {
	for {
		h, to, err := c.connect()
		if err != nil {
			return err
		}
		if err := c.pipe(h, to); err != nil {
			return err
		}
	}
}

// connect finds a host and connects to it.
func (c *conn) connect() (h *hostConn, to *route, err error) {
	if c.since.IsZero() {
		c.since = time.Now()
	}
	ctx, cancel := context.WithDeadline(c.ctx, c.since.Add(c.p.opts.OpenTimeout))
	defer cancel()
	defer c.wait()()
	for {
		to, err = c.room.acquire(ctx)
		if err == nil {
			if h, err = c.p.dial(ctx, to, c.request); err == nil {
				return h, to, nil
			}
			err = c.notTaken(ctx, to, err) // if that is nothing, try again
		}
		if why := c.why(); why != nil {
			return nil, nil, why
		}
		if ctx.Err() != nil {
			return nil, nil, c.p.unavailable(c.room)
		}
		if err != nil {
			return nil, nil, err
		}
	}
}

// wait begins a time without host: it is noticed if the client hangs up, and the client gets signs of life. The function that
// it returns ends it.
func (c *conn) wait() (end func()) {
	c.mu.Lock()
	c.waiting = c.session.greeted()
	c.mu.Unlock()
	signs := time.AfterFunc(c.p.opts.SignOfLife, c.signOfLife)
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		if c.sock.AwaitHangUp() {
			c.end(errClientGone)
		}
	}()
	return func() {
		c.mu.Lock()
		c.waiting = false
		c.mu.Unlock()
		signs.Stop()
		c.sock.ReadDeadline(ws.LongAgo)
		<-watched
		c.sock.ReadDeadline(time.Time{})
	}
}

// signOfLife is a presence message about nobody (C-LONELY): y-websocket hangs up when it hears nothing for 30 s.
var signOfLife = []byte{0x80 | ws.OpBinary, 3, 1, 1, 0}

func (c *conn) signOfLife() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.waiting || c.ended != nil {
		return
	}
	if n, err := c.sock.Write(signOfLife); err != nil || n > 0 && n < len(signOfLife) {
		c.ended = errAborted
		c.cancel()
		return
	}
	time.AfterFunc(c.p.opts.SignOfLife, c.signOfLife)
}

// finish ends the connection. err is why.
func (c *conn) finish(err error) {
	c.cancel()
	var why *protocol.CloseError
	hungUp, told := errors.Is(err, errClientGone), errors.Is(err, errClosed)
	if errors.As(err, &why) {
		c.p.closed.Add(why.Code)
		c.p.log.Debug("connection closed", "code", why.Code, "reason", why.Reason)
		frame := ws.AppendClose(nil, why.Code, why.Reason)
		n, err := c.sock.Write(frame)
		told = err == nil && n == len(frame)
	}
	if told {
		hungUp = c.awaitHangUp()
	}
	c.in.release()
	c.sock.Close(!hungUp)
}

// awaitHangUp throws away what the client still sends until it hangs up, for it may not read our close frame before it has
// sent all. It reports whether it did in time.
func (c *conn) awaitHangUp() bool {
	c.sock.CloseWrite()
	c.in.release()
	c.sock.ReadDeadline(time.Now().Add(c.p.opts.CloseTimeout))
	for {
		if c.aborted.Load() {
			return false
		}
		if err := c.sock.Read(&c.in); err != nil {
			return errors.Is(err, io.EOF)
		}
		c.in.release()
	}
}

// sweep looks for what no event tells.
func (c *conn) sweep(now time.Time) {
	if since := c.stalled.Load(); since != 0 && now.UnixNano()-since > int64(c.p.opts.StallTimeout) {
		c.abort()
		return
	}
	c.mu.Lock()
	owes := c.session.owesAnswer()
	c.mu.Unlock()
	switch {
	case !owes:
		c.owes = time.Time{}
	case c.owes.IsZero():
		c.owes = now
	case now.Sub(c.owes) > c.p.opts.StallTimeout:
		c.end(protocol.Closef(protocol.CloseRestarting, "the room moved, and the client did not say what it has: reconnect"))
	}
}
