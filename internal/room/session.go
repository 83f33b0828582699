package room

import (
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	"github.com/symphony-rtc/symphony/crdt"
	"github.com/symphony-rtc/symphony/protocol"
)

// Session is one member's stay in a room.
type Session struct {
	room     *room
	member   Member
	symphony bool
	readOnly bool

	connection string    // id, for logs and the record of visits
	joined     time.Time // zero if visits are not recorded
	reason     string    // why the room ended it; guarded by the room's lock

	// Guarded by the room's lock.
	speaker  protocol.Speaker
	received uint64 // sync messages with an update on this connection
	waiting  []ack  // of symphony connections: what is not durable yet, oldest first
	proposed int    // proposals of initial content that are not answered yet
}

// ack says that the first count updates of a connection are durable when the room's update seq is.
type ack struct{ count, seq uint64 }

// Receive takes one binary message from the member. The frame's buffer belongs to the room during the call and to the
// caller again afterwards. A *protocol.CloseError means: close this connection with its code and reason, then Leave.
func (s *Session) Receive(f protocol.Frame) (err error) {
	r := s.room
	msg, err := protocol.Parse(f.Payload())
	if err == nil && msg.Type >= protocol.TypeHello && !s.symphony {
		err = fmt.Errorf("message type %d needs the subprotocol %s: %w", msg.Type, protocol.Subprotocol, protocol.ErrMalformed)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	defer func() {
		if fault := recover(); fault != nil {
			err = r.contain(fault)
		}
		if why := (*protocol.CloseError)(nil); errors.As(err, &why) {
			s.reason = why.Reason
		}
	}()
	switch {
	case r.phase == gone:
		return r.why()
	case err != nil:
		return r.malformed(err)
	case msg.Type == protocol.TypeAwareness:
		return r.receivePresence(s, msg, f)
	case msg.Type == protocol.TypeQueryAwareness:
		s.member.Send(protocol.AwarenessFrame(r.presence.AppendAll(nil)).Bytes(), false)
		return nil
	case msg.Type == protocol.TypeEvent:
		r.relayEvent(s, msg, f)
		return nil
	case msg.Type == protocol.TypeToken:
		return nil // nobody asks for one yet
	case msg.Type == protocol.TypeInitial:
		return r.receiveInitial(s, msg.Body)
	case msg.Step == protocol.SyncStep1:
		return r.answer(s, msg.Body)
	default:
		return r.receiveUpdate(s, msg, f)
	}
}

// Leave ends the stay: presence of the connection is removed for the others at once. No method of the Member is called
// after Leave returned. Idempotent.
func (s *Session) Leave() {
	r := s.room
	r.mu.Lock()
	defer r.mu.Unlock()
	defer r.shield()
	if !r.remove(s) {
		return
	}
	now := r.host.now()
	if !s.joined.IsZero() {
		visit := s.visit()
		visit.Left = now
		r.host.opts.Visits.Left(visit)
	}
	if r.phase == gone {
		return
	}
	if left := r.presence.Leave(&s.speaker, now); len(left) > 0 {
		r.relay(nil, protocol.AwarenessFrame(r.presence.AppendClients(nil, left)).Bytes())
	}
	if len(r.members) == 0 {
		r.emptySince = now
		r.store(now)
	}
}

func (s *Session) visit() Visit {
	return Visit{Room: s.room.id, Connection: s.connection, Epoch: s.room.epoch, Symphony: s.symphony, Joined: s.joined, Reason: s.reason}
}

// receiveUpdate takes sync step 2 or an update: apply, journal, relay. It is applied first because only that tells
// whether it is well formed, and whether it says anything new: what everybody has is neither stored nor relayed.
func (r *room) receiveUpdate(s *Session, msg protocol.Message, f protocol.Frame) error {
	if s.readOnly {
		if msg.Step == protocol.SyncStep2 {
			return nil // a client answers our step 1 whether it may write or not
		}
		if r.quarantine != nil {
			// Not final: it may write again once the room is repaired.
			return protocol.Closef(protocol.CloseUnavailable, "the room is damaged and can only be read until it is repaired")
		}
		return protocol.Closef(protocol.CloseForbidden, "this connection may only read")
	}
	if why := r.overloaded(); why != nil && !crdt.UpdateIsEmpty(msg.Body) {
		return why
	}
	applied, err := r.doc.ApplyUpdate(msg.Body)
	if err != nil && !applied.Changed {
		return r.refuseUpdate(err)
	}
	if err == nil {
		s.received++
	}
	if !applied.Changed {
		r.host.stats.Duplicates.Add(1)
		r.acknowledge(s)
		return nil
	}
	r.append(msg.Body)
	r.relay(s, msg.RelayFrame(f).Bytes())
	if err != nil { // only a part could be taken: that part is everybody's, its sender is told about the rest
		return r.refuseUpdate(err)
	}
	r.acknowledge(s)
	return nil
}

// append journals an update that changed the document.
func (r *room) append(update []byte) {
	r.host.stats.Updates.Add(1)
	r.host.stats.UpdateBytes.Add(int64(len(update)))
	r.full, r.blank = nil, false
	r.appended++
	r.handle.Append(r.appended, update)
	if r.dirtySince.IsZero() {
		r.dirtySince = r.host.now()
	}
}

func (r *room) refuseUpdate(err error) error {
	if errors.Is(err, crdt.ErrTooLarge) {
		return protocol.Closef(protocol.CloseTooLarge, "%v", err)
	}
	return r.malformed(err)
}

// answer sends what a member is missing.
func (r *room) answer(s *Session, stateVector []byte) error {
	if len(stateVector) == 1 && stateVector[0] == 0 { // it has nothing: everybody new gets the same bytes
		if r.full == nil {
			update, err := r.doc.EncodeStateAsUpdate(nil)
			if err != nil {
				return r.internal(err)
			}
			r.full = protocol.SyncFrame(protocol.SyncStep2, update).Bytes()
		}
		s.member.Send(r.full, false)
		return nil
	}
	update, err := r.doc.EncodeStateAsUpdate(stateVector)
	if err != nil {
		return r.malformed(err)
	}
	s.member.Send(protocol.SyncFrame(protocol.SyncStep2, update).Bytes(), false)
	return nil
}

// receivePresence takes an awareness update and relays what of it is news.
func (r *room) receivePresence(s *Session, msg protocol.Message, f protocol.Frame) error {
	change, err := r.presence.Apply(&s.speaker, msg.Body, r.host.now())
	if err != nil {
		return r.malformed(err)
	}
	switch {
	case len(change.Clients) == 0:
	case change.Whole:
		r.host.stats.PresenceUpdate.Add(1)
		r.relay(s, msg.RelayFrame(f).Bytes())
	default:
		r.host.stats.PresenceUpdate.Add(1)
		r.relay(s, protocol.AwarenessFrame(r.presence.AppendClients(nil, change.Clients)).Bytes())
	}
	if change.Contested != nil {
		for _, other := range r.members {
			if &other.speaker == change.Contested {
				other.member.Probe()
			}
		}
	}
	if change.Nudge {
		s.member.Send(protocol.AwarenessFrame(r.presence.AppendLeft(nil, change.NudgeID)).Bytes(), false)
	}
	return nil
}

// relayEvent passes a broadcast event on to the members who can understand it, unless it comes in somebody else's name.
func (r *room) relayEvent(s *Session, msg protocol.Message, f protocol.Frame) {
	if !r.presence.SpokenForBy(&s.speaker, msg.Client) {
		return
	}
	frame := msg.RelayFrame(f).Bytes()
	later := len(r.members) > crowd
	for _, to := range r.members {
		if to != s && to.symphony {
			to.member.Send(frame, later)
		}
	}
	r.host.stats.Events.Add(1)
}

func (r *room) malformed(err error) error {
	r.host.stats.Malformed.Add(1)
	return protocol.Closef(protocol.CloseBadMessage, "%v", err)
}

func (r *room) internal(err error) error {
	r.log.Error("internal error", "error", err)
	return protocol.Closef(protocol.CloseInternal, "internal error; see the server's log")
}

// why is the reason that members of a room that is gone are given.
func (r *room) why() *protocol.CloseError {
	if r.refuse != nil {
		return r.refuse
	}
	return protocol.Closef(protocol.CloseRestarting, "the room was closed; reconnect")
}

// contain ends the room after a panic, so that no other room suffers and no snapshot is made of a document that may be
// half changed: members reconnect, and the room is built anew from what is stored.
func (r *room) contain(fault any) error {
	r.host.stats.Panics.Add(1)
	r.log.Error("panic in a room; it is reopened from what is stored", "panic", fault, "stack", string(debug.Stack()))
	if r.phase != gone {
		r.end(protocol.Closef(protocol.CloseInternal, "a fault of the server; reconnect"))
	}
	return r.why()
}

// shield is deferred by what works on the room, with its lock held, on behalf of nobody who could be told of a panic.
func (r *room) shield() {
	if fault := recover(); fault != nil {
		r.contain(fault)
	}
}
