package store

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

const (
	visitsEvery  = time.Second      // how long visits are gathered
	visitsAtOnce = 500              // in one transaction
	visitsKept   = 20_000           // that wait while storage is down
	visitsSlack  = 2_000            // more before the oldest are forgotten, which moves all others
	visitsPause  = 10 * time.Second // the longest pause after a failure
)

// recorder writes visits in batches, in the background.
type recorder struct {
	record func(context.Context, []Visit) error // Visits.RecordVisits
	log    *slog.Logger
	wake   chan struct{}
	quit   chan struct{}
	done   chan struct{}

	mu    sync.Mutex
	queue []Visit
	lost  int // forgotten since the last success
}

func newRecorder(record func(context.Context, []Visit) error, log *slog.Logger) *recorder {
	r := &recorder{record: record, log: log, wake: make(chan struct{}, 1), quit: make(chan struct{}), done: make(chan struct{})}
	go r.run()
	return r
}

func (r *recorder) add(v Visit) {
	r.mu.Lock()
	r.queue = append(r.queue, v)
	r.bound()
	r.mu.Unlock()
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

// bound forgets the oldest of too many. r.mu is held.
func (r *recorder) bound() {
	if over := len(r.queue) - visitsKept; over > visitsSlack {
		r.lost += over
		r.queue = append(r.queue[:0], r.queue[over:]...)
	}
}

// close writes what is left, if that succeeds at once.
func (r *recorder) close() {
	close(r.quit)
	<-r.done
}

func (r *recorder) run() {
	defer close(r.done)
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	pause := visitsEvery
	for {
		select {
		case <-r.wake:
		case <-r.quit:
			r.flush()
			return
		}
		timer.Reset(pause)
		select {
		case <-timer.C:
		case <-r.quit:
			r.flush()
			return
		}
		if r.flush() {
			pause = visitsEvery
			continue
		}
		pause = min(2*pause, visitsPause)
		select {
		case r.wake <- struct{}{}: // again
		default:
		}
	}
}

// flush writes what has gathered, until that fails.
func (r *recorder) flush() bool {
	for {
		r.mu.Lock()
		n := min(len(r.queue), visitsAtOnce)
		batch := append([]Visit(nil), r.queue[:n]...)
		r.queue = append(r.queue[:0], r.queue[n:]...)
		lost := r.lost
		r.mu.Unlock()
		if n == 0 {
			return true
		}
		ctx, cancel := context.WithTimeout(context.Background(), visitsPause)
		err := r.record(ctx, batch)
		cancel()
		r.mu.Lock()
		if err != nil {
			r.queue = append(batch, r.queue...)
			r.bound()
			r.mu.Unlock()
			r.log.Warn("the history of connections cannot be written, trying again", "err", err)
			return false
		}
		r.lost -= lost
		r.mu.Unlock()
		if lost > 0 {
			r.log.Warn("part of the history of connections was lost while storage was down", "visits", lost)
		}
	}
}
