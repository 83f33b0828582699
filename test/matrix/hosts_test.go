package matrix

import (
	"time"

	"github.com/symphony-rtc/symphony/test/harness"
)

// twoHosts: two servers on the same storage, whose clients have all rooms open at both. Whoever joins takes the room from
// the other server, whose clients come back and take it again, for as long as it lasts. What happens besides is chosen at
// random.
var twoHosts = fault{
	what: "two hosts take the same rooms from each other all the time; one of them frozen meanwhile, killed, or neither",
	begin: func(w *world) func() {
		i := w.r.IntN(len(w.hosts))
		switch w.r.IntN(4) {
		case 0:
			w.killHost(i)
			return w.hosts[i].Start
		case 1:
			return func() {}
		default: // it wakes up and believes that the rooms are its own
			w.pauseHost(i)
			return func() { w.resumeHost(i) }
		}
	},
	hold: [2]time.Duration{300 * time.Millisecond, 4 * time.Second},
}

// takeOver freezes a server under its clients' writes, has other clients write to the same rooms on another server, and wakes it up
// again: it must not get anything into the rooms any more, and its clients lose nothing.
var takeOver = fault{
	what: "a host is frozen while another takes its rooms over, then it wakes up",
	begin: func(w *world) func() {
		from := w.where(w.rooms[0])
		to := 1 - from
		w.pauseHost(from)
		for _, rm := range w.rooms {
			for _, c := range rm.clients[:2] {
				w.move(c, to)
			}
		}
		return func() {
			w.resumeHost(from) // and its clients are still there
			time.Sleep(w.upTo(500 * time.Millisecond))
			for _, rm := range w.rooms {
				w.move(rm.clients[2], to)
			}
		}
	},
	hold: [2]time.Duration{500 * time.Millisecond, 5 * time.Second},
}

func (w *world) pauseHost(i int) {
	w.paused[i] = true
	w.hosts[i].Pause()
}

func (w *world) resumeHost(i int) {
	w.hosts[i].Resume()
	w.paused[i] = false
}

// fencedRounds is rounds for several hosts: they must have refused each other.
func (w *world) fencedRounds(n int, f fault) {
	w.t.Helper()
	w.rounds(n, f)
	if w.counts.Total["room_fenced"] == 0 {
		w.t.Error("no host ever lost a room to another: the test proves nothing")
	}
}

// oneLeft stops all servers but one for good; everybody goes there.
func (w *world) oneLeft() {
	w.t.Helper()
	w.newRooms()
	time.Sleep(time.Second)
	w.count()
	w.hosts[1].Terminate()
	w.each(func(_ *room, c *client) {
		if c.host == 1 {
			w.move(c, 0)
		}
	})
	w.each(func(_ *room, c *client) { c.Do("rest", nil, nil) })
	for _, rm := range w.rooms {
		harness.Converged(w.t, w.hosts[0], rm.id, rm.clients[0].Client, rm.clients[1].Client, rm.clients[2].Client)
	}
	w.collect()
	w.everybodyAway()
	w.hosts[0].Kill()
	w.start()
	w.verify(0)
}
