package room

import (
	"bytes"
	"fmt"

	"github.com/symphony-rtc/symphony/crdt"
	"github.com/symphony-rtc/symphony/protocol"
)

// first is the content that was proposed first for a blank room, on its way to the disk. Nobody sees it before it is durable:
// else members could bring it back after a crash, to a room that lost it and took somebody else's.
type first struct {
	seq     uint64 // of the update
	update  []byte
	by      *Session      // whose proposal it is; nil: the server's
	settled chan struct{} // closed when it is shown, or the room is gone
}

// receiveInitial takes the content that a client proposes for a room to which nothing was ever written. The first
// proposal is everybody's; its sender gets it back like all others.
func (r *room) receiveInitial(s *Session, update []byte) error {
	if r.blank && !s.readOnly {
		if why := r.overloaded(); why != nil {
			return why
		}
		if _, err := r.propose(update, s); err != nil {
			return r.refuseUpdate(err)
		}
	}
	if r.first != nil {
		s.proposed++ // answered when it is certain that there is content
		return nil
	}
	s.member.Send(protocol.InitialFrame(false).Bytes(), false)
	return nil
}

// propose makes an update the first content of a blank room, and reports whether it says anything at all.
func (r *room) propose(update []byte, by *Session) (taken bool, err error) {
	draft := crdt.NewDoc(r.limits())
	applied, err := draft.ApplyUpdate(update)
	if err != nil || !applied.Changed {
		return false, err
	}
	r.append(update)
	r.first = &first{seq: r.appended, update: bytes.Clone(update), by: by, settled: make(chan struct{})}
	return true, nil
}

// show gives the first content, now durable, to everybody, and answers those who proposed some.
func (r *room) show() {
	f := r.first
	r.first = nil
	close(f.settled)
	r.doc.SetLimits(unlimited)
	applied, err := r.doc.ApplyUpdate(f.update)
	r.doc.SetLimits(r.limits())
	if err != nil {
		panic(fmt.Errorf("initial content that was checked cannot be applied: %w", err))
	}
	r.full = nil
	if applied.Changed { // not if a member happened to say the same
		r.relay(nil, protocol.UpdateFrame(f.update).Bytes())
	}
	for _, s := range r.members {
		for ; s.proposed > 0; s.proposed-- {
			s.member.Send(protocol.InitialFrame(s == f.by).Bytes(), false)
			if s == f.by {
				f.by = nil
			}
		}
	}
}
