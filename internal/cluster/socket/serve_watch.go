package socket

import (
	"context"
	"sync"

	"github.com/symphony-rtc/symphony/internal/ipc"
)

// watch is a watch of the other process, at the side of the registry.
type watch struct {
	end context.CancelFunc

	mu     sync.Mutex
	unread int
	wake   chan struct{} // holds a token when unread became less
}

// watch begins to tell. Nothing is told beyond what the other process reads: the registry's channel is left waiting, which
// holds up nobody else.
func (s *session) watch(num uint64) {
	ctx, cancel := context.WithCancel(s.ctx)
	w := &watch{end: cancel, wake: make(chan struct{}, 1)}
	s.watches[num] = w
	s.owned.Go(func() {
		defer cancel()
		var body []byte
		for e := range s.registry.Watch(ctx) {
			body = ipc.Pack(body[:0], e)
			s.out.Post(postEvent, num, body)
			if !w.told(ctx) {
				return
			}
		}
		s.out.Post(postWatchEnded, num, nil)
	})
}

// told counts an event and waits until there may be another. It returns false if ctx ended.
func (w *watch) told(ctx context.Context) bool {
	w.mu.Lock()
	w.unread++
	full := w.unread >= maxUnread
	w.mu.Unlock()
	for full {
		select {
		case <-w.wake:
		case <-ctx.Done():
			return false
		}
		w.mu.Lock()
		full = w.unread >= maxUnread
		w.mu.Unlock()
	}
	return true
}

// read says that so many events were read.
func (w *watch) read(n int) {
	w.mu.Lock()
	w.unread -= n
	w.mu.Unlock()
	select {
	case w.wake <- struct{}{}:
	default:
	}
}
