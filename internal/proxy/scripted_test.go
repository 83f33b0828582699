package proxy

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/symphony-rtc/symphony/internal/cluster"
	"github.com/symphony-rtc/symphony/internal/link"
	"github.com/symphony-rtc/symphony/internal/ws"
	"github.com/symphony-rtc/symphony/internal/ws/wstest"
	"github.com/symphony-rtc/symphony/protocol"
)

// scripted is a host that does what a test says.
type scripted struct {
	t     *testing.T
	conns *breakable
	seat  cluster.Membership
	calls chan *call
	slow  atomic.Pointer[func()] // what happens before a handshake is answered
}

// call is a connection from the proxy, after the handshake.
type call struct {
	t       *testing.T
	nc      net.Conn
	r       *bufio.Reader
	request *http.Request
}

// scripted starts such a host, which has the room r.
func (w *world) scripted(id string) *scripted {
	w.t.Helper()
	return w.scriptedAs(id, func(h http.Handler) http.Handler { return ws.Addressed(h, id) })
}

// scriptedAs is scripted with a wrapper of what takes links.
func (w *world) scriptedAs(id string, as func(http.Handler) http.Handler) *scripted {
	w.t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		w.t.Fatal(err)
	}
	s := &scripted{t: w.t.(*testing.T), conns: &breakable{Listener: ln}, calls: make(chan *call, 100)}
	links := link.Listen(ln.Addr())
	go func() { _ = http.Serve(s.conns, as(links)) }()
	w.t.Cleanup(func() {
		_ = ln.Close()
		links.End()
	})
	if s.seat, err = w.registry.Join(w.t.Context(), cluster.Host{ID: id, Address: ln.Addr().String(), Capacity: 10}); err != nil {
		w.t.Fatal(err)
	}
	go func() {
		for {
			nc, err := links.Accept()
			if err != nil {
				return
			}
			c := &call{t: s.t, nc: nc, r: bufio.NewReader(nc)}
			if c.request, err = http.ReadRequest(c.r); err != nil {
				_ = nc.Close()
				continue
			}
			if f := s.slow.Load(); f != nil {
				(*f)()
			}
			_, _ = nc.Write([]byte("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n"))
			s.calls <- c
		}
	}()
	return s
}

// end ends the host.
func (s *scripted) end() {
	_ = s.conns.Close()
	s.conns.reset()
	if err := s.seat.Leave(context.Background()); err != nil {
		s.t.Error(err)
	}
}

func (s *scripted) claim(room string) *scripted {
	if _, err := s.seat.Claim(s.t.Context(), room); err != nil {
		s.t.Fatal(err)
	}
	return s
}

func (s *scripted) next() *call {
	s.t.Helper()
	select {
	case c := <-s.calls:
		_ = c.nc.SetDeadline(time.Now().Add(patience))
		s.t.Cleanup(func() { _ = c.nc.Close() })
		return c
	case <-time.After(patience):
		s.t.Fatal("the proxy does not connect")
		return nil
	}
}

func (c *call) send(payloads ...[]byte) {
	c.t.Helper()
	var all []byte
	for _, p := range payloads {
		all = append(all, framed(p)...)
	}
	if _, err := c.nc.Write(all); err != nil {
		c.t.Fatal(err)
	}
}

func (c *call) close(code protocol.CloseCode) {
	_, _ = c.nc.Write(ws.AppendClose(nil, code, "because"))
}

// frame reads one frame of the proxy, without its mask.
func (c *call) frame() (op byte, payload []byte) {
	c.t.Helper()
	head := make([]byte, 14)
	read := func(p []byte) {
		if _, err := io.ReadFull(c.r, p); err != nil {
			c.t.Fatalf("the host waits for a frame: %v", err)
		}
	}
	read(head[:2])
	n := uint64(head[1] & 0x7f)
	if n == 126 {
		read(head[2:4])
		n = uint64(binary.BigEndian.Uint16(head[2:]))
	} else if n == 127 {
		read(head[2:10])
		n = binary.BigEndian.Uint64(head[2:])
	}
	var mask [4]byte
	read(mask[:])
	payload = make([]byte, n)
	read(payload)
	ws.Unmask(payload, binary.LittleEndian.Uint32(mask[:]))
	return head[0] & 0x0f, payload
}

