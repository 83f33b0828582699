package room

import (
	"errors"
	"time"

	"github.com/symphony-rtc/symphony/crdt"
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

// evict brings the room to its end as fast as its storage allows: members leave, a snapshot is stored, the room is
// released. Joiners wait meanwhile.
func (r *room) evict(now time.Time, why *protocol.CloseError) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.phase != open {
		return
	}
	r.evicting = why
	r.leave(now)
}

func (r *room) leave(now time.Time) {
	for _, s := range r.members {
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
	if r.phase != open || r.evicting == nil {
		return
	}
	r.evicting = nil
	close(r.settled)
	r.settled = make(chan struct{})
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
	r.mu.Lock()
	if r.phase != open {
		r.storing = false
		r.mu.Unlock()
		return
	}
	// The document may be ahead of what is durable. That does no harm: the journal repeats those updates, and an update
	// applied twice is an update applied once.
	through := r.durable
	started := r.host.now()
	encoded, err := r.doc.EncodeStateAsUpdateV2(nil)
	r.mu.Unlock()

	if err == nil {
		err = r.handle.Save(r.host.ctx, through, encoded)
	}

	r.mu.Lock()
	defer r.mu.Unlock()
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

// release lets go of a room whose every update is in a snapshot.
func (r *room) release(now time.Time) {
	if r.quarantine != nil {
		r.end(nil)
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
			close(r.settled)
			r.settled = make(chan struct{})
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

// Info describes a room that is open.
type Info struct {
	ID         string
	Members    int    // connections
	Present    int    // clients with a presence state
	Bytes      int    // memory of the document, about
	Updates    uint64 // number of the newest update
	Durable    uint64 // number of the newest durable update
	Saved      uint64 // number of the newest update in a snapshot
	Epoch      uint64
	Generation uint64
	Error      string // why storing does not work just now; empty if it does
}

// Open returns the rooms that are in memory and loaded, in no order.
func (h *Host) Open() []Info {
	rooms := h.open()
	infos := make([]Info, 0, len(rooms))
	for _, r := range rooms {
		if info, ok := r.info(); ok {
			infos = append(infos, info)
		}
	}
	return infos
}

// Info describes one room; false if it is not in memory.
func (h *Host) Info(id string) (Info, bool) {
	if r := h.get(id); r != nil {
		return r.info()
	}
	return Info{}, false
}

// View calls read with the document of a room that is in memory, while nothing else uses it: read must be quick and
// must not keep the document. It reports whether the room was in memory.
func (h *Host) View(id string, read func(*crdt.Doc)) bool {
	r := h.get(id)
	if r == nil {
		return false
	}
	<-r.loaded
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.doc == nil {
		return false
	}
	read(r.doc)
	return true
}

func (h *Host) get(id string) *room {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.rooms[id]
}

func (r *room) info() (Info, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.doc == nil {
		return Info{}, false
	}
	info := Info{
		ID: r.id, Members: len(r.members), Present: r.presence.Len(), Bytes: r.doc.Size(),
		Updates: r.appended, Durable: r.durable, Saved: r.saved, Epoch: r.epoch, Generation: r.generation,
	}
	if err := errors.Join(r.delayed, r.failed); err != nil {
		info.Error = err.Error()
	}
	return info, true
}
