package link

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"runtime"
	"sync"

	"github.com/symphony-rtc/symphony/internal/ws"
)

// ErrClosed is what streams of a link fail with after its Close.
var ErrClosed = errors.New("the link is closed")

// errUsedUp is what Open fails with when a link has no numbers left for streams. Those that it has go on.
var errUsedUp = errors.New("the link has no numbers left for streams")

// errMalformed is wrapped by what ends a link whose other side does not keep to the rules.
var errMalformed = errors.New("malformed frame")

// A Link is a connection that carries streams. Its methods may be called from anywhere.
type Link struct {
	nc     net.Conn
	sock   ws.Socket
	accept func(*Stream) // takes the streams that the other side opens, and never waits; nil if it must not open any
	work   sync.WaitGroup
	done   chan struct{} // closed when the link is broken
	silent chan struct{} // closed when nothing more is written

	mu      sync.Mutex
	streams map[uint32]*Stream
	last    uint32 // the number of the newest stream
	err     error  // why the link is broken
	out     []byte // what is to be written next
	spare   []byte // memory for what comes after it
	pending sync.Cond
	idle    bool      // the writer waits for something to write
	crowd   []*Stream // wait for what is to be written to become less
}

// newLink makes a link of a connection. Close, or the end of the connection, ends its goroutines.
func newLink(nc net.Conn, accept func(*Stream)) *Link {
	l := &Link{nc: nc, sock: ws.NewSocket(nc), accept: accept, done: make(chan struct{}), silent: make(chan struct{}), streams: make(map[uint32]*Stream)}
	l.pending.L = &l.mu
	return l
}

// start starts the goroutines. in has what was read already.
func (l *Link) start(in *intake) {
	l.work.Go(func() { l.read(in) })
	l.work.Go(l.write)
}

// Open opens a stream. It does not wait for the other side.
func (l *Link) Open() (*Stream, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.err != nil {
		return nil, l.err
	}
	if l.last == math.MaxUint32 {
		return nil, errUsedUp
	}
	l.last++
	s := l.add(l.last)
	l.put(kindOpen, s.id, nil)
	return s, nil
}

// add makes a stream. The lock is held.
func (l *Link) add(id uint32) *Stream {
	s := newStream(l, id)
	l.streams[id] = s
	return s
}

// Streams is how many streams there are.
func (l *Link) Streams() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.streams)
}

// Done is closed when the link is broken: by Close, by the other side, or by the network.
func (l *Link) Done() <-chan struct{} { return l.done }

// Close breaks the link, and waits until its goroutines have ended. Streams fail with ErrClosed.
func (l *Link) Close() {
	l.fail(ErrClosed)
	l.work.Wait()
}

// fail breaks the link. The first reason counts.
func (l *Link) fail(err error) {
	l.mu.Lock()
	if l.err != nil {
		l.mu.Unlock()
		return
	}
	l.err = err
	streams := l.streams
	l.streams = make(map[uint32]*Stream)
	l.crowd = nil
	l.pending.Broadcast()
	for _, s := range streams {
		s.room.Broadcast()
	}
	l.mu.Unlock()
	close(l.done)
	l.sock.ReadDeadline(ws.LongAgo)
	l.sock.WriteDeadline(ws.LongAgo)
	for _, s := range streams {
		s.end(err, false)
	}
}

// put adds a frame to what is to be written. The lock is held.
func (l *Link) put(kind byte, id uint32, payload []byte) {
	if l.err != nil {
		return
	}
	l.out = binary.LittleEndian.AppendUint64(l.out, header(kind, id, len(payload)))
	l.out = append(l.out, payload...)
	if l.idle {
		l.idle = false
		l.pending.Signal()
	}
}

// write is the goroutine that writes.
func (l *Link) write() {
	defer close(l.silent)
	for {
		l.mu.Lock()
		for len(l.out) == 0 && l.err == nil {
			l.idle = true
			l.pending.Wait()
			l.mu.Unlock()
			runtime.Gosched()
			l.mu.Lock()
		}
		p, err := l.out, l.err
		l.out, l.spare = l.spare[:0], nil
		for _, s := range l.crowd {
			s.crowded = false
			s.room.Broadcast()
		}
		clear(l.crowd)
		l.crowd = l.crowd[:0]
		l.mu.Unlock()
		if err != nil {
			if errors.Is(err, ErrClosed) && len(p) > 0 {
				_, _ = l.sock.Write(p) // last words, if the socket takes them
			}
			return
		}
		if err := l.writeAll(p); err != nil {
			l.fail(fmt.Errorf("write to the link: %w", err))
			return
		}
		if cap(p) > keepQueue {
			p = nil
		}
		l.mu.Lock()
		l.spare = p
		l.mu.Unlock()
	}
}

// keepQueue is how much memory for what is to be written is kept.
const keepQueue = 64 << 10

func (l *Link) writeAll(p []byte) error {
	n, err := l.sock.Write(p)
	if p = p[n:]; err != nil || len(p) == 0 {
		return err
	}
	l.sock.WhenWritable(func() bool {
		n, err = l.sock.Write(p)
		p = p[n:]
		return err != nil || len(p) == 0
	})
	if err == nil && len(p) > 0 {
		err = ErrClosed
	}
	return err
}

