package room

import (
	"context"
	"fmt"
	"time"

	"github.com/symphony-rtc/symphony/protocol"
)

// evictPoll is how often an eviction looks whether members have left and the room is stored.
const evictPoll = 5 * time.Millisecond

// Evict ends a room that is in memory: its members are closed with why, it is stored and released. Until then joiners wait. It
// returns when the room is gone, at once if it was not there. If ctx ends first the room goes on.
func (h *Host) Evict(ctx context.Context, id string, why *protocol.CloseError) error {
	r := h.get(id)
	if r == nil {
		return nil
	}
	if err := r.ready(ctx); err != nil {
		return fmt.Errorf("end room %q: it is still being loaded: %w", id, err)
	}
	poll := time.NewTicker(evictPoll)
	defer poll.Stop()
	for h.get(id) == r {
		r.evict(h.now(), why)
		select {
		case <-poll.C:
		case <-ctx.Done():
			r.stay()
			return fmt.Errorf("end room %q: its members have not left or it could not be stored in time: %w", id, ctx.Err())
		}
	}
	return nil
}

// Hold keeps a room from being opened, on this host and on others that know of its Claims, evicts it if it is in memory here, and
// calls do; who wants to join waits until that returns. For what has to be done to a room in the store. Only one Hold of a room
// runs at a time. The error is that of Evict, of Claims, or of do.
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
	if h.opts.Claims != nil {
		if err := h.opts.Claims.Claim(ctx, id); err != nil {
			return fmt.Errorf("hold room %q: %w", id, err)
		}
		defer h.opts.Claims.Release(id)
	}
	return do()
}

// evict brings the room to its end as fast as its storage allows: members leave, a snapshot is stored, the room is
// released. Joiners wait meanwhile.
func (r *room) evict(now time.Time, why *protocol.CloseError) {
	r.mu.Lock()
	defer r.mu.Unlock()
	defer r.shield()
	if r.phase != open {
		return
	}
	if r.evicting == nil {
		r.backoff, r.retryAt = 0, time.Time{} // somebody waits: what failed is tried now
	}
	r.evicting = why
	r.leave(now)
}

func (r *room) leave(now time.Time) {
	var last []byte
	if r.evicting.Code == protocol.CloseMoved && len(r.members) > 0 {
		// What members have by now, so that a proxy which keeps them need not ask the next host for all of it again.
		last = protocol.SyncFrame(protocol.SyncStep1, r.doc.StateVector()).Bytes()
	}
	for _, s := range r.members {
		if last != nil && s.reason == "" { // else it was told before
			s.member.Send(last, false)
		}
		s.reason = r.evicting.Reason
		s.member.Close(r.evicting.Code, r.evicting.Reason)
	}
	if len(r.members) > 0 {
		return // the gateway calls Leave for each
	}
	r.store(now)
	r.release(now)
}

// stay takes an eviction back that could not be completed.
func (r *room) stay() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.phase == gone || r.evicting == nil {
		return
	}
	r.evicting = nil
	if r.phase == open {
		r.admit()
	}
}

// admit has those look again who wait because the room seemed to be on its way out.
func (r *room) admit() {
	close(r.settled)
	r.settled = make(chan struct{})
}

// abandon ends a room whose host gave up on it. What was acknowledged is in the journal.
func (r *room) abandon() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.phase != gone {
		r.end(errShutdown)
	}
}
