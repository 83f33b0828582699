//go:build linux

package cluster

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
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
	kind    string
	churned bool // was told to leave or to come back since the last mark
	lost    int  // connections that it had lost at the last mark
}

// tells reports whether the client knows what is durable.
func (c *client) tells() bool { return c.kind != harness.Plain }

// kinds are the clients of each room, and how many milliseconds they pause at most between edits. The npm package says that all is
// durable, or not all; it needs longer pauses to say it often.
var kinds = []struct {
	kind  string
	pause int
}{{harness.Symphony, 80}, {harness.Npm, 300}, {harness.Plain, 80}}

const (
	roomsAtATime = 5
	// reconnect is how many milliseconds a client waits at most before it connects again.
	reconnect = 200
	// remarkable is how long an edit has to wait to be acknowledged for the log to speak of it: no fault but a few lasts so long.
	remarkable = 10 * time.Second
	// roomLife is the number of rounds after which rooms are made anew, so that documents stay small enough.
	roomLife = 6
)

// newRooms replaces the rooms by new ones.
func (w *world) newRooms() {
	w.t.Helper()
	w.each(func(_ *room, c *client) { c.Do("leave", nil, nil) })
	w.rooms = nil
	for i := range roomsAtATime {
		w.generation++
		rm := &room{id: fmt.Sprintf("%s %d/%d", w.name, w.generation, i)}
		for j, k := range kinds {
			var urls []string
			for turn := range w.proxies {
				urls = append(urls, w.proxies[(i+j+turn)%len(w.proxies)].WebSocketURL())
			}
			c := &client{Client: w.puppet.JoinAny(urls, k.kind, fmt.Sprintf("%s-%s", rm.id, k.kind), rm.id, reconnect), kind: k.kind}
			rm.clients = append(rm.clients, c)
			c.Do("write", args{"seed": w.r.IntN(1 << 30), "pause": k.pause}, nil)
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

func (w *world) roomOf(c *client) *room {
	for _, rm := range w.rooms {
		if slices.Contains(rm.clients, c) {
			return rm
		}
	}
	return nil
}

// churn makes the clients of a room leave, so that it is stored and closed, or come back, so that it is opened.
func (w *world) churn() {
	w.t.Helper()
	rm := pick(w, w.rooms)
	if rm.away {
		w.come(rm)
		return
	}
	if w.r.IntN(3) == 0 {
		w.leave(rm)
		return
	}
	c := pick(w, rm.clients) // one client comes again
	c.churned = true
	c.Do("disconnect", nil, nil)
	c.Do("connect", nil, nil)
}

func (w *world) leave(rm *room) {
	w.t.Helper()
	for _, c := range rm.clients {
		c.churned = true
		c.Do("disconnect", nil, nil)
	}
	rm.away = true
}

func (w *world) come(rm *room) {
	w.t.Helper()
	for _, c := range rm.clients {
		c.churned = true
		c.Do("connect", nil, nil)
	}
	rm.away = false
}

func (w *world) everybodyBack() {
	w.t.Helper()
	for _, rm := range w.rooms {
		w.come(rm)
	}
}

func (w *world) everybodyAway() {
	w.t.Helper()
	for _, rm := range w.rooms {
		w.leave(rm)
	}
}

// glance is for questions that nobody may answer now, because a fault is on.
var glance = http.Client{Timeout: time.Second, Transport: &http.Transport{DisableKeepAlives: true}}

// hostOf is the host that has a room open; nil if none says so soon.
func (w *world) hostOf(rm *room) *node {
	w.t.Helper()
	for _, h := range w.hosts {
		if !h.Running() || h.paused.Load() {
			continue
		}
		if h.has(rm) {
			return h
		}
	}
	return nil
}

// has reports whether a host has a room in memory. What it says of "open" is whether any host has.
func (n *node) has(rm *room) bool {
	req, err := http.NewRequest(http.MethodGet, "http://"+n.Addr+"/v1/rooms/"+url.PathEscape(rm.id), nil)
	if err != nil {
		return false
	}
	req.Header.Set("Authorization", "Bearer "+token)
	resp, err := glance.Do(req)
	if err != nil {
		return false
	}
	defer resp.Body.Close()
	var room struct{ Bytes struct{ Memory int } }
	return resp.StatusCode == http.StatusOK && json.NewDecoder(resp.Body).Decode(&room) == nil && room.Bytes.Memory > 0
}

// describe is what is known of a room, for messages of tests.
func (w *world) describe(rm *room) string {
	w.t.Helper()
	var b strings.Builder
	for _, n := range w.nodes() {
		if !n.Running() || n.paused.Load() {
			continue
		}
		status, body, err := n.TryGet("/v1/rooms/" + url.PathEscape(rm.id))
		fmt.Fprintf(&b, "%s: %d %s %v\n", n.name, status, body, err)
	}
	for _, p := range w.proxies {
		if p.Running() && !p.paused.Load() {
			_, body, err := p.TryGet("/v1/hosts")
			fmt.Fprintf(&b, "%s: %s %v\n", p.name, body, err)
		}
	}
	for _, c := range rm.clients {
		fmt.Fprintf(&b, "%s: %+v\n", c.Name, c.Status())
	}
	return b.String()
}

// busiest is the host that most of the clients' rooms are on, and those rooms.
func (w *world) busiest() (host *node, rooms []*room) {
	w.t.Helper()
	on := map[*node][]*room{}
	began := time.Now()
	for _, rm := range w.rooms {
		if time.Since(began) > 2*glance.Timeout { // another fault keeps hosts from answering
			break
		}
		if h := w.hostOf(rm); h != nil {
			on[h] = append(on[h], rm)
		}
	}
	for _, h := range w.hosts { // in their order, so that a seed repeats it
		if len(on[h]) > len(rooms) {
			host, rooms = h, on[h]
		}
	}
	if host == nil {
		host = pick(w, w.hosts)
	}
	return host, rooms
}

// collect asks the clients what was acknowledged since.
func (w *world) collect() {
	w.t.Helper()
	w.each(func(rm *room, c *client) {
		if c.tells() {
			w.result.Acknowledged += rm.acked.Collect(c.Client)
		}
	})
}

// mark begins a measurement.
func (w *world) mark() {
	w.t.Helper()
	w.each(func(_ *room, c *client) {
		c.churned = false
		c.lost = c.Status().Lost
		if c.tells() {
			c.Do("waited", args{"mark": true}, nil)
		}
	})
}

// measure notes what clients noticed since the mark: those in rooms, or in all if that is nil, for how long their edits waited, and all,
// whether they lost their connection.
func (w *world) measure(rooms []*room) {
	w.t.Helper()
	affected := map[*room]bool{}
	for _, rm := range rooms {
		affected[rm] = true
	}
	w.each(func(rm *room, c *client) {
		if c.churned {
			return
		}
		status := c.Status()
		lost := status.Lost - c.lost
		w.result.Watched++
		if c.tells() {
			w.result.LostTelling += lost
		} else {
			w.result.LostPlain += lost
		}
		if lost > 0 && w.result.NoDisconnects {
			w.t.Errorf("%s lost its connection %d times (seed %d): %+v", c.Name, lost, w.seed, status)
		}
		if !c.tells() || rooms != nil && !affected[rm] {
			return
		}
		var waited struct{ Longest float64 }
		c.Do("waited", nil, &waited)
		wait := time.Duration(waited.Longest * float64(time.Millisecond))
		if wait > remarkable {
			w.t.Logf("edits of %s waited %s: %+v", c.Name, wait, status)
		}
		w.result.Waits = append(w.result.Waits, wait)
	})
}

// durableAgain waits until each client that is in a room and can tell has had something acknowledged that it wrote after now.
func (w *world) durableAgain() {
	w.t.Helper()
	began := time.Now()
	before := map[*client]int{}
	w.each(func(rm *room, c *client) {
		if c.tells() && !rm.away {
			before[c] = c.Status().Count
		}
	})
	for len(before) > 0 {
		for c, count := range before {
			if c.Status().Count > count {
				delete(before, c)
			}
		}
		if waited := time.Since(began); waited > patience {
			for c := range before {
				w.t.Errorf("%s: nothing was acknowledged for %s after the fault was over (seed %d)\n%s", c.Name, waited, w.seed, w.describe(w.roomOf(c)))
			}
			w.t.FailNow()
		}
		time.Sleep(20 * time.Millisecond)
	}
}
