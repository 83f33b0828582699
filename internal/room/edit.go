package room

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/symphony-rtc/symphony/crdt"
	"github.com/symphony-rtc/symphony/protocol"
)

// What the server itself does with rooms, besides what members ask for.

// ErrQuarantined is returned for edits of a room that is damaged and can only be read.
var ErrQuarantined = errors.New("the room is damaged and can only be read until it is repaired")

// Edit changes the document of a room, which is opened if it is not. edit is called with the document, while nothing else uses
// it, and returns an update (V1) to be applied, nil for none; blank says that nothing was ever written to the room. It must be
// quick, must not keep the document, and may be called only once. The members get the update like any other. Edit returns
// when it is durable, or with edit's error. If ctx ends first the update may have been made.
func (h *Host) Edit(ctx context.Context, id string, edit func(doc *crdt.Doc, blank bool) (update []byte, err error)) error {
	var durable <-chan error
	err := h.reach(ctx, id, func(r *room) (<-chan struct{}, error) {
		r.mu.Lock()
		defer r.mu.Unlock()
		if wait, err := r.usable(); wait != nil || err != nil {
			return wait, err
		}
		update, err := edit(r.doc, r.blank)
		if err != nil || update == nil {
			return nil, err
		}
		durable, err = r.edit(update)
		return nil, err
	})
	if err == nil && durable != nil {
		select {
		case err = <-durable:
		case <-ctx.Done():
			err = ctx.Err()
		}
	}
	if err != nil {
		return fmt.Errorf("edit room %q: %w", id, err)
	}
	return nil
}

// usable reports whether the server may edit the room now; a channel says when to ask again. r.mu is held.
func (r *room) usable() (wait <-chan struct{}, err error) {
	switch {
	case r.phase == gone && r.refuse != nil:
		return nil, r.refuse
	case r.phase == gone, r.phase == releasing, r.evicting != nil:
		return r.settled, nil
	case r.quarantine != nil:
		return nil, ErrQuarantined
	}
	if why := r.overloaded(); why != nil {
		return nil, why
	}
	return nil, nil
}

// edit takes an update of the server's own. The channel gets the outcome once it is durable or will not be.
func (r *room) edit(update []byte) (durable <-chan error, err error) {
	applied, err := r.doc.ApplyUpdate(update)
	if applied.Changed {
		r.append(update)
		r.relay(nil, protocol.UpdateFrame(update).Bytes())
	}
	if err != nil {
		return nil, err
	}
	return r.wait(waiter{durable: r.appended}), nil
}

// receiveInitial takes the content that a client proposes for a room to which nothing was ever written. The first
// proposal is everybody's; its sender gets it back like all others.
func (r *room) receiveInitial(s *Session, update []byte) error {
	taken := r.blank && !s.readOnly
	if taken {
		if why := r.overloaded(); why != nil {
			return why
		}
		if _, err := r.edit(update); err != nil {
			return r.refuseUpdate(err)
		}
	}
	s.member.Send(protocol.InitialFrame(taken).Bytes(), false)
	return nil
}

// Flush stores a snapshot of a room that is in memory, with everything that was written to it so far, and returns when that
// is done. It returns at once if the room is not in memory or its newest snapshot has everything.
func (h *Host) Flush(ctx context.Context, id string) error {
	r := h.get(id)
	if r == nil {
		return nil
	}
	select {
	case <-r.loaded:
	case <-ctx.Done():
		return ctx.Err()
	}
	r.mu.Lock()
	if r.phase == gone || r.quarantine != nil || r.saved >= r.appended {
		r.mu.Unlock()
		return nil
	}
	done := r.wait(waiter{saved: r.appended})
	r.mu.Unlock()
	select {
	case err := <-done:
		if err != nil {
			return fmt.Errorf("store room %q: %w", id, err)
		}
		return nil
	case <-ctx.Done():
		return fmt.Errorf("store room %q: %w", id, ctx.Err())
	}
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
	if len(r.waiters) == 0 {
		return
	}
	left := r.waiters[:0]
	for _, w := range r.waiters {
		switch {
		case w.durable <= r.durable && w.saved <= r.saved:
			w.done <- nil
		case r.phase == gone:
			w.done <- r.why()
		default:
			left = append(left, w)
			if w.saved > r.saved && w.saved <= r.durable {
				r.store(r.host.now())
			}
		}
	}
	clear(r.waiters[len(left):])
	r.waiters = left
}

// giveUp tells those who wait for a snapshot that it failed. The room itself tries again.
func (r *room) giveUp(err error) {
	left := r.waiters[:0]
	for _, w := range r.waiters {
		if w.saved > r.saved {
			w.done <- err
		} else {
			left = append(left, w)
		}
	}
	clear(r.waiters[len(left):])
	r.waiters = left
}

// Evict ends a room that is in memory: its members are closed with why, it is stored and released. Until then joiners wait. It
// returns when the room is gone, at once if it was not there. If ctx ends first the room goes on.
func (h *Host) Evict(ctx context.Context, id string, why *protocol.CloseError) error {
	r := h.get(id)
	if r == nil {
		return nil
	}
	select {
	case <-r.loaded:
	case <-ctx.Done():
		return ctx.Err()
	}
	poll := time.NewTicker(evictPoll)
	defer poll.Stop()
	for h.get(id) == r {
		r.evict(h.now(), why)
		select {
		case <-poll.C:
		case <-ctx.Done():
			r.stay()
			return fmt.Errorf("end room %q: %w", id, ctx.Err())
		}
	}
	return nil
}

// Hold keeps a room from being opened on this host, evicts it if it is in memory, and calls do; who wants to join waits until that
// returns. For what has to be done to a room in the store. Only one Hold of a room runs at a time. The error is Evict's or do's.
func (h *Host) Hold(ctx context.Context, id string, why *protocol.CloseError, do func() error) error {
	for {
		h.mu.Lock()
		other := h.held[id]
		if other == nil {
			h.held[id] = make(chan struct{})
			h.mu.Unlock()
			break
		}
		h.mu.Unlock()
		select {
		case <-other:
		case <-ctx.Done():
			return fmt.Errorf("hold room %q: %w", id, ctx.Err())
		}
	}
	defer func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		close(h.held[id])
		delete(h.held, id)
	}()
	if err := h.Evict(ctx, id, why); err != nil {
		return err
	}
	return do()
}

// evictPoll is how often an eviction looks whether members have left and the room is stored.
const evictPoll = 5 * time.Millisecond
