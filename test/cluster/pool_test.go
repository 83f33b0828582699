//go:build linux

package cluster

import (
	"fmt"
	"sync"
	"time"
)

// refill does what an orchestrator does for hosts with a capacity of 1: it starts a host for each that has ended, until the returned
// function is called.
func (w *world) refill() (stop func()) {
	done := make(chan bool)
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			select {
			case <-done:
				return
			case <-time.After(20 * time.Millisecond):
			}
			for _, h := range w.hosts {
				if !h.Running() {
					h.Start()
				}
			}
		}
	})
	return func() {
		close(done)
		wg.Wait()
	}
}

// oneRoomEach kills hosts with one room each, which a pool replaces.
func oneRoomEach(w *world, rounds int) {
	stop := w.refill()
	defer stop()
	w.pooled = true
	w.rounds(rounds, fault{
		what: killHost.what,
		begin: func(w *world) (func(), []*room) {
			var rooms []*room
			for range 1 + w.r.IntN(2) {
				host, on := w.busiest()
				host.Kill()
				rooms = append(rooms, on...)
			}
			return func() {}, rooms
		},
		hold: seconds(0.5, 1),
	})
	started := 0
	for _, h := range w.hosts {
		started += h.starts
	}
	w.result.note("a pool of %d hosts with a capacity of 1; %s", len(w.hosts), fmt.Sprint(started, " were started"))
}
