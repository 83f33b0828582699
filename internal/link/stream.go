package link

import (
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"syscall"
	"time"

	"github.com/symphony-rtc/symphony/internal/ws"
)

// A Stream is one of the streams of a link: a ws.Socket. Conn makes a net.Conn of it.
type Stream struct {
	link *Link
	id   uint32

	// What goes out, under the link's lock.
	room     sync.Cond   // more can be written, or nothing ever
	crowded  bool        // it is in the link's crowd
	credit   int         // bytes that the other side has room for
	ended    bool        // CloseWrite was called
	closed   bool        // Close was called
	left     bool        // the other side reads nothing any more
	expired  bool        // the deadline of writing has passed
	writeEnd *time.Timer // until it does

	// What comes in.
	mu         sync.Mutex
	changed    sync.Cond  // something below is not what it was
	over       bool       // the other side has said that nothing more comes
	head, tail *ws.Buffer // what is unread
	unread     int        // bytes in it
	taken      int        // bytes that were read, and for which the other side was not given room yet
	err        error      // why nothing more comes, after what is unread
	late       bool       // the deadline of reading has passed
	readEnd    *time.Timer
}

// newStream makes a stream that is open both ways.
func newStream(l *Link, id uint32) *Stream {
	s := &Stream{link: l, id: id, credit: Window}
	s.room.L, s.changed.L = &l.mu, &s.mu
	return s
}

// Read implements ws.Socket.
func (s *Stream) Read(into ws.Intake) error {
	parked := false
	s.mu.Lock()
	for {
		switch {
		case s.late:
			s.mu.Unlock()
			return os.ErrDeadlineExceeded
		case s.unread > 0:
			into.Filled(s.take(into.Space()))
			s.giveRoom()
			return nil
		case s.err != nil:
			defer s.mu.Unlock()
			return s.err
		case !parked:
			s.mu.Unlock()
			into.Park()
			s.mu.Lock()
			parked = true
		default:
			s.changed.Wait()
		}
	}
}

// take moves unread bytes to p. The lock is held.
func (s *Stream) take(p []byte) (n int) {
	for n < len(p) && s.head != nil {
		b := s.head
		k := copy(p[n:], b.B[b.Start:b.End])
		n += k
		if b.Start += k; b.Start == b.End {
			s.head = b.Next
			ws.PutBuffer(b)
		}
	}
	if s.head == nil {
		s.tail = nil
	}
	s.unread -= n
	s.taken += n
	return n
}

// giveRoom unlocks the stream, and lets the other side write more if enough was read.
func (s *Stream) giveRoom() {
	n := 0
	if s.taken >= Window/4 && s.err == nil {
		n, s.taken = s.taken, 0
	}
	s.mu.Unlock()
	if n > 0 {
		var payload [4]byte
		binary.LittleEndian.PutUint32(payload[:], uint32(n))
		s.link.mu.Lock()
		if !s.closed {
			s.link.put(kindWindow, s.id, payload[:])
		}
		s.link.mu.Unlock()
	}
}

// deliver takes bytes that came. The error says why they should not have.
func (s *Stream) deliver(p []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.over:
		return fmt.Errorf("%w: data after the end of stream %d", errMalformed, s.id)
	case s.err != nil:
		return nil // nobody will read them
	case s.unread+s.taken+len(p) > Window:
		return fmt.Errorf("%w: more data than stream %d has room for", errMalformed, s.id)
	}
	if s.unread == 0 {
		s.changed.Broadcast()
	}
	s.unread += len(p)
	if t := s.tail; t != nil {
		n := copy(t.B[t.End:], p)
		t.End += n
		p = p[n:]
	}
	if len(p) > 0 {
		b := ws.GetBuffer(len(p))
		b.End = copy(b.B, p)
		if s.tail == nil {
			s.head = b
		} else {
			s.tail.Next = b
		}
		s.tail = b
	}
	return nil
}

// end lets reads fail when all that is unread has been read, or at once.
func (s *Stream) end(err error, drop bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err == nil || drop && s.err != net.ErrClosed {
		s.err = err
	}
	if drop {
		for s.head != nil {
			b := s.head
			s.head = b.Next
			ws.PutBuffer(b)
		}
		s.tail, s.unread = nil, 0
	}
	s.changed.Broadcast()
}

// Write implements ws.Socket.
func (s *Stream) Write(p []byte) (int, error) {
	l := s.link
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case s.closed:
		return 0, net.ErrClosed
	case l.err != nil:
		return 0, l.err
	case s.left, s.ended:
		return 0, syscall.EPIPE
	case len(l.out) >= maxQueue:
		return 0, nil
	}
	n := min(len(p), s.credit)
	if n > 0 {
		s.credit -= n
		l.put(kindData, s.id, p[:n])
	}
	return n, nil
}

// WhenWritable implements ws.Socket.
func (s *Stream) WhenWritable(step func() bool) {
	l := s.link
	for {
		l.mu.Lock()
		for !s.closed && !s.expired && !s.left && l.err == nil && (s.credit == 0 || len(l.out) >= maxQueue) {
			if len(l.out) >= maxQueue && !s.crowded {
				s.crowded = true
				l.crowd = append(l.crowd, s)
			}
			s.room.Wait()
		}
		over := s.closed || s.expired
		l.mu.Unlock()
		if over || step() {
			return
		}
	}
}

