package matrix

import (
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/symphony-rtc/symphony/test/harness"
	"github.com/symphony-rtc/symphony/test/services"
)

// patience is how long anything may take that is expected to happen: requests to storage that does not answer end after 20
// seconds, and snapshots that failed are tried again after up to a minute.
const patience = 2 * time.Minute

// world is one scenario's servers, storage and clients.
type world struct {
	t      *testing.T
	name   string
	seed   int
	r      *rand.Rand
	result *result

	hosts    []*harness.Server
	postgres *services.PostgresServer // nil: embedded catalog
	own      bool                     // postgres is this scenario's alone
	database string
	link     *link            // before postgres, or between clients and server
	bucket   *services.Bucket // nil: snapshots in a directory
	front    *services.Proxy  // before the bucket
	clock    string           // file that says by how much a clock is wrong
	disk     string           // directory of a small file system that one of them is on

	puppet     *harness.Puppet
	rooms      []*room
	generation int
	pause      int // milliseconds at most between a client's edits
	reconnect  int // milliseconds at least between a client's connections

	after       func(w *world) // what a person does after the fault
	quarantined int            // rooms that a person took out of quarantine

	paused map[int]bool // servers that stand still
	counts harness.Counts
	hits   atomic.Int64 // requests and commits that a proxy spoilt
	skewed atomic.Int64 // requests that the S3 server refused for their time
}

// roomLife is the number of rounds after which rooms are made anew.
const roomLife = 8

// upTo is a random time.
func (w *world) upTo(d time.Duration) time.Duration { return time.Duration(w.r.Int64N(int64(d))) }

// between is a random time.
func (w *world) between(from, to time.Duration) time.Duration {
	if to <= from {
		return from
	}
	return from + w.upTo(to-from)
}

// start starts the servers and waits until they are ready.
func (w *world) start() {
	w.t.Helper()
	for _, s := range w.hosts {
		if !s.Running() {
			s.Start()
		}
	}
	for _, s := range w.hosts {
		s.WaitReady()
	}
}

// killHost ends a server with SIGKILL.
func (w *world) killHost(i int) {
	w.hosts[i].Kill()
	delete(w.paused, i)
}

// storageUp starts storage servers that are not running.
func (w *world) storageUp() {
	w.t.Helper()
	if w.own {
		if err := w.postgres.Start(); err != nil {
			w.t.Fatal(err)
		}
	}
	if w.bucket != nil {
		if err := w.bucket.Start(); err != nil {
			w.t.Fatal(err)
		}
	}
}

// killStorage ends the storage servers that are this scenario's alone with SIGKILL.
func (w *world) killStorage() {
	if w.own {
		w.postgres.Kill()
	}
	if w.bucket != nil {
		w.bucket.Kill()
	}
}

// blackout kills every process at once, in the middle of whatever is going on, and compares what was acknowledged until then
// with what is stored, before any client can send anything again. lift ends the fault that is on.
func (w *world) blackout(lift func()) {
	w.t.Helper()
	w.result.Blackouts++
	var wg sync.WaitGroup
	for i := range w.hosts {
		wg.Go(w.hosts[i].Kill)
	}
	wg.Go(w.killStorage)
	wg.Wait()
	clear(w.paused)
	w.everybodyAway()
	w.collect()
	lift()
	w.storageUp()
	w.start()
	w.afterwards()
	w.verify(0)
	w.everybodyBack()
}

// afterwards does what a person has to do after the fault.
func (w *world) afterwards() {
	if w.after != nil {
		w.after(w)
	}
}

// rounds injects faults at random moments, as often as wanted.
func (w *world) rounds(n int, f fault) {
	w.t.Helper()
	w.after = f.after
	for round := range n {
		if round%roomLife == 0 {
			if round > 0 {
				w.settle()
			}
			w.newRooms()
			w.durableAgain()
		}
		time.Sleep(w.upTo(500 * time.Millisecond))
		w.churn()
		time.Sleep(w.upTo(150 * time.Millisecond))
		lift := f.begin(w)
		w.result.Injections++
		time.Sleep(w.between(f.hold[0], f.hold[1])/2 + 1)
		w.churn()
		time.Sleep(w.between(f.hold[0], f.hold[1])/2 + 1)
		w.count()
		if w.r.IntN(3) == 0 || round == n-1 {
			w.blackout(lift)
		} else {
			lift()
			w.start()
			w.afterwards()
		}
		w.durableAgain()
	}
	w.settle()
}

// settle lets everything come to rest and looks whether all have the same: clients, servers, and storage after everything was
// killed and started again.
func (w *world) settle() {
	w.t.Helper()
	w.everybodyBack()
	w.each(func(_ *room, c *client) { c.Do("rest", nil, nil) })
	w.result.Diverged++ // until it is shown that they are not
	states := map[*room]harness.State{}
	for _, rm := range w.rooms {
		clients := make([]*harness.Client, len(rm.clients))
		for i, c := range rm.clients {
			clients[i] = c.Client
		}
		states[rm] = harness.Converged(w.t, w.hosts[w.where(rm)], rm.id, clients...)
		for _, c := range rm.clients {
			if c.kind == harness.Symphony {
				c.Do("durable", nil, nil)
			}
		}
	}
	w.count()
	w.collect()
	w.result.Blackouts++
	for i := range w.hosts {
		w.killHost(i)
	}
	w.everybodyAway()
	w.killStorage()
	w.storageUp()
	w.start()
	w.epochsInOrder()
	w.verify(0)
	for i, rm := range w.rooms {
		stored := w.puppet.Load("v1", w.hosts[0].Update(rm.id, "v1"))
		if string(stored.State) != string(states[rm].State) {
			w.t.Fatalf("room %q: what is stored differs from what everybody had (seed %d)", rm.id, w.seed)
		}
		fresh := w.puppet.Join(w.hosts[i%len(w.hosts)], harness.Symphony, rm.id+"-fresh", rm.id)
		if string(fresh.State().State) != string(states[rm].State) {
			w.t.Fatalf("room %q: a new client gets something else than everybody had (seed %d)", rm.id, w.seed)
		}
		fresh.Do("leave", nil, nil)
	}
	w.result.Diverged--
}

// where is the server that a room's clients talk to; if they talk to several, they are moved to one.
func (w *world) where(rm *room) int {
	host := rm.clients[0].host
	for _, c := range rm.clients {
		if c.host != host {
			w.move(c, host)
		}
	}
	return host
}

// move makes a client talk to another server.
func (w *world) move(c *client, host int) {
	w.t.Helper()
	c.Do("move", args{"url": w.hosts[host].WebSocketURL()}, nil)
	c.host = host
}
