package proxy

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"
)

// crowd is plain and symphony people in a room, through proxies.
func (w *world) crowd(n int, room string, doors ...*door) (guests []*guest) {
	for i := range n {
		g := w.guest(doors[i%len(doors)].addr, room, uint64(100+i), i%2 == 0)
		guests = append(guests, g)
	}
	for _, g := range guests {
		eventually(w.t, "synced", func() bool { return g.is(func(p *person) bool { return p.synced }) })
	}
	return guests
}

// typing has everybody type until stop is called.
func typing(guests []*guest) (stop func()) {
	end := make(chan struct{})
	var work sync.WaitGroup
	for i, g := range guests {
		work.Go(func() {
			rng := rand.New(rand.NewPCG(uint64(i), 3))
			for {
				select {
				case <-end:
					return
				case <-time.After(time.Duration(1+rng.IntN(8)) * time.Millisecond):
				}
				g.do(func(p *person) {
					deleted := int64(-1)
					if rng.IntN(6) == 0 {
						deleted = rng.Int64N(int64(p.clock) + 1)
					}
					p.write(deleted)
					switch rng.IntN(10) {
					case 0:
						p.announce()
					case 1:
						if len(p.asked) < 5 {
							p.ask()
						}
					}
				})
			}
		})
	}
	return func() {
		close(end)
		work.Wait()
	}
}

func (w *world) owner(room string) string {
	h, err := w.registry.Owner(w.t.Context(), room)
	if err != nil {
		return ""
	}
	return h.ID
}

func TestPeopleMeetThroughProxies(t *testing.T) {
	w := newWorld(t)
	w.host(10)
	w.host(10)
	a, b := w.proxy(Options{}, nil), w.proxy(Options{}, nil)
	guests := w.crowd(6, "meeting", a, b)
	stop := typing(guests)
	time.Sleep(300 * time.Millisecond)
	stop()
	w.converged(guests...)
	if s := a.Stats(); s.Connections != 3 || s.Rooms != 1 || s.MessagesDown == 0 || s.MessagesUp == 0 || s.Switches != s.Detours { // (the other proxy may have been faster)
		t.Errorf("stats: %+v", s)
	}
}

func TestKilledHostIsNotNoticed(t *testing.T) {
	w := newWorld(t)
	servers := map[string]*server{}
	add := func() {
		s := w.host(10)
		servers[s.id] = s
	}
	add()
	add()
	a, b := w.proxy(Options{}, nil), w.proxy(Options{}, nil)
	guests := w.crowd(6, "r", a, b)
	stop := typing(guests)
	for range 5 {
		time.Sleep(100 * time.Millisecond)
		owner := w.owner("r")
		killed := time.Now()
		servers[owner].kill()
		add()
		eventually(t, "another host serves the room", func() bool { now := w.owner("r"); return now != owner && now != "" })
		marks := make([]uint64, len(guests))
		for i, g := range guests {
			g.do(func(p *person) {
				p.write(-1)
				marks[i] = p.sent
			})
		}
		for i, g := range guests {
			if g.person.symphony {
				eventually(t, "saved", func() bool { return g.is(func(p *person) bool { return p.durable >= marks[i] }) })
			}
		}
		t.Logf("served again after %v", time.Since(killed))
	}
	stop()
	w.converged(guests...)
}

func TestRoomMovesBackAndForth(t *testing.T) {
	w := newWorld(t)
	hosts := []*server{w.host(10), w.host(10)}
	a, b := w.proxy(Options{}, nil), w.proxy(Options{}, nil)
	guests := w.crowd(4, "r", a, b)
	stop := typing(guests)
	moves := 100
	if testing.Short() {
		moves = 10
	}
	for range moves {
		from, to := hosts[0], hosts[1]
		if w.owner("r") != from.id {
			from, to = to, from
		}
		if err := from.seat.Move(t.Context(), "r", to.id); err != nil {
			t.Fatal(err)
		}
		eventually(t, "moved", func() bool {
			_, open := to.rooms.Info("r")
			return open && w.owner("r") == to.id
		})
		time.Sleep(2 * time.Millisecond)
	}
	stop()
	w.converged(guests...)
	if s := a.Stats(); s.Switches < uint64(moves) {
		t.Errorf("stats: %+v", s)
	}
}

