package matrix

import (
	"fmt"
	"strings"
	"time"

	"github.com/symphony-rtc/symphony/test/harness"
)

type args = harness.Command

// room is a room, its clients and what they were promised.
type room struct {
	id      string
	clients []*client
	acked   harness.Promises
	away    bool // its clients are disconnected, so that it is stored and closed
}

type client struct {
	*harness.Client
	kind string
	host int // index of the server that it talks to
}

// roomsAtATime and the kinds of clients in each: symphony clients know what is durable, the plain one is any yjs client.
const roomsAtATime = 3

var kinds = []string{harness.Symphony, harness.Symphony, harness.Plain}

// newRooms replaces the rooms by new ones, so that documents stay small enough for many rounds.
func (w *world) newRooms() {
	w.t.Helper()
	for _, rm := range w.rooms {
		for _, c := range rm.clients {
			c.Do("leave", nil, nil)
		}
	}
	w.rooms = nil
	for i := range roomsAtATime {
		w.generation++
		rm := &room{id: fmt.Sprintf("%s %d/%d", w.name, w.generation, i)}
		for j, kind := range kinds {
			host := j % len(w.hosts)
			name := fmt.Sprintf("%s-%d", rm.id, j)
			c := &client{Client: w.puppet.JoinSlowly(w.hosts[host], kind, name, rm.id, w.reconnect), kind: kind, host: host}
			rm.clients = append(rm.clients, c)
			c.Do("write", args{"seed": w.r.IntN(1 << 30), "pause": w.pause}, nil)
		}
		w.rooms = append(w.rooms, rm)
	}
}

// each calls f for every client.
func (w *world) each(f func(rm *room, c *client)) {
	for _, rm := range w.rooms {
		for _, c := range rm.clients {
			f(rm, c)
		}
	}
}

// churn makes the clients of a room leave, so that it is stored and closed, or come back.
func (w *world) churn() {
	w.t.Helper()
	rm := w.rooms[w.r.IntN(len(w.rooms))]
	switch {
	case rm.away:
		w.everybodyBack()
	case w.r.IntN(3) == 0:
		for _, c := range rm.clients {
			c.Do("disconnect", nil, nil)
		}
		rm.away = true
	default: // one client comes again
		c := rm.clients[w.r.IntN(len(rm.clients))]
		c.Do("disconnect", nil, nil)
		c.Do("connect", nil, nil)
	}
}

func (w *world) everybodyBack() {
	w.t.Helper()
	w.each(func(_ *room, c *client) { c.Do("connect", nil, nil) })
	for _, rm := range w.rooms {
		rm.away = false
	}
}

func (w *world) everybodyAway() {
	w.t.Helper()
	w.each(func(_ *room, c *client) { c.Do("disconnect", nil, nil) })
}

// closeRooms sends everybody away and waits until all rooms are stored and closed.
func (w *world) closeRooms() {
	w.t.Helper()
	w.everybodyAway()
	harness.Eventually(w.t, "rooms without members to be closed", func() bool {
		for _, s := range w.hosts {
			if !strings.Contains(string(s.Get("/metrics")), "\nsymphony_rooms_open 0\n") {
				return false
			}
		}
		return true
	})
}

// collect asks the symphony clients what was acknowledged since.
func (w *world) collect() {
	w.t.Helper()
	w.each(func(rm *room, c *client) {
		if c.kind == harness.Symphony {
			w.result.Acknowledged += rm.acked.Collect(c.Client)
		}
	})
}

// verify compares what was acknowledged with what a server has, or has stored.
func (w *world) verify(host int) {
	w.t.Helper()
	for _, rm := range w.rooms {
		if !rm.acked.Any() {
			continue
		}
		w.result.Checks++
		if !rm.acked.Kept(w.puppet, w.hosts[host].Update(rm.id, "v1")) {
			w.result.Lost++
			w.t.Errorf("room %q: acknowledged updates are missing (seed %d)", rm.id, w.seed)
		}
	}
}

// durableAgain waits until each symphony client in a room has had something acknowledged that it wrote after now, and notes how
// long that took.
func (w *world) durableAgain() {
	w.t.Helper()
	began := time.Now()
	before := map[*client]int{}
	w.each(func(rm *room, c *client) {
		if c.kind == harness.Symphony && !rm.away {
			before[c] = c.Status().Count
		}
	})
	looked := began
	for len(before) > 0 {
		if time.Since(looked) > 2*time.Second { // a request that began in the fault may have ended only now
			w.afterwards()
			looked = time.Now()
		}
		for c, count := range before {
			if c.Status().Count > count {
				delete(before, c)
			}
		}
		if waited := time.Since(began); waited > patience {
			for c := range before {
				w.t.Errorf("%s: nothing was acknowledged for %s after the fault was over: %+v", c.Name, waited, c.Status())
			}
			w.t.FailNow()
		}
		time.Sleep(5 * time.Millisecond)
	}
	w.result.Recovery = max(w.result.Recovery, time.Since(began))
}
