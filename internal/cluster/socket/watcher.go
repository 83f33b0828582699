package socket

import (
	"context"
	"sync"

	"github.com/symphony-rtc/symphony/internal/cluster"
	"github.com/symphony-rtc/symphony/internal/ipc"
)

// watcher is what one caller of Watch has not been told yet. The server sends no more than maxUnread beyond what was read.
type watcher struct {
	mu      sync.Mutex
	pending []cluster.Event
	over    bool
	wake    chan struct{} // holds a token while there is something to tell
}

func (w *watcher) signal() {
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

func (w *watcher) add(e cluster.Event) {
	w.mu.Lock()
	w.pending = append(w.pending, e)
	w.mu.Unlock()
	w.signal()
}

func (w *watcher) ended() {
	w.mu.Lock()
	w.over = true
	w.mu.Unlock()
	w.signal()
}

// take returns what is to be told, and whether nothing will follow.
func (w *watcher) take(spare []cluster.Event) (events []cluster.Event, over bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	events, over = w.pending, w.over
	w.pending = spare
	return events, over
}

// Watch implements cluster.Registry. Its channel is closed when the connection is over, too.
func (r *Registry) Watch(ctx context.Context) <-chan cluster.Event {
	out := make(chan cluster.Event, 64)
	w := &watcher{wake: make(chan struct{}, 1)}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		close(out)
		return out
	}
	r.last++
	num := r.last
	r.watches[num] = w
	r.owned.Go(func() {
		defer close(out)
		r.client.Post(postWatch, num, nil, nil)
		r.feed(ctx, num, w, out)
		r.client.Post(postUnwatch, num, nil, nil)
		r.mu.Lock()
		defer r.mu.Unlock()
		delete(r.watches, num)
	})
	return out
}

// feed passes events on, until ctx, the watch or the connection ends.
func (r *Registry) feed(ctx context.Context, num uint64, w *watcher, out chan<- cluster.Event) {
	var events []cluster.Event
	read := 0
	for {
		select {
		case <-w.wake:
		case <-ctx.Done():
			return
		case <-r.ctx.Done():
			return
		}
		clear(events)
		var over bool
		events, over = w.take(events[:0])
		for _, e := range events {
			select {
			case out <- e:
			case <-ctx.Done():
				return
			case <-r.ctx.Done():
				return
			}
			if read++; read >= maxUnread/4 {
				r.client.Post(postRead, num, nil, ipc.Pack(nil, read))
				read = 0
			}
		}
		if over {
			return
		}
	}
}
