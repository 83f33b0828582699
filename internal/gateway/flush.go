package gateway

import (
	"sync"
	"time"
)

// A flusher writes, after a short while and at once for all that wait, what connections were told to hold back. Several
// share a gateway's connections so that a crowd is written to by several processors.
type flusher struct {
	gw *Gateway

	mu      sync.Mutex
	waiting []*conn
	spare   []*conn     // the list before this one, for its memory
	timer   *time.Timer // runs while somebody waits
}

// add lets c.out.tick be called within the flusher's time.
func (f *flusher) add(c *conn) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.waiting = append(f.waiting, c)
	if len(f.waiting) > 1 {
		return
	}
	f.gw.tasks.Add(1)
	after := max(f.gw.opts.FlushEvery, time.Duration(f.gw.hold.Load()))
	if f.timer == nil {
		f.timer = time.AfterFunc(after, f.flush)
	} else {
		f.timer.Reset(after)
	}
}

func (f *flusher) flush() {
	defer f.gw.tasks.Done()
	f.mu.Lock()
	list := f.waiting
	f.waiting, f.spare = f.spare, nil
	f.mu.Unlock()
	for i, c := range list {
		c.see(c.out.tick())
		list[i] = nil
	}
	f.mu.Lock()
	f.spare = list[:0]
	f.mu.Unlock()
}

// flusher returns the one that serves c.
func (g *Gateway) flusher(c *conn) *flusher { return &g.flushers[c.shard.number%len(g.flushers)] }
