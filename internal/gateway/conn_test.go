package gateway

import (
	"bytes"
	"crypto/tls"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/symphony-rtc/symphony/internal/ws"
	"github.com/symphony-rtc/symphony/internal/ws/wstest"
	"github.com/symphony-rtc/symphony/protocol"
)

func TestMessagesAreRelayed(t *testing.T) {
	host := &relayHost{}
	g, addr := serve(t, host, Options{})
	a, b := dial(t, addr, "r"), dial(t, addr, "r")
	alone := dial(t, addr, "elsewhere")
	eventually(t, "joined", func() bool { return len(host.members("r")) == 2 && len(host.members("elsewhere")) == 1 })
	sizes := []int{0, 1, 125, 126, 127, 65535, 65536, 1 << 20, 5 << 20}
	for _, size := range sizes {
		message := bytes.Repeat([]byte{byte(size), 7}, size/2+1)[:size]
		a.send(message)
		if got := b.message(); !bytes.Equal(got, message) {
			t.Errorf("%d bytes arrived as %d", size, len(got))
		}
	}
	b.send([]byte("back"))
	if got := a.message(); string(got) != "back" { // and nothing of its own before
		t.Errorf("got %q", got)
	}
	alone.write(wstest.Frame(opPing, true, []byte("anything?")))
	if op, payload, err := alone.frame(); op != opPong || string(payload) != "anything?" || err != nil {
		t.Errorf("got opcode %d %q %v", op, payload, err)
	}
	messages := uint64(len(sizes) + 1)
	eventually(t, "all is counted", func() bool { // a message may be here before it is counted there
		s := g.Stats()
		return s.MessagesIn == messages && s.MessagesOut == messages
	})
	if s := g.Stats(); s.Connections != 3 || s.Opened != 3 || s.BytesIn < 6<<20 || s.BytesOut < 6<<20 || s.Throttled > 0 {
		t.Errorf("stats %+v", s)
	}
}

func TestC_BINARY_fragmentsWithControlFramesBetween(t *testing.T) {
	_, addr := serve(t, &relayHost{echo: true}, Options{})
	c := dial(t, addr, "r")
	c.write(wstest.Frame(opBinary, false, []byte("one ")))
	c.write(wstest.Frame(opPing, true, []byte("p")))
	c.write(wstest.Frame(opContinuation, false, nil))
	c.write(wstest.Frame(opPong, true, nil))
	c.write(wstest.Frame(opContinuation, true, []byte("two")))
	if op, payload, _ := c.frame(); op != opPong || string(payload) != "p" {
		t.Errorf("got opcode %d %q", op, payload)
	}
	if got := c.message(); string(got) != "one two" {
		t.Errorf("got %q", got)
	}
}

func TestClientCloses(t *testing.T) {
	host := &relayHost{}
	g, addr := serve(t, host, Options{})
	for payload, want := range map[string]protocol.CloseCode{"": closeNoStatus, "\x03\xe8": ws.CloseNormal, "\x03\xe9bye": 1001, "\x0f\xa0": 4000} {
		c := dial(t, addr, "r")
		c.write(wstest.Frame(opClose, true, []byte(payload)))
		if code, _ := c.closed(); code != want {
			t.Errorf("%q answered with %d, want %d", payload, code, want)
		}
	}
	gone := dial(t, addr, "r")
	_ = gone.nc.Close()
	reset := dial(t, addr, "r")
	_ = reset.nc.(*net.TCPConn).SetLinger(0)
	_ = reset.nc.Close()
	eventually(t, "all left", func() bool { return len(host.members("r")) == 0 && g.Stats().Connections == 0 })
	if closed := g.Stats().Closed; len(closed) > 0 {
		t.Errorf("counted as closed by us: %v", closed)
	}
}

func TestRoomCloses(t *testing.T) {
	host := &relayHost{}
	_, addr := serve(t, host, Options{CloseTimeout: 50 * time.Millisecond})
	c := dial(t, addr, "r")
	eventually(t, "joined", func() bool { return len(host.members("r")) == 1 })
	m := host.members("r")[0].member
	m.Send([]byte{0x82, 1, 'x'}, true)
	m.Close(protocol.CloseMoved, strings.Repeat("ä", 100))
	m.Close(protocol.CloseInternal, "too late")
	m.Send([]byte{0x82, 1, 'y'}, false)
	// The member leaves at once, whatever its client does.
	eventually(t, "left", func() bool { return len(host.members("r")) == 0 })
	if got := c.message(); string(got) != "x" {
		t.Errorf("got %q", got)
	}
	code, reason := c.closed()
	if code != protocol.CloseMoved || reason != strings.Repeat("ä", 61) {
		t.Errorf("closed with %d %q", code, reason)
	}
}

