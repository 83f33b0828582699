package proxy

import (
	"io"
	"net"
	"testing"
	"time"

	"github.com/symphony-rtc/symphony/internal/ws"
	"github.com/symphony-rtc/symphony/internal/ws/wstest"
	"github.com/symphony-rtc/symphony/protocol"
)

// stuck is a client that reads nothing, and has the proxy wait in the middle of what it writes.
func (w *world) stuck(host *scripted, d *door) *socket {
	w.t.Helper()
	s := dialRoom(w.t, d.addr, "r", false)
	_ = s.nc.(*net.TCPConn).SetReadBuffer(4096)
	c := host.next()
	w.t.(*testing.T).Cleanup(func() { _ = c.nc.Close() })
	go func() {
		message := framed(append([]byte{byte(protocol.TypeAwareness)}, make([]byte, 60_000)...))
		for {
			if _, err := c.nc.Write(message); err != nil {
				return
			}
		}
	}()
	eventually(w.t, "the proxy waits for the client", func() bool {
		d.mu.Lock()
		defer d.mu.Unlock()
		for c := range d.conns {
			return c.stalled.Load() != 0
		}
		return false
	})
	return s
}

// A client that reads nothing does not hold up the end of its proxy, and what it finds when it reads in the end is what was sent.
func TestDrainDoesNotWaitForWhoReadsNothing(t *testing.T) {
	w := newWorld(t)
	host := w.scripted("h").claim("r")
	d := w.proxy(Options{CloseTimeout: 10 * time.Millisecond}, nil)
	s := w.stuck(host, d)
	if err := d.Drain(t.Context()); err != nil {
		t.Error(err)
	}
	_ = s.nc.SetReadDeadline(time.Now().Add(patience))
	for {
		op, payload, err := wstest.ReadFrame(s.r)
		if err != nil {
			return
		}
		if op != ws.OpBinary || len(payload) != 60_001 {
			t.Fatalf("a frame of opcode %d with %d bytes", op, len(payload))
		}
	}
}

// What a client sent before it hung up reaches its host, however slowly that reads.
func TestLastWordsOfAClient(t *testing.T) {
	w := newWorld(t)
	host := w.scripted("h").claim("r")
	d := w.proxy(Options{}, nil)
	s := dialRoom(t, d.addr, "r", false)
	c := host.next()
	c.send(stepOne)
	s.message(stepOne)
	const messages = 200 // less than a stream takes
	update := syncMessage(protocol.SyncUpdate, make([]byte, 1000))
	for range messages {
		if err := s.send(update); err != nil {
			t.Fatal(err)
		}
	}
	_ = s.nc.Close()
	eventually(t, "the proxy knows that the client is gone", func() bool {
		for _, c := range d.appendConns(nil) {
			if c.why() == nil {
				return false
			}
		}
		return true
	})
	told := make(chan struct{})
	go func() { // the others in the room go on meanwhile
		defer close(told)
		for {
			if _, err := c.nc.Write(framed([]byte{1, 1, 0})); err != nil {
				return
			}
			time.Sleep(time.Millisecond)
		}
	}()
	time.Sleep(50 * time.Millisecond)
	for range messages {
		c.message(update)
	}
	if _, err := c.r.ReadByte(); err != io.EOF {
		t.Errorf("and then: %v", err)
	}
	_ = c.nc.Close()
	<-told
	eventually(t, "the client is gone", func() bool { return d.Stats().Connections == 0 })
}
