package proxy

import (
	"encoding/binary"
	"errors"
	"io"
	"time"

	"github.com/symphony-rtc/symphony/internal/ws"
	"github.com/symphony-rtc/symphony/protocol"
)

// errStuck is the end of a write whose deadline passed.
var errStuck = errors.New("the write was given up")

// writeAll writes to a socket, waiting for it as long as it takes.
func writeAll(s ws.Socket, p []byte) error {
	n, err := s.Write(p)
	if err != nil || n == len(p) {
		return err
	}
	p = p[n:]
	s.WhenWritable(func() bool {
		n, err = s.Write(p)
		p = p[n:]
		return err != nil || len(p) == 0
	})
	if err == nil && len(p) > 0 {
		err = errStuck
	}
	return err
}

// pipe connects the client with a host until the client is to be carried over to another (nil), or ends (an error).
func (c *conn) pipe(h *hostConn, to *route) error {
	c.mu.Lock()
	if err := c.ended; err != nil {
		c.mu.Unlock()
		h.close()
		to.abandon()
		return err
	}
	c.host, c.moved = h, false
	h.sock.ReadDeadline(c.since.Add(c.p.opts.OpenTimeout)) // until it has said something
	var first []byte
	for _, frame := range c.session.begin() {
		first = append(first, frame...)
	}
	if c.session.onHost.next {
		c.p.events.switches.Add(1)
	}
	c.mu.Unlock()
	_ = writeAll(h.sock, first) // if that fails, so does reading

	up := make(chan struct{})
	go func() {
		defer close(up)
		c.up(h)
	}()
	err := c.down(h, to)

	c.mu.Lock()
	c.host = nil
	moved, ended, closing := c.moved, c.ended, c.closing
	c.mu.Unlock()
	c.sock.ReadDeadline(ws.LongAgo)
	h.sock.WriteDeadline(ws.LongAgo)
	<-up
	if ended == nil {
		ended = c.why() // the other goroutine may have found something
	}
	midway := h.in.inside() && h.verdict.pass
	if ended == errClientGone {
		h.part(c.p.opts.CloseTimeout)
	} else {
		h.close()
	}
	c.sock.ReadDeadline(time.Time{})

	var end *protocol.CloseError
	switch {
	case errors.Is(err, errClosed):
	case midway, err == errStuck:
		err = errAborted // the client got a part of a message: nothing sensible can follow it
	case ended != nil:
		err = ended
	case closing: // the client is going, and has said so
		_, _ = c.sock.Write(ws.AppendClose(nil, ws.CloseNormal, ""))
		err = errClosed
	case errors.As(err, &end) && !away(end.Code):
	default:
		c.leaveHost(to, err, moved)
		return nil
	}
	to.abandon()
	return err
}

// away reports whether a host that closes with a code sends a client to another host.
func away(code protocol.CloseCode) bool {
	return code == protocol.CloseMoved || code == protocol.CloseRestarting || code == protocol.CloseFull
}

// leaveHost prepares the client for another host. err is why the connection to this one ended.
func (c *conn) leaveHost(to *route, err error, moved bool) {
	var end *protocol.CloseError
	switch {
	case errors.As(err, &end):
		c.p.events.detours.Add(1)
		to.unpick(end.Code != protocol.CloseMoved)
		if why := "its host says: " + end.Reason; end.Code == protocol.CloseMoved {
			to.movedAway(why)
		} else {
			to.fails(why, true)
		}
	case moved:
		c.p.events.cut.Add(1)
		if to.hostGone() {
			to.breaksDown("its host is gone", true)
		} else {
			to.fails("its host lost it", true)
		}
	case ws.IsDeadline(err):
		to.fails("its host takes too long to open it", false)
	default:
		c.p.events.broken.Add(1)
		to.breaksDown("the connection to its host broke", false)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.session.leaveHost()
	c.partial.cut(c.in.inside())
}

// down passes on what the host sends. The error says why that ended; a *protocol.CloseError is the host's close frame.
func (c *conn) down(h *hostConn, to *route) error {
	var out batch
	defer out.reset()
	heard := false
	for {
		messages, end, err := c.fromHost(h, &out)
		if messages > 0 { // others wait for that, and not for this client to read it
			c.counters.messagesDown.Add(uint64(messages))
			if !heard {
				heard = true
				c.since = time.Time{}
				to.serves()
				c.untilMoved(h)
			}
		}
		if p := out.bytes(&h.in); len(p) > 0 {
			if err := c.writeToClient(p); err != nil {
				return err
			}
		}
		out.reset()
		if err != nil {
			c.end(err)
			return err
		}
		if end != nil {
			return end
		}
		if err := h.sock.Read(&h.in); err != nil {
			return err
		}
		c.counters.bytesDown.Add(uint64(h.in.got))
		h.in.got = 0
	}
}

// untilMoved lets the host take as long as it likes to say more.
func (c *conn) untilMoved(h *hostConn) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ended == nil && !c.moved {
		h.sock.ReadDeadline(time.Time{})
	}
}

