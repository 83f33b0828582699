package member_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/symphony-rtc/symphony/internal/cluster"
	"github.com/symphony-rtc/symphony/internal/cluster/member"
	"github.com/symphony-rtc/symphony/internal/cluster/memory"
	"github.com/symphony-rtc/symphony/internal/room"
	"github.com/symphony-rtc/symphony/internal/store/embedded"
	"github.com/symphony-rtc/symphony/protocol"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// world is a store and a registry that several hosts share.
type world struct {
	t        *testing.T
	store    *embedded.Store
	registry *memory.Registry
	through  cluster.Registry // that hosts get; registry if it is nil
	capacity int              // of hosts; 100 if it is 0
}

func newWorld(t *testing.T) *world {
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

// host is a room.Host that is a member.
type host struct {
	*room.Host
	seat *member.Member
	id   string
}

func (w *world) host(id string, o member.Options) *host {
	w.t.Helper()
	capacity := cmp.Or(w.capacity, 100)
	through := w.through
	if through == nil {
		through = w.registry
	}
	h := &host{seat: member.New(through, cluster.Host{ID: id, Address: id + ":1", Capacity: capacity}, o), id: id}
	h.Host = room.NewHost(w.store, room.Options{Claims: h.seat, Grace: 10 * time.Millisecond, MaxRooms: capacity})
	if err := h.seat.Join(w.t.Context(), h.Host); err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		if err := errors.Join(h.Close(ctx), h.seat.Leave(ctx)); err != nil {
			w.t.Error(err)
		}
	})
	return h
}

func (w *world) owner(id string) string {
	h, err := w.registry.Owner(context.Background(), id)
	if errors.Is(err, cluster.ErrFree) {
		return ""
	}
	if err != nil {
		w.t.Fatal(err)
	}
	return h.ID
}

// until waits for something to become true.
func (w *world) until(what string, is func() bool) {
	w.t.Helper()
	for end := time.Now().Add(30 * time.Second); !is(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			w.t.Fatalf("waited in vain: %s", what)
		}
	}
}

// guest is a room.Member that leaves when it is closed.
type guest struct {
	mu      sync.Mutex
	session *room.Session
	closed  atomic.Uint32
}

func (g *guest) Send([]byte, bool) {}
func (g *guest) Probe()            {}
func (g *guest) Close(code protocol.CloseCode, _ string) {
	g.closed.Store(uint32(code))
	go func() {
		g.mu.Lock()
		defer g.mu.Unlock()
		g.session.Leave()
	}()
}

func (w *world) join(h *host, id string) (*guest, error) {
	g := &guest{}
	g.mu.Lock()
	defer g.mu.Unlock()
	var err error
	g.session, err = h.Join(w.t.Context(), id, g, room.JoinOptions{})
	return g, err
}

func (w *world) mustJoin(h *host, id string) *guest {
	w.t.Helper()
	g, err := w.join(h, id)
	if err != nil {
		w.t.Fatal(err)
	}
	return g
}

func (w *world) wantCode(err error, code protocol.CloseCode) {
	w.t.Helper()
	var why *protocol.CloseError
	if !errors.As(err, &why) || why.Code != code {
		w.t.Fatalf("error %v, want close code %d", err, code)
	}
}

func TestOneHostGetsTheRoom(t *testing.T) {
	w := newWorld(t)
	hosts := []*host{w.host("a", member.Options{}), w.host("b", member.Options{}), w.host("c", member.Options{})}
	for round := range 50 {
		id := fmt.Sprint("room ", round)
		var winners atomic.Int32
		var work sync.WaitGroup
		for i := range 30 {
			work.Go(func() {
				h := hosts[i%len(hosts)]
				_, err := w.join(h, id)
				if err == nil {
					if owner := w.owner(id); owner != h.id {
						t.Errorf("%s: host %s opened it, the registry says %q", id, h.id, owner)
					}
					winners.Or(1 << (i % len(hosts)))
					return
				}
				var why *protocol.CloseError
				if !errors.As(err, &why) || why.Code != protocol.CloseMoved {
					t.Errorf("the loser was told %v", err)
				}
			})
		}
		work.Wait()
		if n := winners.Load(); n != 1 && n != 2 && n != 4 {
			t.Fatalf("%s is open on several hosts or on none: %b", id, n)
		}
	}
}