// ReadDeadline implements ws.Socket.
func (s *Stream) ReadDeadline(t time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err == net.ErrClosed {
		return
	}
	s.late = setDeadline(&s.readEnd, t, &s.mu, func() {
		s.late = true
		s.changed.Broadcast()
	})
	if s.late {
		s.changed.Broadcast()
	}
}

// WriteDeadline implements ws.Socket.
func (s *Stream) WriteDeadline(t time.Time) {
	l := s.link
	l.mu.Lock()
	defer l.mu.Unlock()
	if s.closed {
		return
	}
	s.expired = setDeadline(&s.writeEnd, t, &l.mu, func() {
		s.expired = true
		s.room.Broadcast()
	})
	if s.expired {
		s.room.Broadcast()
	}
}

// setDeadline replaces a timer by one that runs until t, or by none if t is zero or has passed, and reports whether it has. The lock is
// held, as it is when pass is called.
func setDeadline(timer **time.Timer, t time.Time, lock sync.Locker, pass func()) (passed bool) {
	if *timer != nil {
		(*timer).Stop()
		*timer = nil
	}
	if t.IsZero() {
		return false
	}
	wait := time.Until(t)
	if wait <= 0 {
		return true
	}
	var own *time.Timer
	own = time.AfterFunc(wait, func() {
		lock.Lock()
		defer lock.Unlock()
		if *timer == own {
			*timer = nil
			pass()
		}
	})
	*timer = own
	return false
}

// AwaitHangUp implements ws.Socket.
func (s *Stream) AwaitHangUp() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		switch {
		case s.late, s.err == net.ErrClosed:
			return false
		case s.err != nil && s.unread == 0:
			return true
		}
		s.changed.Wait()
	}
}

// CloseWrite implements ws.Socket.
func (s *Stream) CloseWrite() {
	l := s.link
	l.mu.Lock()
	defer l.mu.Unlock()
	if !s.closed && !s.ended && !s.left {
		s.ended = true
		l.put(kindEnd, s.id, nil)
	}
}

// Close implements ws.Socket.
func (s *Stream) Close(reset bool) {
	l := s.link
	l.mu.Lock()
	if s.closed {
		l.mu.Unlock()
		return
	}
	s.closed = true
	delete(l.streams, s.id)
	setDeadline(&s.writeEnd, time.Time{}, &l.mu, nil)
	switch {
	case s.left: // as for the other side, it is over
	case reset:
		l.put(kindReset, s.id, nil)
	default:
		l.put(kindClose, s.id, nil)
	}
	s.room.Broadcast()
	l.mu.Unlock()
	s.end(net.ErrClosed, true)
	s.mu.Lock()
	defer s.mu.Unlock()
	setDeadline(&s.readEnd, time.Time{}, &s.mu, nil)
}

// otherEnded takes what the other side says of the end. The error says why it cannot.
func (s *Stream) otherEnded(kind byte) error {
	l := s.link
	l.mu.Lock()
	twice := s.left
	if kind != kindEnd {
		s.left = true
		s.room.Broadcast()
	}
	l.mu.Unlock()
	s.mu.Lock()
	twice = twice || s.over && kind == kindEnd
	s.over = true
	s.mu.Unlock()
	switch {
	case twice:
		return fmt.Errorf("%w: the end of stream %d, which has ended", errMalformed, s.id)
	case kind == kindReset:
		s.end(syscall.ECONNRESET, true)
	default:
		s.end(io.EOF, false)
	}
	return nil
}

// Conn returns the stream as a net.Conn. Only one of the two is to be used at a time.
func (s *Stream) Conn() net.Conn { return netConn{s} }

// netConn is a stream with the methods of a net.Conn.
type netConn struct{ s *Stream }

// Socket returns the stream: see ws.NewSocket.
func (c netConn) Socket() ws.Socket { return c.s }

func (c netConn) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	in := pieceIntake{p: p}
	err := c.s.Read(&in)
	return in.n, err
}

// pieceIntake reads into a piece of memory.
type pieceIntake struct {
	p []byte
	n int
}

func (i *pieceIntake) Space() []byte { return i.p }
func (i *pieceIntake) Filled(n int)  { i.n = n }
func (i *pieceIntake) Park()         {}

func (c netConn) Write(p []byte) (done int, err error) {
	c.s.WhenWritable(func() bool {
		var n int
		n, err = c.s.Write(p[done:])
		done += n
		return err != nil || done == len(p)
	})
	if err == nil && done < len(p) {
		if _, err = c.s.Write(nil); err == nil {
			err = os.ErrDeadlineExceeded
		}
	}
	return done, err
}

func (c netConn) Close() error {
	c.s.Close(false)
	return nil
}

func (c netConn) LocalAddr() net.Addr  { return c.s.link.nc.LocalAddr() }
func (c netConn) RemoteAddr() net.Addr { return c.s.link.nc.RemoteAddr() }

func (c netConn) SetDeadline(t time.Time) error {
	c.s.ReadDeadline(t)
	c.s.WriteDeadline(t)
	return nil
}

func (c netConn) SetReadDeadline(t time.Time) error {
	c.s.ReadDeadline(t)
	return nil
}

func (c netConn) SetWriteDeadline(t time.Time) error {
	c.s.WriteDeadline(t)
	return nil
}
