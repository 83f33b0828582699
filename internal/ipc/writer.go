package ipc

import (
	"net"
	"sync"
)

// writer sends messages over a connection. Nobody who has something to send waits: one goroutine writes what has gathered, short
// messages in order and before the next piece of a long one. After an error it drops everything; the reader of the
// connection is who notices its end, after what the other side had still sent.
type writer struct {
	c    net.Conn
	fill func(dst []byte) []byte // appends frames that are made only now; may be nil

	mu     sync.Mutex
	short  []byte  // frames
	long   []*long // messages that are sent piece by piece, taking turns
	broken bool

	wake chan struct{}
	quit chan struct{}
	done chan struct{}
}

// long is a message on its way. sent is closed when it is written, or never will be.
type long struct {
	header
	rest []byte
	sent chan struct{}
}

func newWriter(c net.Conn, fill func([]byte) []byte) *writer {
	w := &writer{c: c, fill: fill, wake: make(chan struct{}, 1), quit: make(chan struct{}), done: make(chan struct{})}
	go w.run()
	return w
}

// close ends the writer; the connection must be closed or closing, because that ends a write that is under way.
func (w *writer) close() {
	close(w.quit)
	<-w.done
	w.drop()
}

func (w *writer) signal() {
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

// send queues a message, whose body is head and body after each other. It is copied.
func (w *writer) send(kind, op uint8, id uint64, head, body []byte) {
	w.mu.Lock()
	if w.broken {
		w.mu.Unlock()
		return
	}
	first := len(w.short) == 0
	w.short = appendHeader(w.short, header{length: uint32(len(head) + len(body)), kind: kind, op: op, id: id})
	w.short = append(w.short, head...)
	w.short = append(w.short, body...)
	w.mu.Unlock()
	if first {
		w.signal()
	}
}

// sendLong queues a message that others may overtake. It keeps the body until the returned channel is closed.
func (w *writer) sendLong(kind, op uint8, id uint64, body []byte) <-chan struct{} {
	l := &long{header: header{kind: kind, op: op, id: id}, rest: body, sent: make(chan struct{})}
	w.mu.Lock()
	if w.broken {
		close(l.sent)
	} else {
		w.long = append(w.long, l)
	}
	w.mu.Unlock()
	w.signal()
	return l.sent
}

// drop forgets what waits, for good.
func (w *writer) drop() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.broken, w.short = true, nil
	for _, l := range w.long {
		close(l.sent)
	}
	w.long = nil
}

func (w *writer) run() {
	defer close(w.done)
	var spare []byte
	for {
		select {
		case <-w.wake:
		case <-w.quit:
			return
		}
		for {
			w.mu.Lock()
			out := w.short
			w.short = spare[:0]
			var piece *long
			if len(w.long) > 0 {
				piece = w.long[0]
				w.long = w.long[1:]
			}
			w.mu.Unlock()
			if w.fill != nil {
				out = w.fill(out)
			}
			if len(out) == 0 && piece == nil {
				spare = out
				break
			}
			if err := w.write(out, piece); err != nil {
				w.drop()
				return
			}
			if spare = out; cap(spare) > keepBuffer {
				spare = nil
			}
		}
	}
}

// write writes frames and the next piece of a long message.
func (w *writer) write(out []byte, l *long) error {
	if l == nil {
		_, err := w.c.Write(out)
		return err
	}
	piece := l.rest[:min(len(l.rest), pieceBytes)]
	l.rest = l.rest[len(piece):]
	l.length, l.more = uint32(len(piece)), len(l.rest) > 0
	out = appendHeader(out, l.header)
	buffers := net.Buffers{out, piece}
	_, err := buffers.WriteTo(w.c)
	if err != nil || !l.more {
		close(l.sent)
		return err
	}
	w.mu.Lock()
	w.long = append(w.long, l)
	w.mu.Unlock()
	return nil
}