func (c *call) message(want []byte) {
	c.t.Helper()
	if _, got := c.frame(); !bytes.Equal(got, want) {
		c.t.Fatalf("the host got % x, want % x", got, want)
	}
}

func (s *socket) message(want []byte) {
	s.t.Helper()
	_ = s.nc.SetReadDeadline(time.Now().Add(patience))
	if _, got, err := s.frame(); err != nil || !bytes.Equal(got, want) {
		s.t.Fatalf("the client got % .50x (%v), want % .50x", got, err, want)
	}
}

var stepOne = []byte{0, 0, 1, 0}

func TestHandshakeIsPassedOn(t *testing.T) {
	w := newWorld(t)
	host := w.scripted("h").claim("a/b")
	d := w.proxy(Options{AllowedOrigins: []string{"*"}}, nil)
	nc, err := net.Dial("tcp", d.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	_, _ = nc.Write([]byte("GET /rooms/a%2Fb?token=x%20y HTTP/1.1\r\nHost: symphony.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nOrigin: https://app.test\r\nUser-Agent: me\r\n" +
		"Authorization: Bearer t\r\nX-Forwarded-For: 10.1.1.1\r\nX-Forwarded-Proto: https\r\nSec-WebSocket-Protocol: other, symphony.v1\r\n\r\n"))
	r := host.next().request
	if r.RequestURI != "/rooms/a%2Fb?token=x%20y" || r.Host != "symphony.test" {
		t.Errorf("asked for %s of %s", r.RequestURI, r.Host)
	}
	for name, want := range map[string]string{
		"Origin": "https://app.test", "User-Agent": "me", "Authorization": "Bearer t", "X-Forwarded-For": "10.1.1.1, 127.0.0.1",
		"X-Forwarded-Proto": "https", "X-Forwarded-Host": "symphony.test", "Sec-Websocket-Protocol": "symphony.v1",
		"Sec-Websocket-Version": "13",
	} {
		if got := r.Header.Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}

func TestForeignPagesAndBadRequests(t *testing.T) {
	w := newWorld(t)
	d := w.proxy(Options{}, nil)
	nc, err := net.Dial("tcp", d.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	_, _ = nc.Write([]byte("GET /rooms/a HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n" +
		"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nOrigin: https://evil.test\r\n\r\n"))
	s := &socket{t: t, nc: nc, r: bufio.NewReader(nc)}
	if _, err := http.ReadResponse(s.r, nil); err != nil {
		t.Fatal(err)
	}
	if code, _ := s.closed(); code != protocol.CloseForbidden {
		t.Errorf("closed with %d", code)
	}
	for path, want := range map[string]int{"/rooms/": 404, "/rooms/a": 426, "/rooms/%ff": 400, "/rooms/" + strings.Repeat("a", 256): 414} {
		response, err := http.Get("http://" + d.addr + path)
		if err != nil {
			t.Fatal(err)
		}
		_ = response.Body.Close()
		if response.StatusCode != want {
			t.Errorf("%s: %s", path, response.Status)
		}
	}
	http.DefaultClient.CloseIdleConnections()
}

// What a host closes with for good is passed on.
func TestCloseCodesArePassedOn(t *testing.T) {
	w := newWorld(t)
	host := w.scripted("h").claim("r")
	d := w.proxy(Options{}, nil)
	for _, code := range []protocol.CloseCode{4400, 4403, 4410, 4413, 4500, 4503, 4509, 4529, 1002} {
		s := dialRoom(t, d.addr, "r", false)
		c := host.next()
		c.send(stepOne)
		c.close(code)
		if got, reason := s.closed(); got != code || reason != "because" {
			t.Errorf("closed with %d %q, want %d", got, reason, code)
		}
	}
	if s := d.Stats(); s.Switches != 0 {
		t.Errorf("%+v", s)
	}
}

func TestClientCloses(t *testing.T) {
	w := newWorld(t)
	host := w.scripted("h").claim("r")
	d := w.proxy(Options{}, nil)
	for _, code := range []protocol.CloseCode{1000, 4504, 4501} { // whatever it says, it is not to be carried over
		s := dialRoom(t, d.addr, "r", false)
		c := host.next()
		c.send(stepOne)
		s.message(stepOne)
		_ = s.write(wstest.Frame(ws.OpClose, true, binary.BigEndian.AppendUint16(nil, uint16(code))))
		if op, payload := c.frame(); op != ws.OpClose || binary.BigEndian.Uint16(payload) != uint16(code) {
			t.Fatalf("the host got opcode %d % x", op, payload)
		}
		c.close(code)
		if got, _ := s.closed(); got != code {
			t.Errorf("closed with %d", got)
		}
		_ = s.nc.Close()
	}
	s := dialRoom(t, d.addr, "r", false) // without a word
	c := host.next()
	c.send(stepOne)
	s.message(stepOne)
	_ = s.nc.Close()
	if _, err := c.r.ReadByte(); err == nil {
		t.Error("the host was not told")
	}
	eventually(t, "all gone", func() bool { s := d.Stats(); return s.Connections == 0 && s.Rooms == 0 })
}

// A host that is left is left with everything that matters said to the next one.
func TestReplay(t *testing.T) {
	w := newWorld(t)
	first := w.scripted("first").claim("r")
	d := w.proxy(Options{}, nil)
	s := dialRoom(t, d.addr, "r", true)
	c := first.next()
	hello := protocol.Hello{Connection: "a", Generation: 3, MaxMessage: 99}.Frame().Payload()
	c.send(hello, stepOne)
	s.message(hello)
	s.message(stepOne)
	presence := append([]byte{1, 11}, awarenessOf(300, 2, `"here"`)...)
	presence[1] = byte(len(presence) - 2)
	_ = s.send([]byte{0, 0, 3, 1, 9, 9})
	_ = s.send(presence)
	c.message([]byte{0, 0, 3, 1, 9, 9})
	c.message(presence)
	_ = s.send([]byte{0, 1, 2, 0, 0}) // the first update, that the host loses
	c.message([]byte{0, 1, 2, 0, 0})

	second := w.scripted("second")
	if err := first.seat.Release(t.Context(), "r", "second"); err != nil {
		t.Fatal(err)
	}
	c.close(protocol.CloseMoved)
	c = second.next()
	c.message([]byte{0, 0, 3, 1, 9, 9}) // its step 1 was not answered
	c.message(presence)
	c.send(protocol.Hello{Connection: "b", Generation: 3, MaxMessage: 99}.Frame().Payload(), stepOne, []byte{0, 1, 2, 0, 0})
	s.message(stepOne) // no second hello
	s.message([]byte{0, 1, 2, 0, 0})
	_ = s.send([]byte{0, 1, 2, 0, 0})
	_ = s.send([]byte{0, 2, 2, 0, 0})
	c.message([]byte{0, 1, 2, 0, 0})
	c.message([]byte{0, 2, 2, 0, 0})
	c.send([]byte{101, 1}, []byte{101, 2})
	s.message([]byte{101, 2})
	s.message([]byte{101, 3})

	// Once more, with one that the client sends before it hears of the new host.
	third := w.scripted("third")
	if err := second.seat.Release(t.Context(), "r", "third"); err != nil {
		t.Fatal(err)
	}
	c.close(protocol.CloseRestarting)
	c = third.next()
	if _, question := c.frame(); question[0] != 0 || question[1] != 0 {
		t.Fatalf("the host got % x", question)
	}
	c.message(presence)
	_ = s.send([]byte{0, 2, 2, 0, 0}) // the fourth
	c.message([]byte{0, 2, 2, 0, 0})
	c.send(protocol.Hello{Connection: "c", Generation: 3, MaxMessage: 99}.Frame().Payload(), []byte{101, 1}, []byte{0, 0, 3, 1, 7, 4}, []byte{0, 1, 2, 0, 0}, []byte{101, 1})
	s.message([]byte{0, 0, 3, 1, 7, 4}) // not the counts: what was before this host is not known to be here
	s.message([]byte{0, 2, 2, 0, 0})    // and an answer that it did not ask for comes as an update
	s.message([]byte{105, 0})           // nobody begins the room any more
	_ = s.send([]byte{0, 1, 2, 0, 0})   // the fifth
	c.message([]byte{0, 1, 2, 0, 0})
	c.send([]byte{101, 2})
	s.message([]byte{101, 5})

	// A room that is another one.
	fourth := w.scripted("fourth")
	if err := third.seat.Release(t.Context(), "r", "fourth"); err != nil {
		t.Fatal(err)
	}
	_ = c.nc.Close()
	c = fourth.next()
	c.send(protocol.Hello{Connection: "d", Generation: 4, MaxMessage: 99}.Frame().Payload(), stepOne)
	if code, _ := s.closed(); code != protocol.CloseRestarting {
		t.Errorf("closed with %d", code)
	}
}

// A frame of a host of which the client got a part cannot be continued: the client is cut off.
func TestHostDiesWithinAFrame(t *testing.T) {
	w := newWorld(t)
	host := w.scripted("h").claim("r")
	d := w.proxy(Options{}, nil)
	for _, c := range []struct {
		size int
		cut  bool
	}{{maxGather - 10, false}, {maxGather + 10_000, true}} {
		s := dialRoom(t, d.addr, "r", false)
		_ = s.nc.SetReadDeadline(time.Now().Add(patience))
		up := host.next()
		up.send(stepOne)
		s.message(stepOne)
		long := framed(append([]byte{0, byte(protocol.SyncUpdate)}, make([]byte, c.size)...))
		_, _ = up.nc.Write(long[:len(long)-5])
		if c.cut { // it begins to arrive
			if _, err := s.r.Peek(100); err != nil {
				t.Fatal(err)
			}
		}
		_ = up.nc.Close()
		if c.cut {
			if _, err := io.Copy(io.Discard, s.r); err == nil {
				t.Error("the client was not cut off")
			}
			continue
		}
		up = host.next()
		up.send(stepOne)
		s.message(stepOne) // nothing of the frame
		_ = s.nc.Close()
	}
}

// Of a message of the client that went to a host that died, the rest goes nowhere; the next one arrives.
func TestHostDiesWithinAMessageOfTheClient(t *testing.T) {
	w := newWorld(t)
	host := w.scripted("h").claim("r")
	d := w.proxy(Options{}, nil)
	update := append([]byte{0, 2, 0xfe, 0xff, 0x7f}, make([]byte, 2<<20)...)
	for name, frames := range map[string][][]byte{
		"a long frame": {wstest.Frame(ws.OpBinary, true, update)[:1500000], wstest.Frame(ws.OpBinary, true, update)[1500000:]},
		"fragments":    {wstest.Frame(ws.OpBinary, false, update[:100]), wstest.Frame(ws.OpContinuation, true, update[100:1000])},
		"one byte":     {wstest.Frame(ws.OpBinary, false, update[:1]), wstest.Frame(ws.OpContinuation, true, update[1:1000])},
	} {
		t.Run(name, func(t *testing.T) {
			s := dialRoom(t, d.addr, "r", true)
			hello := protocol.Hello{Connection: "a", Generation: 3}.Frame().Payload()
			c := host.next()
			c.send(hello, stepOne)
			s.message(hello)
			s.message(stepOne)
			_ = s.send([]byte{0, 1, 2, 0, 0})
			c.message([]byte{0, 1, 2, 0, 0})
			if err := s.write(frames[0]); err != nil {
				t.Fatal(err)
			}
			_, _ = c.r.Peek(2)
			_ = c.nc.Close()
			c = host.next()
			written := make(chan error, 1)
			go func() { written <- s.write(frames[1]) }()
			c.send(hello, stepOne)
			s.message(stepOne)
			if err := <-written; err != nil {
				t.Fatal(err)
			}
			_ = s.send([]byte{0, 1, 2, 0, 0})
			c.message([]byte{0, 1, 2, 0, 0})
			c.send([]byte{101, 1})
			s.message([]byte{101, 3}) // the cut one counts: the answer to the step 1 has what it said
			_ = s.nc.Close()
		})
	}
}

// While nobody serves it, a client gets signs of life, and it is noticed when it leaves.
func TestWaitingClient(t *testing.T) {
	w := newWorld(t)
	d := w.proxy(Options{SignOfLife: 20 * time.Millisecond}, nil)
	plain := dialRoom(t, d.addr, "r", false)
	plain.message([]byte{1, 1, 0})
	plain.message([]byte{1, 1, 0})
	symphony := dialRoom(t, d.addr, "r", true)
	_ = symphony.send(stepOne)
	eventually(t, "both wait", func() bool { return d.Stats().Waiting == 2 })
	_ = plain.nc.Close()
	eventually(t, "one left", func() bool { return d.Stats().Connections == 1 })

	host := w.scripted("h")
	c := host.next()
	hello := protocol.Hello{Connection: "a", Generation: 3}.Frame().Payload()
	c.send(hello)
	symphony.message(hello) // nothing came before it
	c.message(stepOne)
}

// What a client does not read waits with the host, and who reads nothing for too long is cut off.
func TestStalledClient(t *testing.T) {
	w := newWorld(t)
	host := w.scripted("h").claim("r")
	d := w.proxy(Options{StallTimeout: time.Nanosecond}, nil)
	s := dialRoom(t, d.addr, "r", false)
	c := host.next()
	blocked := make(chan struct{})
	go func() {
		defer close(blocked)
		message := framed(append([]byte{byte(protocol.TypeAwareness)}, make([]byte, 60_000)...))
		for {
			_ = c.nc.SetWriteDeadline(time.Now().Add(patience))
			if _, err := c.nc.Write(message); err != nil {
				return
			}
		}
	}()
	<-blocked
	if _, err := io.Copy(io.Discard, s.r); err == nil {
		t.Error("it was not cut off")
	}
}

// A client that never says what it has is never told anything untrue, and does not wait for ever.
func TestClientThatDoesNotAnswer(t *testing.T) {
	w := newWorld(t)
	host := w.scripted("h").claim("r")
	d := w.proxy(Options{StallTimeout: time.Nanosecond}, nil)
	s := dialRoom(t, d.addr, "r", false)
	c := host.next()
	c.send(stepOne)
	s.message(stepOne)
	_ = s.send([]byte{0, 2, 2, 0, 0})
	_ = s.send(stepOne)
	c.message([]byte{0, 2, 2, 0, 0})
	c.message(stepOne)
	_ = c.nc.Close()
	c = host.next()
	c.message(stepOne) // in its name, because it missed something; its own waits
	c.send(stepOne, []byte{0, 1, 2, 0, 0})
	s.message(stepOne)
	s.message([]byte{0, 2, 2, 0, 0})
	if code, _ := s.closed(); code != protocol.CloseRestarting {
		t.Errorf("closed with %d", code)
	}
}

func TestDrainTellsClients(t *testing.T) {
	w := newWorld(t)
	w.host(10)
	d := w.proxy(Options{}, nil)
	s := dialRoom(t, d.addr, "r", false)
	waiting := dialRoom(t, d.addr, "r2", false)
	drained := make(chan error, 1)
	go func() { drained <- d.Drain(t.Context()) }()
	for _, s := range []*socket{s, waiting} {
		if code, _ := s.closed(); code != protocol.CloseRestarting {
			t.Errorf("closed with %d", code)
		}
		_ = s.nc.Close()
	}
	if err := <-drained; err != nil {
		t.Error(err)
	}
}