// fromHost takes apart what was read from the host and puts into a batch what the client gets of it. end is errClosed or a
// *protocol.CloseError after a close frame, which is the last; err is for the client.
func (c *conn) fromHost(h *hostConn, out *batch) (messages int, end, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for {
		p, ok := h.in.next()
		if !ok {
			return messages, nil, nil
		}
		switch {
		case p.op == ws.OpPing, p.op == ws.OpPong:
			out.pass(&h.in, &p)
			continue
		case p.op == ws.OpClose:
			if len(p.payload) >= 2 && !c.closing {
				if code := protocol.CloseCode(binary.BigEndian.Uint16(p.payload)); away(code) {
					return messages, protocol.Closef(code, "%s", p.payload[2:]), nil
				}
			}
			out.pass(&h.in, &p)
			return messages, errClosed, nil
		case p.begin && p.op != ws.OpContinuation:
			messages++
			m, _ := parseHead(p.payload)
			m.begins = p.payload
			if p.end && p.fin {
				m.payload = p.payload
			}
			if h.verdict, err = c.session.fromHost(&m); err != nil {
				return messages, nil, err
			}
		}
		if h.verdict.pass {
			out.pass(&h.in, &p)
		}
		if p.end && p.fin { // nothing may be put into a message
			for _, frame := range h.verdict.after {
				out.add(&h.in, frame)
			}
			h.verdict.after = nil
		}
	}
}

// writeToClient writes to the client. As long as it takes nothing, the host is not read: it queues what waits for slow
// clients, within its bounds.
func (c *conn) writeToClient(p []byte) error {
	n, err := c.sock.Write(p)
	if err == nil && n < len(p) {
		c.stalled.Store(time.Now().UnixNano())
		p = p[n:]
		c.sock.WhenWritable(func() bool {
			n, err = c.sock.Write(p)
			if p = p[n:]; n > 0 {
				c.stalled.Store(time.Now().UnixNano())
			}
			return err != nil || len(p) == 0
		})
		c.stalled.Store(0)
		if err == nil && len(p) > 0 {
			err = errStuck
		}
	}
	if err != nil && err != errStuck {
		c.end(errClientGone)
		return errClientGone
	}
	return err
}

// partial is what is known of a message of the client whose rest is to come.
type partial struct {
	open  bool          // there is one: its last frame has not begun, or not ended
	known bool          // what it is,
	head  [maxHead]byte // else what is there of its head
	n     int
	drop  bool     // no host gets its rest
	after [][]byte // what the host gets after it
}

// cut drops the rest of the message, because its beginning went to a host that is gone. inside says that the rest of a frame
// is to come.
func (p *partial) cut(inside bool) { p.drop = p.open || inside }

// up passes on what the client sends, until it cannot be read or the host not be written to.
func (c *conn) up(h *hostConn) {
	var out batch
	defer out.reset()
	for {
		messages, err := c.fromClient(h, &out)
		if p := out.bytes(&c.in); len(p) > 0 {
			if writeAll(h.sock, p) != nil {
				return // whoever reads from the host will notice
			}
		}
		out.reset()
		if messages > 0 {
			c.counters.messagesUp.Add(uint64(messages))
		}
		if err == nil {
			err = c.sock.Read(&c.in)
		}
		switch {
		case err == nil:
		case ws.IsDeadline(err):
			return
		case errors.As(err, new(*protocol.CloseError)):
			c.end(err)
			return
		default:
			if !errors.Is(err, io.EOF) {
				c.p.log.Debug("connection of a client broke", "room", c.room.id, "error", err)
			}
			c.end(errClientGone)
			return
		}
		c.counters.bytesUp.Add(uint64(c.in.got))
		c.in.got = 0
	}
}

// fromClient takes apart what was read from the client and puts into a batch what the host gets of it.
func (c *conn) fromClient(h *hostConn, out *batch) (messages int, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for {
		p, ok := c.in.next()
		if !ok {
			return messages, nil
		}
		if p.op >= ws.OpClose {
			if p.op == ws.OpClose {
				c.closing = true
			}
			out.pass(&c.in, &p)
			continue
		}
		if p.begin {
			messages++
		}
		pass, after, err := c.data(&p)
		if err != nil {
			return messages, err
		}
		if pass {
			out.pass(&c.in, &p)
		}
		for _, frame := range after {
			out.add(&c.in, frame)
		}
	}
}
