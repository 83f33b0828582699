package memory

import (
	"context"
	"maps"
	"slices"
	"sync"

	"github.com/symphony-rtc/symphony/internal/cluster"
)

// backlog is how many events wait for a watcher that does not read before they are dropped and the watcher starts over: a
// bound of what somebody who is stuck can make the registry hold.
const backlog = 1 << 16

// watcher is what one caller of Watch has not been told yet.
type watcher struct {
	mu      sync.Mutex // inside the registry's lock
	pending []cluster.Event
	behind  bool          // events were dropped
	wake    chan struct{} // holds a token while there is something to tell
}

// tell passes an event on to all watchers. The registry's lock is held, which makes their order one and the same.
func (s *state) tell(e cluster.Event) {
	for w := range s.watchers {
		w.add(e)
	}
}

func (w *watcher) add(e cluster.Event) {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case w.behind:
	case len(w.pending) >= backlog:
		w.pending, w.behind = nil, true
	default:
		w.pending = append(w.pending, e)
	}
	w.signal()
}

func (w *watcher) signal() {
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

// take returns what is to be told, and whether events were dropped.
func (w *watcher) take() (events []cluster.Event, behind bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	events, behind = w.pending, w.behind
	w.pending = nil
	return events, behind
}

// Watch implements cluster.Registry.
func (r *Registry) Watch(ctx context.Context) <-chan cluster.Event {
	out := make(chan cluster.Event, 64)
	w := &watcher{wake: make(chan struct{}, 1)}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.ended.Err() != nil {
		close(out)
		return out
	}
	first := r.snapshot()
	r.watchers[w] = struct{}{}
	r.wg.Add(1)
	go func() {
		defer r.wg.Done()
		defer close(out)
		defer r.unwatch(w)
		r.feed(ctx, w, first, out)
	}()
	return out
}

// feed tells a watcher everything, until ctx or the registry ends.
func (r *Registry) feed(ctx context.Context, w *watcher, events []cluster.Event, out chan<- cluster.Event) {
	for {
		for _, e := range events {
			select {
			case out <- e:
			case <-ctx.Done():
				return
			case <-r.ended.Done():
				return
			}
		}
		select {
		case <-w.wake:
		case <-ctx.Done():
			return
		case <-r.ended.Done():
			return
		}
		var behind bool
		if events, behind = w.take(); behind {
			events = r.again(w)
		}
	}
}

// again is what a watcher is told that fell too far behind.
func (r *Registry) again(w *watcher) []cluster.Event {
	r.mu.Lock()
	defer r.mu.Unlock()
	w.mu.Lock()
	defer w.mu.Unlock()
	w.pending, w.behind = nil, false
	return append([]cluster.Event{{Kind: cluster.EventReset}}, r.snapshot()...)
}

func (r *Registry) unwatch(w *watcher) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.watchers, w)
}

// snapshot is everything there is as events, with EventSynced at their end. The lock is held.
func (s *state) snapshot() []cluster.Event {
	events := make([]cluster.Event, 0, len(s.hosts)+len(s.rooms)+1)
	for _, id := range slices.Sorted(maps.Keys(s.hosts)) {
		events = append(events, cluster.Event{Kind: cluster.EventHost, Host: s.hosts[id].host})
	}
	for room, m := range s.rooms {
		events = append(events, cluster.Event{Kind: cluster.EventClaimed, Room: room, Host: cluster.Host{ID: m.host.ID}})
	}
	return append(events, cluster.Event{Kind: cluster.EventSynced})
}
