//go:build linux

package cluster

import (
	"sync"
	"time"

	"github.com/symphony-rtc/symphony/test/harness"
)

// rounds injects a fault at random moments, as often as wanted.
func (w *world) rounds(n int, f fault) {
	w.t.Helper()
	for round := range n {
		if round%roomLife == 0 {
			if round > 0 {
				w.settle()
			}
			w.newRooms()
			w.durableAgain()
		}
		time.Sleep(w.upTo(300 * time.Millisecond))
		w.churn()
		time.Sleep(w.upTo(300 * time.Millisecond))
		w.mark()
		lift, rooms := f.begin(w)
		w.result.Injections++
		hold := w.between(f.hold[0], f.hold[1])
		time.Sleep(hold/2 + 1)
		w.churn()
		time.Sleep(hold/2 + 1)
		w.count()
		if round > 0 && f.hold[1] > 0 && w.r.IntN(3) == 0 {
			w.blackout(lift)
			w.durableAgain()
			continue
		}
		lift()
		w.durableAgain()
		w.measure(rooms)
		w.start() // what the fault left dead, if clients could do without
		w.everybodyBack()
		w.durableAgain()
	}
	w.settle()
}

// killAll ends every process at once.
func (w *world) killAll() {
	var wg sync.WaitGroup
	for _, n := range w.nodes() {
		wg.Go(n.Kill)
	}
	for _, s := range w.storages() {
		wg.Go(s.Kill)
	}
	wg.Wait()
}

// blackout kills every process at once, in the middle of whatever is going on, and compares what was acknowledged until then with what is
// stored, before any client can send anything again. lift ends the fault that is on.
func (w *world) blackout(lift func()) {
	w.t.Helper()
	w.result.Blackouts++
	w.killAll()
	w.everybodyAway()
	w.collect()
	lift()
	w.start()
	w.verify()
	w.everybodyBack()
}

// verify compares what was acknowledged with what is stored. No room is open.
func (w *world) verify() {
	w.t.Helper()
	for _, rm := range w.rooms {
		if !rm.acked.Any() {
			continue
		}
		w.result.Checks++
		if !rm.acked.Kept(w.puppet, w.proxies[0].Update(rm.id, "v1")) {
			w.result.Lost++
			w.t.Errorf("room %q: acknowledged updates are missing (seed %d)", rm.id, w.seed)
		}
	}
	w.oneWriter()
}

// oneWriter looks whether ever a host wrote after another one had taken a room over.
func (w *world) oneWriter() {
	w.t.Helper()
	rows, err := w.sql.JournalInOrder(w.database)
	w.result.JournalRows = rows // of the whole scenario so far
	if err != nil {
		w.result.TwoWriters = true
		w.t.Errorf("two hosts wrote: %v (seed %d)", err, w.seed)
	}
}

// settle lets everything come to rest and looks whether all have the same: clients, hosts, and storage after everything was killed and
// started again.
func (w *world) settle() {
	w.t.Helper()
	w.start()
	w.everybodyBack()
	w.each(func(_ *room, c *client) { c.Do("rest", nil, nil) })
	w.result.Diverged++ // until it is shown that they are not
	states := map[*room]harness.State{}
	for i, rm := range w.rooms {
		clients := make([]*harness.Client, len(rm.clients))
		for j, c := range rm.clients {
			clients[j] = c.Client
		}
		states[rm] = harness.Converged(w.t, w.proxies[i%len(w.proxies)].Server, rm.id, clients...)
		for _, c := range rm.clients {
			if c.tells() {
				c.Do("durable", nil, nil)
			}
		}
	}
	w.count()
	w.collect()
	w.result.Blackouts++
	w.killAll()
	w.everybodyAway()
	w.start()
	w.verify()
	for i, rm := range w.rooms {
		stored := w.puppet.Load("v1", w.proxies[0].Update(rm.id, "v1"))
		if string(stored.State) != string(states[rm].State) {
			w.t.Fatalf("room %q: what is stored differs from what everybody had (seed %d)", rm.id, w.seed)
		}
		fresh := w.puppet.Join(w.proxies[i%len(w.proxies)].Server, harness.Symphony, rm.id+"-fresh", rm.id)
		if string(fresh.State().State) != string(states[rm].State) {
			w.t.Fatalf("room %q: a new client gets something else than everybody had (seed %d)", rm.id, w.seed)
		}
		fresh.Do("leave", nil, nil)
	}
	w.result.Diverged--
}

// count asks the hosts what they count of things that went wrong.
func (w *world) count() {
	for _, h := range w.hosts {
		if h.Running() && !h.paused.Load() {
			w.counts.Add(h.Server)
		}
	}
}

// noteCounts puts into the table what was counted. A panic is a fault of the program, whatever was done to it.
func (w *world) noteCounts() {
	w.t.Helper()
	if n, nodes := w.counts.Total["panic"], w.panics(); n > 0 || len(nodes) > 0 {
		w.t.Errorf("there were %d panics; the output of %v speaks of one (seed %d)", n, nodes, w.seed)
	}
	if n := w.counts.Total["storage"]; n > 0 {
		w.result.note("hosts met %d errors of storage", n)
	}
	if w.cluster != nil {
		w.result.note("%d leases of hosts ran out", w.registrationsLost())
	}
	if n := w.counts.Total["room_fenced"]; n > 0 {
		w.result.note("older hosts were refused %d times", n)
	}
}