func TestRoomIsFreeWhenItClosed(t *testing.T) {
	w := newWorld(t)
	a, b := w.host("a", member.Options{}), w.host("b", member.Options{})
	w.mustJoin(a, "room").session.Leave()
	w.until("the room is free", func() bool { return w.owner("room") == "" })
	w.mustJoin(b, "room")
	if owner := w.owner("room"); owner != "b" {
		t.Fatalf("owner %q", owner)
	}
}

func TestMove(t *testing.T) {
	w := newWorld(t)
	a, b := w.host("a", member.Options{}), w.host("b", member.Options{})
	g := w.mustJoin(a, "room")
	if err := a.seat.Move(t.Context(), "room", "b"); err != nil {
		t.Fatal(err)
	}
	if owner := w.owner("room"); owner != "b" {
		t.Fatalf("after the move the owner is %q", owner)
	}
	w.until("its member was told", func() bool { return g.closed.Load() == uint32(protocol.CloseMoved) })
	_, err := w.join(a, "room")
	w.wantCode(err, protocol.CloseMoved)
	w.mustJoin(b, "room")

	// It may come back at once.
	if err := b.seat.Move(t.Context(), "room", "a"); err != nil {
		t.Fatal(err)
	}
	w.mustJoin(a, "room")
	if err := a.seat.Move(t.Context(), "room", "b"); err != nil {
		t.Fatal(err)
	}
	w.mustJoin(b, "room")

	// Without a name whoever comes first gets it, but not who has just let go of it.
	if err := b.seat.Move(t.Context(), "room", ""); err != nil {
		t.Fatal(err)
	}
	if owner := w.owner("room"); owner != "" {
		t.Fatalf("after the move the owner is %q", owner)
	}
	_, err = w.join(b, "room")
	w.wantCode(err, protocol.CloseMoved)
	if err := a.seat.Move(t.Context(), "nothing", "b"); err != nil {
		t.Fatal(err)
	}
}

func TestDrain(t *testing.T) {
	w := newWorld(t)
	a := w.host("a", member.Options{})
	guests := make([]*guest, 40)
	for i := range guests {
		guests[i] = w.mustJoin(a, fmt.Sprint("room ", i))
	}
	if err := a.seat.Drain(t.Context()); err != nil {
		t.Fatal(err)
	}
	for i, g := range guests {
		if g.closed.Load() != uint32(protocol.CloseMoved) {
			t.Fatalf("a member was closed with %d", g.closed.Load())
		}
		w.until("the room is free", func() bool { return w.owner(fmt.Sprint("room ", i)) == "" })
	}
	_, err := w.join(a, "another")
	w.wantCode(err, protocol.CloseRestarting)

	// A room that somebody hands to it all the same does not stay with it.
	b := w.host("b", member.Options{})
	w.mustJoin(b, "another")
	if err := b.seat.Move(t.Context(), "another", "a"); err != nil {
		t.Fatal(err)
	}
	_, err = w.join(a, "another")
	w.wantCode(err, protocol.CloseRestarting)
	if owner := w.owner("another"); owner != "" {
		t.Fatalf("the room belongs to %q", owner)
	}
}