func TestC_REFUSED_byTheRoom(t *testing.T) {
	host := &relayHost{
		join: func(id string) error {
			if id == "full" {
				return protocol.Closef(protocol.CloseTooMany, "full")
			}
			return nil
		},
		hear: func(id string, message []byte) error {
			switch string(message) {
			case "bad":
				return protocol.Closef(protocol.CloseBadMessage, "bad")
			case "panic":
				panic("as asked")
			}
			return nil
		},
	}
	_, addr := serve(t, host, Options{})
	c := dial(t, addr, "full")
	c.send([]byte("sent before the answer came"))
	if code, reason := c.closed(); code != protocol.CloseTooMany || reason != "full" {
		t.Errorf("closed with %d %q", code, reason)
	}
	for message, want := range map[string]protocol.CloseCode{"bad": protocol.CloseBadMessage, "panic": protocol.CloseInternal} {
		c := dial(t, addr, "r")
		c.send([]byte(message))
		if code, _ := c.closed(); code != want {
			t.Errorf("%s: closed with %d", message, code)
		}
	}
	eventually(t, "all left", func() bool { return len(host.members("r")) == 0 })
}

func TestC_REFUSED_tooManyConnections(t *testing.T) {
	g, addr := serve(t, &relayHost{}, Options{MaxConnections: 2, CloseTimeout: time.Hour})
	first, _ := dial(t, addr, "a"), dial(t, addr, "b")
	var refused []*client
	for range 16 { // they linger until their clients hang up
		refused = append(refused, dial(t, addr, "c"))
	}
	if _, response := request(t, addr, "/rooms/d", nil); response.StatusCode != 503 || response.Header.Get("Retry-After") == "" {
		t.Errorf("far over the limit: %s", response.Status)
	}
	for _, c := range refused {
		if code, _ := c.closed(); code != protocol.CloseTooMany {
			t.Errorf("closed with %d", code)
		}
	}
	_ = first.nc.Close()
	eventually(t, "one left", func() bool { return g.Stats().Connections == 1 })
	c := dial(t, addr, "e")
	c.write(wstest.Frame(opPing, true, nil))
	if op, _, _ := c.frame(); op != opPong {
		t.Errorf("opcode %d", op)
	}
}

// A client that does not read is cut off; everybody else gets everything in order.
func TestC_SLOW_readerIsCutOff(t *testing.T) {
	for _, later := range []bool{false, true} {
		t.Run(fmt.Sprint("later ", later), func(t *testing.T) {
			host := &relayHost{later: later}
			g, addr := serve(t, host, Options{MaxBacklog: 1 << 20})
			sender, slow, reader := dial(t, addr, "r"), dial(t, addr, "r"), dial(t, addr, "r")
			eventually(t, "joined", func() bool { return len(host.members("r")) == 3 })
			message := make([]byte, 50_000)
			sent := 0
			for ; g.Stats().Closed[protocol.CloseTooSlow] == 0; sent++ {
				if sent > 10_000 {
					t.Fatal("the slow reader is still a member")
				}
				binary.BigEndian.PutUint32(message, uint32(sent))
				sender.send(message)
				if got := reader.message(); binary.BigEndian.Uint32(got) != uint32(sent) || len(got) != len(message) {
					t.Fatalf("message %d: got %d bytes, number %d", sent, len(got), binary.BigEndian.Uint32(got))
				}
			}
			if n := len(host.members("r")); n != 2 {
				t.Errorf("%d members", n)
			}
			for i := 0; ; i++ { // what it reads now is in order, and ends without a close frame
				_, got, err := slow.frame()
				if err != nil {
					break
				}
				if binary.BigEndian.Uint32(got) != uint32(i) || i > sent {
					t.Fatalf("the slow reader got message %d as number %d", binary.BigEndian.Uint32(got), i)
				}
			}
		})
	}
}

