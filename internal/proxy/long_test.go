package proxy

import (
	"bytes"
	"io"
	"testing"
	"time"

	"github.com/symphony-rtc/symphony/crdt/lib0"
	"github.com/symphony-rtc/symphony/internal/ws"
	"github.com/symphony-rtc/symphony/internal/ws/wstest"
	"github.com/symphony-rtc/symphony/protocol"
)

// longBody is more than a stream gathers, and different everywhere.
func longBody() []byte {
	b := make([]byte, maxGather+300_000)
	for i := range b {
		b[i] = byte(i * 7 >> 3)
	}
	return b
}

func syncMessage(step protocol.SyncStep, body []byte) []byte {
	return lib0.AppendBytes([]byte{0, byte(step)}, body)
}

var helloOfThree = protocol.Hello{Connection: "a", Generation: 3}.Frame().Payload()

// greeted brings a symphony client to the point where its first host has greeted it.
func (w *world) greeted(host *scripted, d *door) (*socket, *call) {
	s := dialRoom(w.t, d.addr, "r", true)
	c := host.next()
	c.send(helloOfThree, stepOne)
	s.message(helloOfThree)
	s.message(stepOne)
	return s, c
}

// What the proxy itself has to say after a long message of a host comes after it, and not between its pieces.
func TestNothingIsPutIntoALongMessageOfAHost(t *testing.T) {
	w := newWorld(t)
	host := w.scripted("h").claim("r")
	d := w.proxy(Options{}, nil)
	s, c := w.greeted(host, d)
	_ = s.send(stepOne)
	c.message(stepOne)
	_ = c.nc.Close()
	c = host.next()
	c.message(stepOne)
	long := longBody()
	known := []byte{0, 0, 3, 1, 9, 9} // the room is not new, so an initial content that may have been proposed is not taken
	sent := make(chan struct{})
	go func() {
		defer close(sent)
		c.send(helloOfThree, known, syncMessage(protocol.SyncStep2, long), []byte{1, 1, 0})
	}()
	s.message(known)
	s.message(syncMessage(protocol.SyncStep2, long))
	s.message([]byte{105, 0})
	s.message([]byte{1, 1, 0})
	<-sent
}

// The same of a long message of the client.
func TestNothingIsPutIntoALongMessageOfAClient(t *testing.T) {
	long := syncMessage(protocol.SyncStep2, longBody())
	for name, frames := range map[string][]byte{
		"one frame": wstest.Frame(ws.OpBinary, true, long),
		"fragments": append(wstest.Frame(ws.OpBinary, false, long[:1000]), wstest.Frame(ws.OpContinuation, true, long[1000:])...),
		"a ping between": append(append(wstest.Frame(ws.OpBinary, false, long[:1000]), wstest.Frame(ws.OpPing, true, []byte("?"))...),
			wstest.Frame(ws.OpContinuation, true, long[1000:])...),
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			host := w.scripted("h").claim("r")
			d := w.proxy(Options{}, nil)
			s, c := w.greeted(host, d)
			_ = s.send([]byte{0, 1, 2, 0, 0})
			_ = s.send(stepOne) // asks whether that has arrived
			c.message([]byte{0, 1, 2, 0, 0})
			c.message(stepOne)
			_ = c.nc.Close()
			c = host.next()
			c.message(stepOne) // what it missed; its own question has to wait
			c.send(helloOfThree, stepOne)
			s.message(stepOne)
			written := make(chan error, 1)
			go func() { written <- s.write(frames) }()
			var got []byte
			for len(got) < len(long) {
				op, payload := c.frame()
				if op == ws.OpPing {
					continue
				}
				if (op == ws.OpBinary) != (len(got) == 0) {
					t.Fatalf("a frame of opcode %d and % .20x after %d bytes of the message", op, payload, len(got))
				}
				got = append(got, payload...)
			}
			if !bytes.Equal(got, long) {
				t.Fatalf("the message arrived damaged: %d bytes of %d", len(got), len(long))
			}
			c.message(stepOne) // now that the host has it all
			if err := <-written; err != nil {
				t.Fatal(err)
			}
		})
	}
}

// A long message of a host that is not for the client does not reach it in parts either.
func TestLongMessageThatIsNotPassedOn(t *testing.T) {
	w := newWorld(t)
	host := w.scripted("h").claim("r")
	d := w.proxy(Options{}, nil)
	s, c := w.greeted(host, d)
	sent := make(chan struct{})
	go func() {
		defer close(sent)
		c.send(syncMessage(protocol.SyncStep1, longBody()), []byte{1, 1, 0}) // M-LAST of a document with very many authors
	}()
	s.message([]byte{1, 1, 0})
	<-sent
	c.close(protocol.CloseMoved)
	_ = c.nc.SetDeadline(time.Now().Add(patience))
	if c = host.next(); c == nil {
		t.Fatal("the client was not carried over")
	}
}

// A host hears a client that takes minutes for a message: what has come of it is passed on.
func TestSlowMessageOfAClientIsHeard(t *testing.T) {
	w := newWorld(t)
	host := w.scripted("h").claim("r")
	d := w.proxy(Options{}, nil)
	s, c := w.greeted(host, d)
	frame := wstest.Frame(ws.OpBinary, true, syncMessage(protocol.SyncUpdate, longBody()[:200_000]))
	if err := s.write(frame[:100_000]); err != nil {
		t.Fatal(err)
	}
	got := make([]byte, 100_000)
	if _, err := io.ReadFull(c.r, got); err != nil || !bytes.Equal(got, frame[:100_000]) {
		t.Fatalf("the host hears nothing of it: %v", err)
	}
	if err := s.write(frame[100_000:]); err != nil {
		t.Fatal(err)
	}
	got = make([]byte, len(frame)-100_000)
	if _, err := io.ReadFull(c.r, got); err != nil || !bytes.Equal(got, frame[100_000:]) {
		t.Fatalf("the rest: %v", err)
	}
}

// Of the state vector of a document with very many authors nothing is kept for a client that does not ask for the document.
func TestLongVectorsAreNotKept(t *testing.T) {
	vector := lib0.AppendUvarint(nil, 10_000)
	for i := range uint64(10_000) {
		vector = lib0.AppendUvarint(lib0.AppendUvarint(vector, 1<<30+i), 1)
	}
	for _, payload := range [][]byte{syncMessage(protocol.SyncStep1, vector), nil} {
		s := session{symphony: true}
		s.leaveHost()
		m := &message{typ: protocol.TypeSync, step: protocol.SyncStep1, head: 2, payload: payload}
		if v, err := s.fromHost(m); !v.pass || err != nil {
			t.Fatal(v, err)
		}
		if n := len(s.onHost.vector); n > maxVector {
			t.Errorf("%d bytes are kept", n)
		}
		if s.toldBegun {
			t.Error("it is answered about initial content before it has the room's")
		}
	}
}
