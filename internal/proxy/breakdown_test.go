package proxy

import (
	"fmt"
	"testing"
	"time"
)

// A room that ends each host which opens it is not brought to host after host as fast as they can be had, and is served again once
// it harms nobody any more.
func TestRoomThatEndsItsHosts(t *testing.T) {
	w := newWorld(t)
	d := w.proxy(Options{}, nil)
	s := dialRoom(t, d.addr, "r", false)
	victims := 0
	deadline := time.After(5 * time.Second)
	for over := false; !over; {
		host := w.scripted(fmt.Sprint("victim", victims))
		select {
		case c := <-host.calls:
			victims++
			c.send(stepOne)
			if victims == 1 {
				s.message(stepOne)
			}
			host.end()
		case <-deadline:
			host.end()
			over = true
		}
	}
	if victims < 2 || victims > 8 { // 0, 0, 0.25, 0.5, 1, 2, 4 s
		t.Errorf("%d hosts fell in 5 s", victims)
	}
	w.host(10)
	g := w.guest(d.addr, "r", 7, false)
	eventually(t, "served", func() bool { return g.is(func(p *person) bool { return p.synced }) })
}

func TestRest(t *testing.T) {
	now := time.Now()
	for breakdowns, want := range map[int]time.Duration{
		0: 0, 1: 0, 2: firstRest, 3: 2 * firstRest, 4: 4 * firstRest, 8: 64 * firstRest, 9: longestRest, 100: longestRest,
	} {
		r := room{breakdowns: breakdowns, broke: now}
		if got := r.rest(now); got != want {
			t.Errorf("after %d breakdowns it rests for %v, want %v", breakdowns, got, want)
		}
		if got := r.rest(now.Add(want)); got > 0 {
			t.Errorf("after %d breakdowns and %v it still rests for %v", breakdowns, want, got)
		}
	}
}