// One message of any size may be queued: a document larger than the bound reaches a new member.
func TestC_SLOW_oneLargeMessageIsQueued(t *testing.T) {
	host := &relayHost{}
	_, addr := serve(t, host, Options{MaxBacklog: 1000})
	c := dial(t, addr, "r")
	eventually(t, "joined", func() bool { return len(host.members("r")) == 1 })
	document := bytes.Repeat([]byte("symphony"), 5<<20)
	host.send("r", document, false)
	if got := c.message(); !bytes.Equal(got, document) {
		t.Errorf("got %d bytes", len(got))
	}
}

// However full the socket is and however messages are sent, they arrive whole and in order.
func TestOrder(t *testing.T) {
	for seed := range uint64(4) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			r := rand.New(rand.NewPCG(seed, 2))
			host := &relayHost{}
			_, addr := serve(t, host, Options{MaxBacklog: 1 << 30, FlushEvery: time.Millisecond})
			c := dial(t, addr, "r")
			eventually(t, "joined", func() bool { return len(host.members("r")) == 1 })
			const count = 3000
			var wg sync.WaitGroup
			wg.Go(func() {
				for i := range count {
					message := make([]byte, 8+r.IntN(1<<(3+r.IntN(14))))
					for at := 0; at+8 <= len(message); at += 8 {
						binary.BigEndian.PutUint64(message[at:], uint64(i))
					}
					host.send("r", message, r.IntN(3) > 0)
					if r.IntN(200) == 0 {
						time.Sleep(2 * time.Millisecond) // lets ticks happen and the socket drain
					}
				}
			})
			for i := range count {
				if i%300 == 0 {
					time.Sleep(5 * time.Millisecond) // lets the socket become full
				}
				message := c.message()
				for at := 0; at+8 <= len(message); at += 8 {
					if got := binary.BigEndian.Uint64(message[at:]); got != uint64(i) {
						t.Fatalf("message %d, at byte %d: %d", i, at, got)
					}
				}
			}
			wg.Wait()
		})
	}
}

func TestFloodIsSlowedDownAndLosesNothing(t *testing.T) {
	host := &relayHost{echo: true}
	g, addr := serve(t, host, Options{MaxMessageRate: 200, PingEvery: 400 * time.Millisecond})
	c := dial(t, addr, "r")
	const count = 400 // far more than the rate, however slow the machine
	var flood []byte
	for i := range count {
		flood = wstest.AppendFrame(flood, opBinary, true, []byte{byte(i >> 8), byte(i)})
	}
	c.write(flood)
	for i := range count {
		if got := binary.BigEndian.Uint16(c.message()); int(got) != i {
			t.Fatalf("message %d: %d", i, got)
		}
	}
	if g.Stats().Throttled == 0 {
		t.Error("it was not slowed down")
	}
}

// The transport without a file descriptor does the same.
func TestOverTLS(t *testing.T) {
	host := &relayHost{}
	g := New(host, Options{DrainSpread: -1, CloseTimeout: 50 * time.Millisecond})
	server := httptest.NewTLSServer(g)
	defer server.Close()
	connect := func() *client {
		nc, err := tls.Dial("tcp", server.Listener.Addr().String(), &tls.Config{InsecureSkipVerify: true})
		if err != nil {
			t.Fatal(err)
		}
		_ = nc.SetDeadline(time.Now().Add(patienceOfTests))
		return upgradeOver(t, nc)
	}
	a, b := connect(), connect()
	eventually(t, "joined", func() bool { return len(host.members("r")) == 2 })
	for i, size := range []int{0, 5, 70_000, 3 << 20} {
		message := bytes.Repeat([]byte{byte(i)}, size)
		a.send(message)
		if got := b.message(); !bytes.Equal(got, message) {
			t.Errorf("%d bytes arrived as %d", size, len(got))
		}
	}
	for i := range 100 {
		host.send("r", []byte{byte(i)}, i%3 == 0)
	}
	for i := range 100 {
		if got := b.message(); !bytes.Equal(got, []byte{byte(i)}) {
			t.Fatalf("message %d: %x", i, got)
		}
	}
	_ = a.nc.Close()
	eventually(t, "left", func() bool { return len(host.members("r")) == 1 })
	drained := make(chan error)
	go func() { drained <- g.Drain(t.Context()) }()
	if op, payload, err := b.frame(); op != opClose || err != nil || binary.BigEndian.Uint16(payload) != uint16(protocol.CloseRestarting) {
		t.Errorf("opcode %d %q %v", op, payload, err)
	}
	_ = b.nc.Close()
	if err := <-drained; err != nil {
		t.Error(err)
	}
}
