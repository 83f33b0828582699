package proxy

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"

	"github.com/symphony-rtc/symphony/internal/ws"
	"github.com/symphony-rtc/symphony/internal/ws/wstest"
)

// A wire is a conn between a client and its hosts, without sockets: bytes go in and come out in pieces of any size. What comes out is
// read as strictly as the peers do (RFC 6455), whose mistakes it may be none of.
type wire struct {
	conn     *conn
	host     *hostConn // nil: none
	toHost   peer
	toClient peer
}

func newWire(symphony bool) *wire {
	w := &wire{conn: &conn{}}
	w.conn.session.symphony = symphony
	return w
}

// gather sets up to how many bytes frames are passed on whole.
func (w *wire) gather(up, down int) {
	w.conn.in.gather = up
	if w.host != nil {
		w.host.in.gather = down
	}
}

// connect gives the client a host.
func (w *wire) connect() error {
	w.host, w.toHost = &hostConn{}, peer{masked: true}
	for _, frame := range w.conn.session.begin() {
		if err := w.toHost.read(frame); err != nil {
			return err
		}
	}
	return nil
}

// lose takes the host away, as conn.pipe and conn.leaveHost do. It reports whether the client can be carried over.
func (w *wire) lose() bool {
	midway := w.host.in.inside() && w.host.verdict.pass
	w.host.in.release()
	w.host = nil
	if midway {
		return false
	}
	w.conn.session.leaveHost()
	w.conn.partial.cut(w.conn.in.inside())
	return true
}

// release gives back the buffers.
func (w *wire) release() {
	w.conn.in.release()
	if w.host != nil {
		w.host.in.release()
	}
}

// feed gives bytes to a stream, as much as it takes at once, and returns the rest.
func feed(s *stream, p []byte) []byte {
	n := copy(s.Space(), p)
	s.Filled(n)
	return p[n:]
}

// fromClient is the proxy reading from the client. An error ends the client's connection.
func (w *wire) fromClient(p []byte) error {
	for len(p) > 0 {
		p = feed(&w.conn.in, p)
		var out batch
		_, err := w.conn.fromClient(w.host, &out)
		if bad := w.toHost.read(out.bytes(&w.conn.in)); bad != nil {
			return fmt.Errorf("the host gets what is wrong: %w", bad)
		}
		out.reset()
		if err != nil {
			return errEnded{err}
		}
		w.conn.in.Park()
	}
	return nil
}

// fromHost is the proxy reading from the host.
func (w *wire) fromHost(p []byte) error {
	for len(p) > 0 {
		p = feed(&w.host.in, p)
		var out batch
		_, end, err := w.conn.fromHost(w.host, &out)
		if bad := w.toClient.read(out.bytes(&w.host.in)); bad != nil {
			return fmt.Errorf("the client gets what is wrong: %w", bad)
		}
		out.reset()
		if err != nil || end != nil {
			return errEnded{err}
		}
		w.host.in.Park()
	}
	return nil
}

// errEnded is the end of a connection as the proxy may end it.
type errEnded struct{ error }

// A peer is one that takes WebSocket frames apart into messages.
type peer struct {
	masked   bool // the other side is a client
	rest     []byte
	message  []byte // the fragments so far
	within   bool   // there are some
	messages [][]byte
}

// read takes bytes. The error is that the other side has broken the protocol.
func (r *peer) read(p []byte) error {
	r.rest = append(r.rest, p...)
	for {
		var s stream
		s.gather = 1 << 30
		var piece piece
		ok := false
		for in := r.rest; len(in) > 0 && !ok; {
			in = feed(&s, in)
			piece, ok = s.next()
		}
		if !ok {
			s.release()
			return nil
		}
		payload := bytes.Clone(piece.payload)
		ws.Unmask(payload, piece.key)
		first := r.rest[0]
		r.rest = r.rest[piece.to-piece.at:]
		s.release()
		control := piece.op >= ws.OpClose
		switch {
		case first&0x70 != 0, piece.masked != r.masked:
			return fmt.Errorf("a frame begins with %#x, masked: %v", first, piece.masked)
		case control && (!piece.fin || len(payload) > 125):
			return fmt.Errorf("a control frame of %d bytes", len(payload))
		case control:
		case (piece.op == ws.OpContinuation) != r.within:
			return fmt.Errorf("opcode %d, within a message: %v", piece.op, r.within)
		default:
			r.message = append(r.message, payload...)
			if r.within = !piece.fin; !r.within {
				r.messages = append(r.messages, r.message)
				r.message = nil
			}
		}
	}
}

// take returns the messages that have come, once.
func (r *peer) take() [][]byte {
	messages := r.messages
	r.messages = nil
	return messages
}

// clientBytes is a message as a client may send it: in fragments, with a ping between them.
func clientBytes(rng *rand.Rand, payload []byte) (b []byte) {
	op := byte(ws.OpBinary)
	for rng.IntN(4) == 0 {
		n := rng.IntN(len(payload) + 1)
		b = wstest.AppendFrame(b, op, false, payload[:n])
		payload, op = payload[n:], ws.OpContinuation
		if rng.IntN(3) == 0 {
			b = wstest.AppendFrame(b, ws.OpPing, true, binary.LittleEndian.AppendUint32(nil, rng.Uint32()))
		}
	}
	return wstest.AppendFrame(b, op, true, payload)
}