func TestDrainedHost(t *testing.T) {
	w := newWorld(t)
	first := w.host(10)
	d := w.proxy(Options{}, nil)
	var guests []*guest
	for i := range 4 {
		guests = append(guests, w.crowd(1, fmt.Sprint("r", i), d)...)
	}
	stop := typing(guests)
	second := w.host(10)
	first.drain()
	for i := range 4 {
		eventually(t, "moved", func() bool { return w.owner(fmt.Sprint("r", i)) == second.id })
	}
	stop()
	for _, g := range guests {
		w.converged(g)
	}
}

func TestFullHost(t *testing.T) {
	w := newWorld(t)
	w.host(1)
	w.host(1)
	d := w.proxy(Options{}, nil)
	w.crowd(2, "a", d)
	w.crowd(2, "b", d)
	if a, b := w.owner("a"), w.owner("b"); a == b || a == "" || b == "" {
		t.Errorf("rooms are with %q and %q", a, b)
	}
}

func TestHostIsStartedWhenNeeded(t *testing.T) {
	w := newWorld(t)
	needed := make(chan struct{}, 1)
	d := w.proxy(Options{}, func() {
		select {
		case needed <- struct{}{}:
		default:
		}
	})
	g := w.guest(d.addr, "r", 7, true)
	<-needed
	w.host(1)
	eventually(t, "synced", func() bool { return g.is(func(p *person) bool { return p.synced }) })
}

func TestNoHost(t *testing.T) {
	w := newWorld(t)
	d := w.proxy(Options{OpenTimeout: 300 * time.Millisecond}, nil)
	s := dialRoom(t, d.addr, "r", false)
	code, reason := s.closed()
	if code != 4503 || reason == "" {
		t.Errorf("closed with %d %q", code, reason)
	}
}

func TestFrozenHostIsLeft(t *testing.T) {
	w := newWorld(t)
	first := w.host(10)
	d := w.proxy(Options{}, nil)
	guests := w.crowd(2, "r", d)
	w.host(10)
	w.registry.Expire(first.id) // its lease ended; its connections stand
	stop := typing(guests)
	time.Sleep(50 * time.Millisecond)
	stop()
	w.converged(guests...)
	eventually(t, "a host", func() bool { return w.owner("r") != "" })
}

func TestManyOpenOneRoomThroughThreeProxies(t *testing.T) {
	w := newWorld(t)
	for range 4 {
		w.host(1000)
	}
	doors := []*door{w.proxy(Options{}, nil), w.proxy(Options{}, nil), w.proxy(Options{}, nil)}
	rounds := 20
	if testing.Short() {
		rounds = 3
	}
	for round := range rounds {
		room := fmt.Sprint("room", round)
		guests := make([]*guest, 100)
		var work sync.WaitGroup
		for i := range guests {
			work.Go(func() { guests[i] = w.guest(doors[i%3].addr, room, uint64(100+i), i%2 == 0) })
		}
		work.Wait()
		for _, g := range guests {
			eventually(t, "synced", func() bool { return g.is(func(p *person) bool { return p.synced }) })
		}
		for _, g := range guests {
			g.do(func(p *person) { p.write(-1) })
		}
		w.converged(guests...)
		for _, g := range guests {
			_ = g.nc.Close()
			<-g.done
		}
	}
	var dials uint64
	for _, d := range doors {
		dials += d.Stats().Dials
	}
	t.Logf("%d connections to hosts for %d clients", dials, 100*rounds)
}
