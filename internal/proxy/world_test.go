package proxy

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/symphony-rtc/symphony/crdt"
	"github.com/symphony-rtc/symphony/internal/cluster"
	"github.com/symphony-rtc/symphony/internal/cluster/member"
	"github.com/symphony-rtc/symphony/internal/cluster/memory"
	"github.com/symphony-rtc/symphony/internal/cluster/placement"
	"github.com/symphony-rtc/symphony/internal/gateway"
	"github.com/symphony-rtc/symphony/internal/link"
	rooms "github.com/symphony-rtc/symphony/internal/room"
	"github.com/symphony-rtc/symphony/internal/store/embedded"
	"github.com/symphony-rtc/symphony/internal/ws"
	"github.com/symphony-rtc/symphony/internal/ws/wstest"
	"github.com/symphony-rtc/symphony/protocol"
)

func TestMain(m *testing.M) {
	if runHelper() {
		return
	}
	goleak.VerifyTestMain(m)
}

// patience bounds every wait in a test, so that a fault fails instead of hanging.
const patience = 30 * time.Second

// world is a store and a registry, and hosts and proxies that share them: the real ones, in this process.
type world struct {
	t        testing.TB
	store    *embedded.Store
	registry *memory.Registry
	hosts    int
	asked    atomic.Int64 // questions of proxies to the registry
}

// asking is the registry as a proxy has it.
type asking struct {
	*memory.Registry
	w *world
}

func (a asking) Owner(ctx context.Context, room string) (cluster.Host, error) {
	a.w.asked.Add(1)
	return a.Registry.Owner(ctx, room)
}

func newWorld(t testing.TB) *world {
	store, err := embedded.Open(t.TempDir(), embedded.Options{})
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, store: store, registry: memory.New()}
	t.Cleanup(func() {
		if err := errors.Join(w.registry.Close(), store.Close()); err != nil {
			t.Error(err)
		}
	})
	return w
}

// server is a host: rooms, gateway, membership, and a listener that can be torn down as if the process were killed.
type server struct {
	w     *world
	id    string
	rooms *rooms.Host
	gw    *gateway.Gateway
	seat  *member.Member
	http  *http.Server
	ln    *breakable
	links *link.Listener
}

// host starts a host.
func (w *world) host(capacity int) *server {
	w.t.Helper()
	w.hosts++
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		w.t.Fatal(err)
	}
	s := &server{w: w, id: fmt.Sprint("host", w.hosts), ln: &breakable{Listener: ln}}
	s.seat = member.New(w.registry, cluster.Host{ID: s.id, Address: ln.Addr().String(), Capacity: capacity}, member.Options{})
	s.rooms = rooms.NewHost(w.store, rooms.Options{Claims: s.seat, Grace: time.Minute, MaxRooms: capacity})
	s.gw = gateway.New(gateway.Rooms(s.rooms), gateway.Options{DrainSpread: -1})
	s.links = link.Listen(ln.Addr())
	s.http = &http.Server{Handler: ws.Addressed(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if r.URL.Path == link.Path {
			s.links.ServeHTTP(rw, r)
			return
		}
		s.gw.ServeHTTP(rw, r)
	}), s.id)}
	go func() { _ = s.http.Serve(s.ln) }()
	go func() { _ = s.http.Serve(s.links) }()
	if err := s.seat.Join(w.t.Context(), s.rooms); err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(s.stop)
	return s
}

// kill ends the host as SIGKILL does: its connections break, nobody answers at its address, and its claims stay.
func (s *server) kill() {
	s.ln.mu.Lock()
	s.ln.dead = true
	s.ln.mu.Unlock()
	_ = s.ln.Close()
	s.ln.reset()
}

// breakable is a listener whose connections can be broken.
type breakable struct {
	net.Listener
	mu    sync.Mutex
	conns []*net.TCPConn
	dead  bool
}

func (b *breakable) Accept() (net.Conn, error) {
	nc, err := b.Listener.Accept()
	if err != nil {
		return nil, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.dead { // it was accepted before the listener was closed
		_ = nc.Close()
	}
	b.conns = append(b.conns, nc.(*net.TCPConn))
	return nc, nil
}

// reset breaks all connections that there are.
func (b *breakable) reset() {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, nc := range b.conns {
		_ = nc.SetLinger(0)
		_ = nc.Close()
	}
	b.conns = nil
}

// drain moves everything away, as SIGTERM does.
func (s *server) drain() {
	s.w.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := s.seat.Drain(ctx); err != nil {
		s.w.t.Error(err)
	}
}

func (s *server) stop() {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	err := errors.Join(s.gw.Drain(ctx), s.rooms.Close(ctx), s.seat.Leave(ctx))
	_ = s.http.Close()
	if err != nil {
		s.w.t.Error(err)
	}
}

// door is a proxy behind a listener.
type door struct {
	*Proxy
	addr string
	view *cluster.View
}

func (w *world) proxy(o Options, need func()) *door {
	w.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	view := cluster.NewView(ctx, w.registry)
	table := placement.New(placement.Options{})
	view.OnHost(func(h cluster.Host, gone bool) {
		if gone {
			table.Remove(h.ID)
		} else {
			table.Set(h)
		}
	})
	<-view.Synced()
	o.DrainSpread = -1
	d := &door{Proxy: New(Deps{Registry: asking{w.registry, w}, View: view, Place: table, Need: need}, o), view: view}
	s := httptest.NewServer(d.Proxy)
	d.addr = s.Listener.Addr().String()
	w.t.Cleanup(func() {
		drain, stop := context.WithTimeout(context.Background(), patience)
		defer stop()
		if err := d.Drain(drain); err != nil {
			w.t.Errorf("drain: %v", err)
		}
		s.Close()
		cancel()
		<-view.Done()
	})
	return d
}

// socket is a WebSocket client.
type socket struct {
	t  testing.TB
	nc net.Conn
	r  *bufio.Reader
	mu sync.Mutex // of writes
}

// dialRoom connects to a room.
func dialRoom(t testing.TB, addr, room string, symphony bool) *socket {
	t.Helper()
	nc, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = nc.Close() })
	var protocols []string
	if symphony {
		protocols = []string{"Sec-WebSocket-Protocol: symphony.v1"}
	}
	if _, err := nc.Write(wstest.Handshake("/rooms/"+room, protocols...)); err != nil {
		t.Fatal(err)
	}
	s := &socket{t: t, nc: nc, r: bufio.NewReader(nc)}
	if response, err := http.ReadResponse(s.r, nil); err != nil || response.StatusCode != http.StatusSwitchingProtocols {
		t.Fatalf("handshake: %v %v", response, err)
	}
	return s
}

