package k8s

import (
	"fmt"
	"sync"
	"time"

	"github.com/symphony-rtc/symphony/test/harness"
)

// listen notes how long each client that knows what is durable goes without hearing it of something new, while all of them write. stop ends that and
// returns the longest time of all clients.
func (g *people) listen() (stop func() time.Duration) {
	var clients []*harness.Client
	for _, room := range g.rooms {
		clients = append(clients, g.clients[room][:2]...)
	}
	end := make(chan struct{})
	var all sync.WaitGroup
	var mu sync.Mutex
	var longest time.Duration
	all.Go(func() {
		counts, since := make([]int, len(clients)), make([]time.Time, len(clients))
		began := time.Now()
		for i := range since {
			since[i] = began
		}
		for last := false; !last; {
			select {
			case <-end:
				last = true
			case <-time.After(20 * time.Millisecond):
			}
			for i, c := range clients {
				var s harness.Status
				if g.puppet.Try(harness.Command{"do": "status", "client": c.Name}, &s) != nil {
					return
				}
				now := time.Now()
				mu.Lock()
				longest = max(longest, now.Sub(since[i]))
				mu.Unlock()
				if s.Count != counts[i] {
					counts[i], since[i] = s.Count, now
				}
			}
		}
	})
	return sync.OnceValue(func() time.Duration {
		close(end)
		all.Wait()
		mu.Lock()
		defer mu.Unlock()
		return longest
	})
}

// knock lets somebody new into a room again and again. stop ends that and returns how often it was tried and what went wrong.
func (w *world) knock(room string) (stop func() (times int, failures []string)) {
	end := make(chan struct{})
	var all sync.WaitGroup
	var times int
	var failures []string
	all.Go(func() {
		for {
			select {
			case <-end:
				return
			case <-time.After(50 * time.Millisecond):
			}
			times++
			began := time.Now()
			o, err := tryRoom(w.front, room)
			if err != nil {
				failures = append(failures, fmt.Sprintf("%s, after %s: %v", began.Format(time.TimeOnly), time.Since(began), err))
				continue
			}
			o.leave()
		}
	})
	once := sync.OnceFunc(func() {
		close(end)
		all.Wait()
	})
	return func() (int, []string) {
		once()
		return times, failures
	}
}
