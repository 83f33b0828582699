package gateway

import (
	"sync"
	"time"

	"github.com/symphony-rtc/symphony/internal/ws"
	"github.com/symphony-rtc/symphony/protocol"
)

// outboxState is how far a connection's end has come.
type outboxState uint8

const (
	stateOpen    outboxState = iota
	stateClosing             // a close frame is written or queued; nothing may follow it
	stateClosed              // the socket is closed or will be at once; nothing is written any more
)

const (
	firstChunk = 4 << 10  // of a queue
	wholeChunk = 64 << 10 // up to this size a queue is one piece of memory, hence one write
)

// An outbox is the outgoing side of a connection. Whatever it is given is written at once if nothing waits and
// the socket takes it; what the socket does not take is queued and written, as much as possible in each write, when it
// has room. Order is kept. No method waits for the network.
type outbox struct {
	sock  ws.Socket
	limit int // bytes of backlog over which the connection is cut off

	mu         sync.Mutex
	state      outboxState
	full       bool       // a goroutine waits for the socket to have room, and writes the queue then
	held       bool       // the queue waits for the next tick of a flusher
	told       bool       // something was sent since the last sweep
	reserved   bool       // nothing was sent yet, and the first message has to be the room's
	head, tail *ws.Buffer // the queue
	queued     int        // bytes in it
	cause      protocol.CloseCode
}

// A chore is what the caller of an outbox must see to after the call, because it takes a goroutine or a timer.
type chore uint8

const (
	nothing   chore = iota
	awaitRoom       // start a goroutine that calls roomAgain when the socket may have room
	awaitTick       // call tick after a while
)

// send sends a message, framed. With later set it may wait for the next tick.
func (o *outbox) send(p []byte, later bool) chore {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.state != stateOpen {
		return nothing
	}
	o.told, o.reserved = true, false
	return o.put(p, later)
}

// control sends bytes that are no message to the client's program: control frames, the handshake.
func (o *outbox) control(p []byte) chore {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.state != stateOpen {
		return nothing
	}
	return o.put(p, false)
}

func (o *outbox) put(p []byte, later bool) chore {
	if o.head == nil && !later {
		n, err := o.sock.Write(p)
		if err != nil {
			o.end(0)
			return nothing
		}
		if n == len(p) {
			return nothing
		}
		o.enqueue(p[n:])
		return o.awaitRoom()
	}
	if o.queued >= o.limit && o.state == stateOpen {
		o.end(protocol.CloseTooSlow)
		return nothing
	}
	o.enqueue(p)
	switch {
	case o.full:
		return nothing
	case !later:
		return o.writeQueue()
	case o.held:
		return nothing
	default:
		o.held = true
		return awaitTick
	}
}

// writeQueue writes what is queued, until the socket is full.
func (o *outbox) writeQueue() chore {
	for o.head != nil {
		b := o.head
		n, err := o.sock.Write(b.B[b.Start:b.End])
		if err != nil {
			o.end(0)
			return nothing
		}
		b.Start += n
		o.queued -= n
		if b.Start < b.End {
			return o.awaitRoom()
		}
		o.head = b.Next
		ws.PutBuffer(b)
	}
	o.tail = nil
	if o.state == stateClosing {
		o.sock.CloseWrite()
	}
	return nothing
}

func (o *outbox) awaitRoom() chore {
	if o.full {
		return nothing // it is awaited already
	}
	o.full = true
	return awaitRoom
}

// roomAgain is that goroutine's step when the socket may have room. It reports whether it is done.
func (o *outbox) roomAgain() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.state == stateClosed {
		return true
	}
	if o.writeQueue(); o.head != nil {
		return false
	}
	o.full = false
	return true
}

// tick is the moment that held back messages waited for.
func (o *outbox) tick() chore {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.held = false
	if o.state == stateClosed || o.full {
		return nothing
	}
	return o.writeQueue()
}

// enqueue copies bytes to the end of the queue.
func (o *outbox) enqueue(p []byte) {
	o.queued += len(p)
	if o.tail == nil {
		o.head = ws.GetBuffer(max(len(p), firstChunk))
		o.tail = o.head
	}
	t := o.tail
	if free := len(t.B) - t.End; len(p) > free && t == o.head && o.queued <= wholeChunk {
		grown := ws.GetBuffer(o.queued)
		grown.End = copy(grown.B, t.B[t.Start:t.End])
		o.head, o.tail = grown, grown
		ws.PutBuffer(t)
		t = grown
	}
	n := copy(t.B[t.End:], p)
	t.End += n
	if p = p[n:]; len(p) > 0 {
		next := ws.GetBuffer(max(len(p), wholeChunk))
		next.End = copy(next.B, p)
		t.Next, o.tail = next, next
	}
}

// close sends a close frame, after what is queued. It does nothing if the connection is ending already.
func (o *outbox) close(code protocol.CloseCode, reason string) chore {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.state != stateOpen {
		return nothing
	}
	o.state, o.cause = stateClosing, code
	var frame [127]byte
	todo := o.put(ws.AppendClose(frame[:0], code, reason), false)
	if o.state == stateClosing {
		if o.head == nil {
			o.sock.CloseWrite()
		}
		o.sock.ReadDeadline(ws.LongAgo) // the connection's goroutine leaves its room first, and then waits for the client
	}
	return todo
}

// abort ends the connection without a word. Code 0 means that its client went.
func (o *outbox) abort(code protocol.CloseCode) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.end(code)
}

func (o *outbox) end(code protocol.CloseCode) {
	if o.state == stateClosed {
		return
	}
	if o.state == stateOpen {
		o.cause = code
	}
	o.state = stateClosed
	o.sock.ReadDeadline(ws.LongAgo) // the connection's goroutine shall notice
	for o.head != nil {
		b := o.head
		o.head = b.Next
		ws.PutBuffer(b)
	}
	o.tail, o.queued = nil, 0
}

// hangUp ends the reading side's wait for the client to hang up at a time. It reports false if there is nothing to wait
// for, because the connection was cut off.
func (o *outbox) hangUp(at time.Time) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.state == stateClosing {
		o.sock.ReadDeadline(at) // under the lock, so that it cannot undo the one of an abort
	}
	return o.state == stateClosing
}

// quiet reports whether no message was sent since it was last called, so that a sign of life is due.
func (o *outbox) quiet() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	quiet := !o.told && !o.reserved
	o.told = false
	return quiet
}

// why is the code that the connection was ended with, 0 if it was not ended from this side.
func (o *outbox) why() protocol.CloseCode {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.cause
}
