package proxy

import (
	"testing"
	"time"
)

// All clients of a host share a connection, whatever their rooms.
func TestOneLinkForAHost(t *testing.T) {
	w := newWorld(t)
	w.host(10)
	d := w.proxy(Options{}, nil)
	for _, room := range []string{"a", "b", "c"} {
		w.crowd(3, room, d)
	}
	if s := d.Stats(); s.Connections != 9 || s.Dials != 1 || s.Links != 1 {
		t.Errorf("%d connections over %d links, %d dialled", s.Connections, s.Links, s.Dials)
	}
}

// A link that breaks under people who type is replaced by one other, and they notice nothing.
func TestBrokenLinkIsMadeAgain(t *testing.T) {
	w := newWorld(t)
	host := w.host(10)
	d := w.proxy(Options{}, nil)
	one, two := w.crowd(5, "one", d), w.crowd(4, "two", d)
	stopOne, stopTwo := typing(one), typing(two)
	for i := uint64(1); i <= 3; i++ {
		time.Sleep(50 * time.Millisecond)
		host.ln.reset()
		eventually(t, "carried over", func() bool { return d.Stats().Switches == 9*i })
	}
	stopOne()
	stopTwo()
	w.converged(one...)
	w.converged(two...)
	if s := d.Stats(); s.Connections != 9 || s.Dials != 4 || s.Links != 1 {
		t.Errorf("%d connections over %d links, %d dialled", s.Connections, s.Links, s.Dials)
	}
}

// A link without streams ends after two sweeps, and not before.
func TestIdleLinkEnds(t *testing.T) {
	w := newWorld(t)
	host := w.host(10)
	d := w.proxy(Options{}, nil)
	g := w.crowd(1, "r", d)[0]
	links := func() int { return d.Stats().Links }
	for range 3 {
		d.links.sweep()
	}
	if links() != 1 {
		t.Fatal("a link in use was ended")
	}
	unused := func(g *guest) {
		_ = g.nc.Close()
		eventually(t, "no connection", func() bool { return d.Stats().Connections == 0 })
		eventually(t, "no stream", func() bool {
			d.links.mu.Lock()
			defer d.links.mu.Unlock()
			return d.links.byHost[host.id].link.Streams() == 0
		})
	}
	unused(g)
	if d.links.sweep(); links() != 1 {
		t.Fatal("the link ended at once")
	}
	g = w.crowd(1, "r", d)[0]
	d.links.sweep() // it is in use again
	unused(g)
	if d.links.sweep(); links() != 1 || d.Stats().Dials != 1 {
		t.Fatalf("the link ended too early: %+v", d.Stats())
	}
	if d.links.sweep(); links() != 0 {
		t.Fatal("the link does not end")
	}
	w.crowd(1, "r", d)
	if links() != 1 || d.Stats().Dials != 2 {
		t.Fatalf("%+v", d.Stats())
	}
}
