package matrix

import (
	"slices"
	"strings"
	"time"

	"github.com/symphony-rtc/symphony/test/harness"
)

// States of storage in message 104.
const (
	storageFine    = 0
	storageDelayed = 1
	storageFull    = 2
)

// pressureFlags are limits that are soon reached.
var pressureFlags = []string{"--limits-backlog=256KiB", "--limits-waiting=512KiB", "--journal-window=5ms"}

const (
	waitingLimit = 512 << 10
	// resent is the largest update that may come when there is just room for one more: what a client that was refused has
	// gathered meanwhile.
	resent = 2 << 20
	// memoryRoom is how much a server's memory may grow beside what may wait: documents, buffers of connections, and what
	// Go's collector has not collected yet.
	memoryRoom = 128 << 20
)

// slowStorage makes storage slower than its writers, for a while, and looks at the server's memory.
func slowStorage(w *world, rounds int) {
	refused, most, growth := 0, 0, 0
	for round := range rounds {
		w.newRooms()
		w.durableAgain()
		start, err := w.hosts[0].Memory()
		w.must(err)
		slow := weather{rate: 50_000}
		if round%2 == 1 {
			slow = weather{delay: 300 * time.Millisecond}
		}
		w.link.set(slow)
		w.result.Injections++
		for _, c := range w.rooms[0].clients[:2] {
			w.bulk(c, 12)
			harness.Eventually(w.t, "acknowledgements to wait for storage", func() bool {
				s := c.Status()
				return s.Sent > s.Durable
			})
		}
		for range 30 {
			time.Sleep(100 * time.Millisecond)
			now, err := w.hosts[0].Memory()
			w.must(err)
			most, growth = max(most, now), max(growth, now-start)
			w.count()
		}
		w.each(func(_ *room, c *client) {
			if slices.Contains(c.Status().Storage, storageFull) {
				refused++
			}
		})
		lift := func() { w.link.set(weather{}) }
		if w.r.IntN(2) == 0 {
			w.blackout(lift)
		} else {
			lift()
		}
		w.durableAgain()
		w.settle()
	}
	if growth > waitingLimit+memoryRoom {
		w.t.Errorf("the server's memory grew by %d bytes, though no more than %d may wait", growth, waitingLimit)
	}
	if w.counts.Backlog > waitingLimit+resent {
		w.t.Errorf("%d bytes waited for storage, though no more than %d may", w.counts.Backlog, waitingLimit)
	}
	if refused == 0 {
		w.t.Error("no client was ever told that the server takes no more: the test proves nothing")
	}
	w.result.note("the server's memory grew by %d MiB at most, to %d MiB; %d KiB waited at most; %d clients were told to wait",
		growth>>20, most>>20, w.counts.Backlog>>10, refused)
}

// bulk makes a client insert so many texts of 32 KiB.
func (w *world) bulk(c *client, n int) {
	for range n {
		c.Do("append", args{"text": strings.Repeat("x", 32<<10)}, nil)
	}
}

// storageDown takes Postgres away until the server takes no more, and brings it back.
func storageDown(w *world, rounds int) {
	most := 0
	for range rounds {
		w.newRooms()
		w.durableAgain()
		w.result.Injections++
		w.postgres.Kill()
		rm := w.rooms[0]
		a, b := rm.clients[0], rm.clients[1]
		a.Do("set", args{"key": "down", "value": "still editable"}, nil)
		harness.Eventually(w.t, "clients to be told that storage is delayed", func() bool {
			return slices.Contains(a.Status().Storage, storageDelayed)
		})
		harness.Eventually(w.t, "others to see what cannot be stored, unless the limit was reached at once", func() bool {
			return strings.Contains(string(b.State().Map), "still editable") || slices.Contains(b.Status().Storage, storageFull)
		})
		closes := len(a.Status().Closes)
		harness.Eventually(w.t, "the server to take no more", func() bool {
			w.bulk(a, 1)
			s := a.Status()
			return slices.Contains(s.Storage, storageFull) && len(s.Closes) > closes
		})
		now, err := w.hosts[0].Memory()
		w.must(err)
		most = max(most, now)
		if w.r.IntN(2) == 0 {
			w.blackout(func() {})
		} else {
			w.must(w.postgres.Start())
			harness.Eventually(w.t, "clients to be told that storage is fine again", func() bool {
				s := a.Status()
				return s.Connected && len(s.Storage) > 0 && s.Storage[len(s.Storage)-1] == storageFine
			})
		}
		w.durableAgain()
		w.settle()
	}
	w.result.note("the server refused updates each time, with %d MiB of memory at most", most>>20)
}
