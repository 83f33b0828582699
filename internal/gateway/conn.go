package gateway

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"runtime/debug"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"github.com/symphony-rtc/symphony/internal/ws"
	"github.com/symphony-rtc/symphony/protocol"
)

// A conn is one WebSocket connection: a room.Member. Its goroutine reads; whoever has something for the client
// writes through the outbox.
type conn struct {
	gw      *Gateway
	room    string
	session Session

	out   outbox
	in    reader // of the connection's goroutine alone
	shard *shard
	index int // in shard.conns, under its lock

	heard         atomic.Bool // bytes came since the last sweep
	probe         atomic.Int32
	silent, quiet int // sweeps without bytes from, without messages to the client; the sweeper's alone

	round  uint32 // of sweeps, for which
	budget int    // messages are left before the client is read more slowly
	byPeer bool   // the client closed
}

// errPeerClosed is the end of a connection whose client sent a close frame.
var errPeerClosed = errors.New("closed by the client")

// Send implements room.Member.
func (c *conn) Send(frame []byte, later bool) {
	if todo := c.out.send(frame, later || c.gw.hold.Load() > 0); todo != nothing {
		c.see(todo)
	}
	c.shard.messagesOut.Add(1)
	c.shard.bytesOut.Add(uint64(len(frame)))
}

// Probe implements room.Member.
func (c *conn) Probe() {
	if c.probe.CompareAndSwap(notProbed, probeAsked) {
		c.control(ping)
	}
}

// Close implements room.Member.
func (c *conn) Close(code protocol.CloseCode, reason string) { c.see(c.out.close(code, reason)) }

// control sends a control frame or the like.
func (c *conn) control(p []byte) { c.see(c.out.control(p)) }

// see sees to what an outbox asks for.
func (c *conn) see(todo chore) {
	switch todo {
	case awaitRoom:
		c.gw.tasks.Go(c.writeWhenWritable)
	case awaitTick:
		c.gw.flusher(c).add(c)
	}
}

func (c *conn) writeWhenWritable() { c.out.sock.WhenWritable(c.out.roomAgain) }

// serve is the connection's goroutine once it is a member of its room.
func (c *conn) serve() {
	err := c.receive()
	c.session.Leave()
	c.finish(err)
}

// receive hands what the client sends to the room until the connection ends, and says why.
func (c *conn) receive() (err error) {
	defer func() {
		if r := recover(); r != nil {
			c.gw.log.Error("a client's message made its room panic: please report this", "room", c.room,
				"panic", fmt.Sprint(r), "stack", string(debug.Stack()))
			err = protocol.Closef(protocol.CloseInternal, "the server failed to handle a message")
		}
	}()
	for {
		n, err := c.handle()
		if n > 0 {
			c.shard.messagesIn.Add(uint64(n))
			c.slowDown(n)
		}
		if err == nil {
			err = c.out.sock.Read(&c.in)
		}
		if err != nil {
			return err
		}
		c.shard.bytesIn.Add(uint64(c.in.got))
		c.in.got = 0
		if !c.heard.Load() {
			c.heard.Store(true)
		}
	}
}

// handle handles whatever was read completely and returns the number of messages.
func (c *conn) handle() (messages int, err error) {
	for {
		op, ok, err := c.in.next()
		if !ok || err != nil {
			return messages, err
		}
		switch op {
		case opBinary:
			messages++
			if err := c.session.Receive(c.in.message()); err != nil {
				return messages, err
			}
		case opPing:
			var pong [127]byte
			p := append(pong[:0], 0x80|opPong, byte(len(c.in.control())))
			c.control(append(p, c.in.control()...))
		case opClose:
			return messages, c.peerClosed(c.in.control())
		}
	}
}

// peerClosed answers a close frame (RFC 6455 section 5.5.1).
func (c *conn) peerClosed(payload []byte) error {
	code := closeNoStatus
	if len(payload) > 0 {
		if len(payload) == 1 {
			return protocol.Closef(closeProtocol, "close code has one byte")
		}
		code = protocol.CloseCode(binary.BigEndian.Uint16(payload))
		switch {
		case code >= 3000 && code < 5000, code >= 1000 && code <= 1014 && code != 1004 && code != 1005 && code != 1006:
		default:
			return protocol.Closef(closeProtocol, "close code %d is not one to be sent", code)
		}
		if !utf8.Valid(payload[2:]) {
			return protocol.Closef(closeInvalidText, "close reason is not valid UTF-8")
		}
	}
	c.byPeer = true
	c.see(c.out.close(code, ""))
	return errPeerClosed
}

// slowDown makes a client wait that sends more messages than a person, or a program for one, has reason to.
func (c *conn) slowDown(messages int) {
	rate := c.gw.opts.MaxMessageRate
	if rate < 0 {
		return
	}
	if round := c.gw.round.Load(); round != c.round {
		c.round, c.budget = round, int(float64(rate)*c.gw.pace.every.Seconds())
	}
	c.budget -= messages
	if c.budget < 0 {
		c.shard.throttled.Add(1)
		time.Sleep(time.Duration(messages) * time.Second / time.Duration(rate))
	}
}

// finish ends the connection that has left its room, or never was in one. err is why.
func (c *conn) finish(err error) {
	var why *protocol.CloseError
	if errors.As(err, &why) {
		c.see(c.out.close(why.Code, why.Reason))
	}
	hungUp := false
	if why != nil || ws.IsDeadline(err) {
		hungUp = c.awaitHangUp()
	} else {
		hungUp = errors.Is(err, io.EOF) || err == errPeerClosed
	}
	c.out.abort(0)
	c.in.release()
	c.out.sock.Close(!hungUp)
	if code := c.out.why(); code != 0 && !c.byPeer {
		c.gw.closed.Add(code)
		c.gw.log.Debug("connection closed", "room", c.room, "code", code)
	}
	c.gw.remove(c)
}

// awaitHangUp throws away what the client still sends until it hangs up, for it may not read our close frame before it
// has sent all. It reports whether it did in time.
func (c *conn) awaitHangUp() bool {
	c.in.release()
	if !c.out.hangUp(time.Now().Add(c.gw.opts.CloseTimeout)) {
		return false
	}
	for {
		err := c.out.sock.Read(&c.in)
		if err != nil {
			return errors.Is(err, io.EOF)
		}
		c.in.release()
	}
}