// send sends a binary message, masked.
func (s *socket) send(payload []byte) error {
	return s.write(wstest.Frame(ws.OpBinary, true, payload))
}

func (s *socket) write(b []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, err := s.nc.Write(b)
	return err
}

// frame reads one frame.
func (s *socket) frame() (op byte, payload []byte, err error) { return wstest.ReadFrame(s.r) }

// closed reads until the close frame and returns its code and reason.
func (s *socket) closed() (protocol.CloseCode, string) {
	s.t.Helper()
	_ = s.nc.SetReadDeadline(time.Now().Add(patience))
	for {
		op, payload, err := s.frame()
		if err != nil {
			s.t.Fatalf("expected a close frame: %v", err)
		}
		if op == ws.OpClose && len(payload) >= 2 {
			return protocol.CloseCode(binary.BigEndian.Uint16(payload)), string(payload[2:])
		}
	}
}

// guest is a person with a WebSocket.
type guest struct {
	*socket
	mu     sync.Mutex
	person *person
	err    error // the connection ended
	done   chan struct{}
}

func (w *world) guest(addr, room string, id uint64, symphony bool) *guest {
	w.t.Helper()
	g := &guest{socket: dialRoom(w.t, addr, room, symphony), done: make(chan struct{})}
	g.person = newPerson(w.t, id, symphony, func(payload []byte) { _ = g.socket.send(payload) })
	g.mu.Lock()
	g.person.connected()
	g.mu.Unlock()
	go g.read()
	w.t.Cleanup(func() {
		_ = g.nc.Close()
		<-g.done
	})
	return g
}

func (g *guest) read() {
	defer close(g.done)
	for {
		op, payload, err := g.frame()
		g.mu.Lock()
		switch {
		case err != nil:
			g.err = err
		case op == ws.OpClose:
			g.err = fmt.Errorf("closed with %x", payload)
		case op == ws.OpBinary:
			g.person.receive(payload)
		case op == ws.OpPing:
			_ = g.write(wstest.Frame(ws.OpPong, true, payload))
		}
		end := g.err != nil
		g.mu.Unlock()
		if end {
			return
		}
	}
}

func (g *guest) do(f func(p *person)) {
	g.mu.Lock()
	defer g.mu.Unlock()
	f(g.person)
}

// is reports whether something holds of the person.
func (g *guest) is(f func(p *person) bool) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return f(g.person)
}

// ended is why the connection ended; nil if it did not.
func (g *guest) ended() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.err
}

func (g *guest) document() []byte {
	g.mu.Lock()
	defer g.mu.Unlock()
	update, err := g.person.doc.EncodeStateAsUpdate(nil)
	if err != nil {
		g.t.Fatal(err)
	}
	return update
}

// eventually waits until something holds.
func eventually(t testing.TB, what string, holds func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !holds(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("did not happen: %s", what)
		}
	}
}

// converged waits until all have the same document and everything is known to be durable, and checks that nobody was disconnected.
func (w *world) converged(guests ...*guest) {
	w.t.Helper()
	eventually(w.t, "all have the same document, and know that it is durable", func() bool {
		first := guests[0].document()
		for _, g := range guests {
			if err := g.ended(); err != nil {
				w.t.Fatalf("person %d was disconnected: %v", g.person.id, err)
			}
			if !bytes.Equal(g.document(), first) {
				return false
			}
			if !g.is(func(p *person) bool { return !p.symphony || p.durable == p.sent && len(p.asked) == 0 }) {
				return false
			}
		}
		return true
	})
	for _, g := range guests { // nothing is missing
		own := g.person
		for _, other := range guests {
			if !other.is(func(p *person) bool { return clockIn(p.doc.StateVector(), own.id) == own.clock }) {
				w.t.Errorf("person %d lacks something of %d", other.person.id, own.id)
			}
		}
	}
}

var _ = crdt.NewDoc