// What proxies choose hosts by.
func TestTheRegistryIsTold(t *testing.T) {
	w := newWorld(t)
	ctx, cancel := context.WithCancel(t.Context())
	view := cluster.NewView(ctx, w.registry)
	defer func() { cancel(); <-view.Done() }()
	told := func(what string, id string, want cluster.Host) {
		t.Helper()
		w.until(what, func() bool {
			h, there := view.Host(id)
			return there && h.Rooms == want.Rooms && h.Draining == want.Draining && h.Load == want.Load
		})
	}
	var load atomic.Int64
	a := w.host("a", member.Options{Load: func() float64 { return float64(load.Load()) / 100 }})
	told("it is there", "a", cluster.Host{})
	g := w.mustJoin(a, "one")
	w.mustJoin(a, "two")
	told("two rooms", "a", cluster.Host{Rooms: 2})
	load.Store(50)
	told("its load", "a", cluster.Host{Rooms: 2, Load: 0.5})
	g.session.Leave()
	told("one room", "a", cluster.Host{Rooms: 1, Load: 0.5})
	w.registry.Expire("a")
	told("the same after it was lost", "a", cluster.Host{Rooms: 1, Load: 0.5})
	if err := a.seat.Drain(t.Context()); err != nil {
		t.Fatal(err)
	}
	told("it drains", "a", cluster.Host{Load: 0.5, Draining: true})

	b := w.host("b", member.Options{Once: true})
	w.mustJoin(b, "three").session.Leave()
	told("a host for one room that had it", "b", cluster.Host{Draining: true})
}

// A host that was taken for dead registers again. It goes on with the rooms that nobody took, and drops the others.
func TestTakenForDead(t *testing.T) {
	w := newWorld(t)
	a, b := w.host("a", member.Options{}), w.host("b", member.Options{})
	stays, goes := w.mustJoin(a, "stays"), w.mustJoin(a, "goes")
	forgotten := w.mustJoin(a, "forgotten")
	if err := w.registry.Forget(t.Context(), "forgotten", "a"); err != nil {
		t.Fatal(err)
	}
	w.until("the host claims the forgotten room again", func() bool { return w.owner("forgotten") == "a" })
	if code := forgotten.closed.Load(); code != 0 {
		t.Fatalf("a member of a room that nobody else took was closed with %d", code)
	}

	// Somebody has the room before the host hears of it.
	is, err := w.registry.Join(t.Context(), cluster.Host{ID: "c", Address: "c:1"})
	if err != nil {
		t.Fatal(err)
	}
	for w.owner("goes") != "c" {
		w.registry.Expire("a")
		if _, err := is.Claim(t.Context(), "goes"); err != nil {
			t.Fatal(err)
		}
	}
	w.until("the other room is claimed again", func() bool { return w.owner("stays") == "a" })
	w.until("the lost room is dropped", func() bool { _, open := a.Info("goes"); return !open })
	w.until("its member is told", func() bool { return goes.closed.Load() == uint32(protocol.CloseMoved) })
	if code := stays.closed.Load(); code != 0 {
		t.Fatalf("a member of the room that stayed was closed with %d", code)
	}
	if owner := w.owner("goes"); owner != "c" {
		t.Fatalf("the lost room belongs to %q", owner)
	}
	w.mustJoin(b, "new")
	w.mustJoin(a, "as before")
}

func TestOnce(t *testing.T) {
	w := newWorld(t)
	first := make(chan struct{})
	a := w.host("a", member.Options{Once: true, OnFirst: func(context.Context) { close(first) }})
	g := w.mustJoin(a, "room")
	<-first
	// Something is done to the room, which ends and claims it in between.
	if err := a.Hold(t.Context(), "room", protocol.Closef(protocol.CloseRestarting, "wait"), func() error { return nil }); err != nil {
		t.Fatal(err)
	}
	w.until("the member left", func() bool { return g.closed.Load() != 0 })
	g = w.mustJoin(a, "room")
	select {
	case <-a.seat.Done():
		t.Fatal("done while it has a room")
	default:
	}
	g.session.Leave()
	select {
	case <-a.seat.Done():
	case <-time.After(30 * time.Second):
		t.Fatal("the room has closed and the host goes on")
	}
	_, err := w.join(a, "room")
	w.wantCode(err, protocol.CloseRestarting)
}
