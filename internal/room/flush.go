package room

import (
	"context"
	"fmt"
)

// Flush stores a snapshot of a room that is in memory, with everything that was written to it so far, and returns when that
// is done. It returns at once if the room is not in memory or its newest snapshot has everything. The error is that of the
// first attempt that failed; the room itself tries again.
func (h *Host) Flush(ctx context.Context, id string) error {
	if err := h.flush(ctx, id); err != nil {
		return fmt.Errorf("store room %q: %w", id, err)
	}
	return nil
}

func (h *Host) flush(ctx context.Context, id string) error {
	r := h.get(id)
	if r == nil {
		return nil
	}
	if err := r.ready(ctx); err != nil {
		return err
	}
	select {
	case err := <-r.flushed():
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// ready waits until the room is loaded or could not be.
func (r *room) ready(ctx context.Context) error {
	select {
	case <-r.loaded:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// flushed asks for a snapshot of everything written so far.
func (r *room) flushed() <-chan error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.wait(waiter{saved: r.appended})
}

// waiter wants to know when updates are durable, or in a snapshot, up to a number.
type waiter struct {
	durable, saved uint64
	done           chan error // has room for the answer
}

// wait adds a waiter. r.mu is held.
func (r *room) wait(w waiter) <-chan error {
	w.done = make(chan error, 1)
	r.waiters = append(r.waiters, w)
	r.wake()
	return w.done
}

// wake answers the waiters that have what they wait for, and all if the room is gone. Somebody who waits for a snapshot
// gets one begun.
func (r *room) wake() {
	r.answerWaiters(func(w waiter) (answer bool, err error) {
		switch {
		case w.durable <= r.durable && w.saved <= r.saved:
			return true, nil
		case r.phase == gone:
			return true, r.why()
		}
		if w.saved > r.saved && w.saved <= r.durable {
			r.store(r.host.now())
		}
		return false, nil
	})
}

// giveUp tells those who wait for a snapshot that it failed. The room itself tries again.
func (r *room) giveUp(err error) {
	r.answerWaiters(func(w waiter) (bool, error) { return w.saved > r.saved, err })
}

func (r *room) answerWaiters(answer func(waiter) (bool, error)) {
	left := r.waiters[:0]
	for _, w := range r.waiters {
		if is, err := answer(w); is {
			w.done <- err
		} else {
			left = append(left, w)
		}
	}
	clear(r.waiters[len(left):])
	r.waiters = left
}
