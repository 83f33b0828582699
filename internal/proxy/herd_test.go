package proxy

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/symphony-rtc/symphony/internal/cluster"
	"github.com/symphony-rtc/symphony/internal/link"
	"github.com/symphony-rtc/symphony/internal/ws"
)

// mute is a host that takes every connection, greets, and says nothing more.
type mute struct {
	w      *world
	seat   cluster.Membership
	http   *http.Server
	ln     *breakable
	links  *link.Listener
	done   sync.WaitGroup
	opened atomic.Int64
}

func (w *world) mute(id string) *mute {
	w.t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		w.t.Fatal(err)
	}
	m := &mute{w: w, ln: &breakable{Listener: ln}, links: link.Listen(ln.Addr())}
	m.http = &http.Server{Handler: ws.Addressed(m, id)}
	if m.seat, err = w.registry.Join(w.t.Context(), cluster.Host{ID: id, Address: ln.Addr().String(), Capacity: 1 << 20}); err != nil {
		w.t.Fatal(err)
	}
	m.done.Go(func() { _ = m.http.Serve(m.ln) })
	m.done.Go(func() { _ = m.http.Serve(m.links) })
	w.t.Cleanup(func() { m.die() })
	return m
}

func (m *mute) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	if r.URL.Path == link.Path {
		m.links.ServeHTTP(rw, r)
		return
	}
	room, err := ws.RoomPath(r.URL)
	if err == nil {
		_, err = m.seat.Claim(r.Context(), room)
	}
	if err != nil {
		ws.Refuse(rw, err)
		return
	}
	nc, _, err := http.NewResponseController(rw).Hijack()
	if err != nil {
		return
	}
	m.opened.Add(1)
	_, _ = nc.Write(append(ws.Acceptance("", false), framed(stepOne)...))
	_, _ = io.Copy(io.Discard, nc)
	_ = nc.Close()
	m.opened.Add(-1)
}

func (m *mute) open() int { return int(m.opened.Load()) }

// breaks has all connections break at once.
func (m *mute) breaks() { m.ln.reset() }

func (m *mute) die() {
	_ = m.http.Close()
	m.done.Wait()
	m.breaks()
	m.links.End()
}

// All clients of a host lose it in the same instant: the network blinked, and then the host dies. The host that lives is not taken for
// dead because all come back at once, and the registry is asked by rooms, not by clients.
func TestAllClientsLoseTheirHostAtOnce(t *testing.T) {
	most := 2000
	if testing.Short() {
		most = 400
	}
	t.Run("many rooms", func(t *testing.T) { loseTheirHost(t, most/4, 4) })
	t.Run("one room", func(t *testing.T) { loseTheirHost(t, 1, most) })
}

func loseTheirHost(t *testing.T, rooms, each int) {
	w := newWorld(t)
	d := w.proxy(Options{MaxWaiting: each, DialTimeout: patience, AnswerTimeout: patience}, nil)
	first := w.mute("first")
	eventually(t, "seen", func() bool { return len(d.view.Hosts()) == 1 })
	for i := range rooms * each {
		s := dialRoom(t, d.addr, fmt.Sprint("r", i%rooms), false)
		go func() { _, _ = io.Copy(io.Discard, s.nc) }()
	}
	served := func(m *mute) func() bool {
		return func() bool { return m.open() == rooms*each && d.Stats().Waiting == 0 }
	}
	eventually(t, "all are there", served(first))
	eventually(t, "and have heard of it", func() bool { return d.Stats().MessagesDown == uint64(rooms*each) })
	before := w.asked.Load()
	first.breaks()
	eventually(t, "they are left", func() bool { return d.Stats().Broken >= uint64(rooms*each) })
	eventually(t, "all are back", served(first))
	if s := d.Stats(); s.Forgotten > 0 {
		t.Errorf("%d claims of a host that lives were ended", s.Forgotten)
	}
	t.Logf("the network blinked: %d questions for %d rooms, %d dials of %d failed", w.asked.Load()-before, rooms, d.Stats().DialErrors, d.Stats().Dials)
	if asked := w.asked.Load() - before; asked > int64(3*rooms) {
		t.Errorf("the registry was asked %d times", asked)
	}

	before = w.asked.Load()
	first.die()
	second := w.mute("second")
	eventually(t, "all are with another host", served(second))
	s := d.Stats()
	t.Logf("the host died: %d questions, %d claims ended, %d dials of %d failed", w.asked.Load()-before, s.Forgotten, s.DialErrors, s.Dials)
	if asked := w.asked.Load() - before; asked > int64(10*rooms) {
		t.Errorf("the registry was asked %d times", asked)
	}
	if s.Unavailable > 0 || s.Connections != rooms*each {
		t.Errorf("%+v", s)
	}
}