// read is the goroutine that reads.
func (l *Link) read(in *intake) {
	defer in.release()
	for {
		err := l.takeFrames(in)
		if err == nil {
			err = l.sock.Read(in)
			switch { // streams must not take it for an end or a deadline of their own
			case errors.Is(err, io.EOF):
				err = errors.New("the other side ended the link")
			case ws.IsDeadline(err):
				err = ErrClosed
			case err != nil:
				err = fmt.Errorf("read from the link: %w", err)
			}
		}
		if err != nil {
			l.fail(err)
			<-l.silent // the writer uses the descriptor, which may be another connection's after this
			l.mu.Lock()
			reset := !errors.Is(l.err, ErrClosed)
			l.mu.Unlock()
			l.sock.Close(reset)
			return
		}
	}
}

// takeFrames handles all that was read.
func (l *Link) takeFrames(in *intake) error {
	for {
		if in.left > 0 { // of the payload of a data frame
			p := in.take(int(min(in.left, uint32(in.end-in.pos))))
			if len(p) == 0 {
				return nil
			}
			in.left -= uint32(len(p))
			if in.to != nil {
				if err := in.to.deliver(p); err != nil {
					return err
				}
			}
			continue
		}
		if in.end-in.pos < headerSize {
			return nil
		}
		h := binary.LittleEndian.Uint64(in.buf.B[in.pos:])
		kind, length, id := byte(h), uint32(h>>8)&0xffffff, uint32(h>>32)
		if kind == kindData {
			in.pos += headerSize
			to, err := l.stream(id)
			if err != nil {
				return err
			}
			in.left, in.to = length, to
			continue
		}
		var payload []byte
		if kind == kindWindow {
			if length != 4 {
				return fmt.Errorf("%w: kind %d with %d bytes", errMalformed, kind, length)
			}
			if in.end-in.pos < headerSize+4 {
				return nil
			}
			payload = in.buf.B[in.pos+headerSize : in.pos+headerSize+4]
		} else if length != 0 {
			return fmt.Errorf("%w: kind %d with %d bytes", errMalformed, kind, length)
		}
		in.pos += headerSize + len(payload)
		if err := l.control(kind, id, payload); err != nil {
			return err
		}
	}
}

// control handles a frame that is not data.
func (l *Link) control(kind byte, id uint32, payload []byte) error {
	switch kind {
	case kindOpen:
		l.mu.Lock()
		var err error
		switch {
		case l.err != nil:
			err = l.err
		case l.accept == nil || id <= l.last:
			err = fmt.Errorf("%w: stream %d cannot be opened", errMalformed, id)
		case len(l.out) > maxAnswers:
			err = errors.New("the other side opens streams and does not read")
		}
		if err != nil {
			l.mu.Unlock()
			return err
		}
		l.last = id
		if len(l.streams) >= maxStreams {
			l.put(kindReset, id, nil)
			l.mu.Unlock()
			return nil
		}
		s := l.add(id)
		l.mu.Unlock()
		l.accept(s)
	case kindWindow:
		return l.widen(id, int(binary.LittleEndian.Uint32(payload)))
	case kindEnd, kindClose, kindReset:
		s, err := l.stream(id)
		if s == nil {
			return err
		}
		return s.otherEnded(kind)
	default:
		return fmt.Errorf("%w: kind %d", errMalformed, kind)
	}
	return nil
}

// widen lets a stream write n bytes more.
func (l *Link) widen(id uint32, n int) error {
	s, err := l.stream(id)
	if s == nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if s.credit += n; s.credit > Window {
		return fmt.Errorf("%w: stream %d is offered more than its window", errMalformed, id)
	}
	s.room.Broadcast()
	return nil
}

// stream finds the stream of a frame: nil if this side has closed it.
func (l *Link) stream(id uint32) (*Stream, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if id == 0 || id > l.last {
		return nil, fmt.Errorf("%w: there was no stream %d", errMalformed, id)
	}
	return l.streams[id], nil
}

// An intake is what was read from a link and not yet taken: a ws.Intake. It holds memory only while something is in it.
type intake struct {
	buf      *ws.Buffer // nil while nothing is held
	pos, end int

	left uint32  // bytes that are to come of a data frame
	to   *Stream // whose it is; nil if it has been closed
}

// Space implements ws.Intake.
func (in *intake) Space() []byte {
	if in.buf == nil {
		in.buf = ws.GetBuffer(readSize)
		in.pos, in.end = 0, 0
	} else if in.pos > 0 { // a piece of a header at most
		in.end = copy(in.buf.B, in.buf.B[in.pos:in.end])
		in.pos = 0
	}
	return in.buf.B[in.end:]
}

// Filled implements ws.Intake.
func (in *intake) Filled(n int) { in.end += n }

// Park implements ws.Intake.
func (in *intake) Park() {
	if in.buf != nil && in.pos == in.end {
		in.release()
	}
}

func (in *intake) release() {
	if in.buf != nil {
		ws.PutBuffer(in.buf)
		in.buf = nil
	}
	in.pos, in.end = 0, 0
}

func (in *intake) take(n int) []byte {
	if n == 0 {
		return nil
	}
	p := in.buf.B[in.pos : in.pos+n]
	in.pos += n
	return p
}
