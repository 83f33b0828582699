package room

import (
	"errors"
	"time"

	"github.com/symphony-rtc/symphony/protocol"
)

const (
	sweepEvery = 5 * time.Second // presence is checked for outdated states
	minBackoff = time.Second     // between tries of what the store failed to do
	maxBackoff = time.Minute
)

// tick does what is due at the time now: outdated presence, the snapshot of a room that changed, the end of a room
// that was empty for the grace period.
func (r *room) tick(now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	defer r.shield()
	if r.phase != open {
		return
	}
	if now.Sub(r.swept) >= sweepEvery {
		r.swept = now
		r.full = nil // nobody joined lately, or it is cheap: memory for it is only lent
		if outdated := r.presence.Sweep(now); len(outdated) > 0 {
			r.relay(nil, protocol.AwarenessFrame(r.presence.AppendClients(nil, outdated)).Bytes())
		}
	}
	if r.quarantine != nil {
		r.tickQuarantine(now)
		return
	}
	if r.refusing {
		r.overloaded()
	}
	r.wake()
	if r.evicting != nil {
		r.leave(now)
		return
	}
	if !r.dirtySince.IsZero() && (len(r.members) == 0 || now.Sub(r.dirtySince) >= r.host.opts.SnapshotEvery) {
		r.store(now)
	}
	if len(r.members) == 0 && now.Sub(r.emptySince) >= r.host.opts.Grace {
		r.release(now)
	}
}

// store starts a snapshot, if anything durable is not in one yet. What is not durable waits: the journal has to have
// an update before a snapshot may replace it.
func (r *room) store(now time.Time) {
	if r.storing || r.saved >= r.durable || now.Before(r.retryAt) {
		return
	}
	r.storing = true
	r.host.spawn(r.snapshot)
}

// snapshot stores the document as it is now. It runs without the lock but for the encoding.
func (r *room) snapshot() {
	started := r.host.now()
	encoded, through, err := r.encode()
	if encoded == nil && err == nil {
		return
	}
	if err == nil {
		err = r.handle.Save(r.host.ctx, through, encoded)
	}

	r.mu.Lock()
	defer r.mu.Unlock()
	defer r.shield()
	now := r.host.now()
	if o := r.host.opts.Observer; o != nil {
		o.SnapshotStored(now.Sub(started), len(encoded), err)
	}
	r.storing = false
	if r.phase == gone {
		return
	}
	if !r.settle("storing the snapshot", err, now) {
		r.giveUp(err)
		return
	}
	r.saved = through
	r.dirtySince = time.Time{}
	if r.appended > through {
		r.dirtySince = started
	}
	r.wake()
}

// encode makes a snapshot that covers what is durable; nil if the room is not open any more. The document may be ahead of
// what is durable. That does no harm: the journal repeats those updates, and an update applied twice is one applied once.
func (r *room) encode() (snapshot []byte, through uint64, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	defer r.shield()
	if r.phase != open {
		r.storing = false
		return nil, 0, nil
	}
	snapshot, err = r.doc.EncodeStateAsUpdateV2(nil)
	return snapshot, r.durable, err
}

// release lets go of a room whose every update is in a snapshot.
func (r *room) release(now time.Time) {
	if q := r.quarantine; q != nil {
		if !q.looking {
			r.end(nil)
		}
		return
	}
	if r.storing || r.saved < r.appended || now.Before(r.retryAt) {
		return
	}
	r.phase = releasing
	r.host.spawn(func() {
		err := r.handle.Release(r.host.ctx)
		r.mu.Lock()
		defer r.mu.Unlock()
		if r.phase == gone {
			return
		}
		if r.settle("releasing the room", err, r.host.now()) {
			r.end(nil)
			return
		}
		if r.phase != gone {
			r.phase = open
			r.admit()
		}
	})
}

// settle notes the outcome of work on the store and reports whether it succeeded.
func (r *room) settle(what string, err error, now time.Time) bool {
	switch {
	case err == nil:
		r.failed, r.backoff, r.retryAt = nil, 0, time.Time{}
		return true
	case errors.Is(err, ErrFenced):
		r.fenced()
		return false
	}
	r.host.stats.StoreErrors.Add(1)
	r.backoff = min(max(2*r.backoff, minBackoff), maxBackoff)
	r.failed, r.retryAt = err, now.Add(r.backoff)
	r.log.Error(what+" failed; the room stays open and it is tried again", "error", err, "in", r.backoff)
	return false
}
