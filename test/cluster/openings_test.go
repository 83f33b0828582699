//go:build linux

package cluster

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/symphony-rtc/symphony/protocol"
)

// openings are new rooms that are opened while a fault is on, one after the other through each proxy, and how long that took.
type openings struct {
	wg   sync.WaitGroup
	stop chan struct{}

	mu    sync.Mutex
	count int
	took  []time.Duration
	since time.Time      // the fault is on
	after map[*node]bool // proxies that a room was opened through that was not asked for before
}

// openingRooms injects a fault as usual, and has new rooms opened meanwhile. If it is possible to open rooms in spite of the fault, it is not
// over before one was opened through each proxy.
func openingRooms(f fault, possible bool) func(w *world, rounds int) {
	return func(w *world, rounds int) {
		meanwhile := f
		meanwhile.begin = func(w *world) (func(), []*room) {
			w.openings.begin(w)
			lift, rooms := f.begin(w)
			w.openings.isOn()
			return func() {
				for _, p := range w.proxies {
					for began := time.Now(); possible && p.Running() && !w.openings.through(p); time.Sleep(20 * time.Millisecond) {
						if time.Since(began) > patience {
							w.t.Fatalf("no room could be opened through %s during the fault (seed %d)\n%s", p.name, w.seed, p.Logs())
						}
					}
				}
				lift()
				close(w.openings.stop)
			}, rooms
		}
		w.rounds(rounds, meanwhile)
		w.openings.wg.Wait()
		took := slices.Sorted(slices.Values(w.openings.took))
		if len(took) == 0 {
			w.t.Errorf("no room was opened meanwhile (seed %d)", w.seed)
			return
		}
		w.result.note("%d rooms opened meanwhile, in %.2f s (median), %.2f s (99%%), %.2f s (the slowest)", len(took),
			took[len(took)/2].Seconds(), took[len(took)*99/100].Seconds(), took[len(took)-1].Seconds())
	}
}

// begin has rooms opened until stop is closed; what was begun then is finished, since the fault is over.
func (o *openings) begin(w *world) {
	o.wg.Wait() // for those of the round before
	o.stop, o.since, o.after = make(chan struct{}), time.Time{}, map[*node]bool{}
	for _, p := range w.proxies {
		o.wg.Go(func() {
			for {
				select {
				case <-o.stop:
					return
				case <-time.After(50 * time.Millisecond):
				}
				o.mu.Lock()
				o.count++
				id := fmt.Sprintf("%s meanwhile/%d", w.name, o.count)
				o.mu.Unlock()
				began := time.Now()
				if !w.open(p, id) {
					return
				}
				o.mu.Lock()
				o.took = append(o.took, time.Since(began))
				if !o.since.IsZero() && began.After(o.since) {
					o.after[p] = true
				}
				o.mu.Unlock()
			}
		})
	}
}

// isOn notes that the fault is on.
func (o *openings) isOn() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.since = time.Now()
}

// through reports whether a room was opened through a proxy, from beginning to end during the fault.
func (o *openings) through(p *node) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.after[p]
}

// open opens a room through a proxy, and tries again if it is told that no host has the room. It returns false if the proxy ended: then
// everything was killed to compare what is stored.
func (w *world) open(p *node, id string) bool {
	for began := time.Now(); ; {
		x, err := race(p.Addr, id)
		if err == nil {
			err = x.synced()
			x.conn.Close()
		}
		switch {
		case err == nil:
			return true
		case !errors.Is(err, errClosed):
			return false
		case time.Since(began) > patience:
			w.t.Errorf("room %q was not opened in %s (seed %d): %v", id, patience, w.seed, err)
			return false
		}
		time.Sleep(100 * time.Millisecond)
	}
}

// synced reads until the host has answered with what it has.
func (x *racer) synced() error {
	for {
		payload, err := x.next()
		if err != nil {
			return err
		}
		if len(payload) > 1 && payload[0] == byte(protocol.TypeSync) && payload[1] == byte(protocol.SyncStep2) {
			return nil
		}
	}
}
