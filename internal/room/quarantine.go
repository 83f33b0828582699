package room

import (
	"errors"
	"time"

	"github.com/symphony-rtc/symphony/crdt"
	"github.com/symphony-rtc/symphony/protocol"
)

// lookEvery is how often a damaged room is tried again: somebody may have repaired it.
const lookEvery = time.Minute

// quarantine is the state of a room whose stored data failed its checks: what could be read of it can be read by its
// members, nothing is written, and every other room goes on.
type quarantine struct {
	looked  time.Time // when the store was last asked
	looking bool
}

// salvage reads what can be read of a damaged room. Without anything to show, the room cannot be opened at all.
func (r *room) salvage(why error) (*quarantine, Stored, *crdt.Doc) {
	stored, err := r.host.store.Salvage(r.host.ctx, r.id)
	if err != nil {
		r.log.Error("nothing could be read of a damaged room", "damage", why, "error", err)
		return nil, stored, nil
	}
	doc, _, err := stored.Salvage()
	if err != nil {
		r.log.Error("the document of a damaged room could not be built", "damage", why, "error", err)
		return nil, stored, nil
	}
	return &quarantine{}, stored, doc
}

// tickQuarantine ends a damaged room that nobody looks at, and one that has been repaired.
func (r *room) tickQuarantine(now time.Time) {
	q := r.quarantine
	switch {
	case r.evicting != nil:
		r.leave(now)
	case len(r.members) == 0 && now.Sub(r.emptySince) >= r.host.opts.Grace:
		r.release(now)
	case !q.looking && now.Sub(q.looked) >= lookEvery:
		q.looking, q.looked = true, now
		r.host.spawn(r.look)
	}
}

// look asks the store whether the room can be opened again. While that is under way the room does not end: the claim that it
// takes to find out would fence whoever opened the room next.
func (r *room) look() {
	handle, stored, err := r.host.store.Open(r.host.ctx, r.id, ignore{})
	if err == nil {
		_, err = build(stored)
		err = errors.Join(err, handle.Release(r.host.ctx))
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.quarantine.looking = false
	switch {
	case r.phase == gone:
	case errors.Is(err, ErrDeleted):
		r.end(errDeleted)
	case err == nil:
		r.log.Info("a damaged room was repaired; its members reconnect")
		r.end(protocol.Closef(protocol.CloseRestarting, "the room was repaired; reconnect"))
	}
}

// ignore is the JournalEvents of somebody who appends nothing.
type ignore struct{}

func (ignore) Committed(uint64) {}
func (ignore) Delayed(error)    {}
func (ignore) Fenced()          {}
