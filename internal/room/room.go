package room

import (
	"errors"
	"fmt"
	"log/slog"
	"math"
	"slices"
	"sync"
	"time"

	"github.com/symphony-rtc/symphony/crdt"
	"github.com/symphony-rtc/symphony/protocol"
)

// phase is where a room is in its life.
type phase uint8

const (
	loading phase = iota // joiners wait
	open
	releasing // stored, and being marked inactive: joiners wait
	gone      // not used any more; Join makes a new one
)

// room is one document and its members. Everything below mu is guarded by it; it is never held during I/O.
type room struct {
	host   *Host
	id     string
	log    *slog.Logger
	loaded chan struct{} // closed when loading ended, one way or the other

	mu      sync.Mutex
	phase   phase
	claimed bool                 // others know that this host serves the room
	refuse  *protocol.CloseError // with gone: what joiners are told; nil means try again
	settled chan struct{}        // closed when releasing ended

	handle     Handle // nil in quarantine
	epoch      uint64
	generation uint64
	blank      bool   // nothing was ever written to the document
	first      *first // what was written first, until it is durable; else nil
	quarantine *quarantine

	doc      *crdt.Doc
	full     []byte // sync step 2 with the whole document, framed; nil when it is not known
	presence protocol.Presence
	members  []*Session

	appended uint64 // number of the newest update given to the journal
	durable  uint64 // number of the newest update known to be durable
	saved    uint64 // number of the newest update known to be in a snapshot

	waiters  []waiter             // who wants to know of durability or a snapshot
	evicting *protocol.CloseError // why the room is being ended; joiners wait

	delayed    error     // why the journal is not committing; nil when it is
	refusing   bool      // updates were refused since the journal fell behind
	failed     error     // why the last snapshot or release failed; nil when it did not
	retryAt    time.Time // of what failed
	backoff    time.Duration
	storing    bool      // a snapshot is under way
	dirtySince time.Time // of the oldest change that is not in a snapshot
	emptySince time.Time // when the last member left
	swept      time.Time // when presence was last checked for outdated states
}

func newRoom(h *Host, id string) *room {
	return &room{
		host: h, id: id, log: h.opts.Logger.With("room", id),
		loaded: make(chan struct{}), settled: make(chan struct{}),
	}
}

// load opens the room in the store and builds its document.
func (r *room) load() {
	defer close(r.loaded)
	if err := r.claim(); err != nil {
		return
	}
	start := r.host.now()
	handle, stored, err := r.host.store.Open(r.host.ctx, r.id, r)
	var doc *crdt.Doc
	if err == nil {
		if doc, err = build(stored); err != nil {
			err = errors.Join(fmt.Errorf("%w: %w", ErrCorrupt, err), handle.Release(r.host.ctx))
		}
	}
	var isolated *quarantine
	if errors.Is(err, ErrCorrupt) {
		isolated, stored, doc = r.salvage(err)
		handle = nil
	}
	now := r.host.now()
	if o := r.host.opts.Observer; o != nil {
		o.RoomOpened(now.Sub(start), err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case r.phase == gone:
		return // another host opened it meanwhile
	case r.host.ctx.Err() != nil:
		r.end(errShutdown)
		return
	case errors.Is(err, ErrDeleted):
		r.end(errDeleted)
		return
	case err != nil:
		r.host.stats.StoreErrors.Add(1)
		if isolated == nil {
			r.log.Error("room cannot be opened", "error", err)
			r.end(protocol.Closef(protocol.CloseUnavailable, "the room cannot be loaded just now; see the server's log"))
			return
		}
		r.log.Error("room is damaged: it can only be read until it is repaired", "error", err)
		isolated.looked = now
	}
	r.phase = open
	if r.claimed {
		r.host.opts.Claims.Opened(r.id)
	}
	doc.SetLimits(r.limits())
	r.handle, r.doc, r.epoch, r.generation, r.quarantine = handle, doc, stored.Epoch, stored.Generation, isolated
	r.appended, r.durable, r.saved = stored.LastSeq, stored.LastSeq, stored.LastSeq
	r.blank = stored.LastSeq == 0 && stored.Snapshot == nil && isolated == nil
	r.emptySince, r.swept = now, now
	if n := uint64(len(stored.Journal)); n > 0 && isolated == nil {
		r.saved -= n
		r.dirtySince = now
	}
}

// claim makes this host the one that serves the room; if that cannot be the room ends.
func (r *room) claim() error {
	claims := r.host.opts.Claims
	if claims == nil {
		return nil
	}
	err := claims.Claim(r.host.ctx, r.id)
	defer r.host.claimed(r)
	r.mu.Lock()
	defer r.mu.Unlock()
	if err == nil && r.phase == gone { // the host gave up meanwhile
		claims.Release(r.id)
		return errShutdown
	}
	r.claimed = err == nil
	if r.host.ctx.Err() != nil {
		r.end(errShutdown)
		return errShutdown
	}
	if err == nil {
		return nil
	}
	var why *protocol.CloseError
	if !errors.As(err, &why) {
		r.log.Error("room cannot be claimed", "error", err)
		// Not CloseUnavailable: another host may be able to, and a proxy looks for it.
		why = protocol.Closef(protocol.CloseRestarting, "it cannot be found out just now who serves the room; try again")
	}
	r.end(why)
	return why
}

// errDeleted is what members and joiners of a deleted room are told.
var errDeleted = protocol.Closef(protocol.CloseDeleted, "the room was deleted")

// limits are those of a document that members write to.
func (r *room) limits() crdt.Options { return crdt.Options{MaxSize: r.host.opts.MaxDocument} }

// unlimited is for what was taken once and must be taken again.
var unlimited = crdt.Options{MaxSize: math.MaxInt, MaxPending: math.MaxInt}

// build makes the document of what the store had, without limits.
func build(stored Stored) (doc *crdt.Doc, err error) {
	defer func() {
		if fault := recover(); fault != nil {
			err = fmt.Errorf("panic in the document engine: %v", fault)
		}
	}()
	doc = crdt.NewDoc(unlimited)
	if stored.Snapshot != nil {
		if _, err := doc.ApplyUpdateV2(stored.Snapshot); err != nil {
			return nil, fmt.Errorf("applying the snapshot: %w", err)
		}
	}
	for i, update := range stored.Journal {
		if _, err := doc.ApplyUpdate(update); err != nil {
			return nil, fmt.Errorf("applying journal update %d of %d: %w", i+1, len(stored.Journal), err)
		}
	}
	return doc, nil
}

// end makes the room unusable: it leaves the host, whoever waits for something of it is answered, and members that still
// are there are told why. A room that ended well has no members and no reason.
func (r *room) end(why *protocol.CloseError) {
	r.phase, r.refuse = gone, why
	r.doc, r.full = nil, nil
	if r.first != nil {
		close(r.first.settled)
		r.first = nil
	}
	r.wake()
	close(r.settled)
	if r.claimed { // before a new room of that id can be made, which claims it again
		r.host.opts.Claims.Release(r.id)
	}
	r.host.forget(r)
	for _, s := range r.members {
		s.reason = why.Reason
		s.member.Close(why.Code, why.Reason)
	}
}

// join makes m a member. If the room is on its way out it returns a channel to wait for before trying again.
func (r *room) join(m Member, o JoinOptions) (s *Session, wait <-chan struct{}, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case r.phase == gone && r.refuse != nil:
		return nil, nil, r.refuse
	case r.phase == gone, r.phase == releasing, r.evicting != nil:
		return nil, r.settled, nil
	case len(r.members) >= r.host.opts.MaxMembers:
		return nil, nil, protocol.Closef(protocol.CloseTooMany, "the room has its limit of %d members", r.host.opts.MaxMembers)
	}
	s = &Session{room: r, member: m, symphony: o.Symphony, readOnly: o.ReadOnly || r.quarantine != nil}
	r.members = append(r.members, s)
	s.connection = fmt.Sprintf("%x-%x", r.epoch, r.host.ids.Add(1))
	defer func() {
		if fault := recover(); fault != nil {
			s, wait, err = nil, nil, r.contain(fault)
		}
	}()
	r.greet(s)
	if v := r.host.opts.Visits; v != nil && r.quarantine == nil {
		s.joined = r.host.now()
		v.Joined(s.visit())
	}
	return s, nil, nil
}

// greet sends what a new member gets unasked.
func (r *room) greet(s *Session) {
	if s.symphony {
		hello := protocol.Hello{
			Connection: s.connection,
			Generation: r.generation,
			ReadOnly:   s.readOnly,
			MaxMessage: uint64(r.host.opts.MaxMessage),
		}
		s.member.Send(hello.Frame().Bytes(), false)
		if r.delayed != nil || r.refusing {
			s.member.Send(r.storageFrame(), false)
		}
	}
	s.member.Send(protocol.SyncFrame(protocol.SyncStep1, r.doc.StateVector()).Bytes(), false)
	if r.presence.Len() > 0 {
		s.member.Send(protocol.AwarenessFrame(r.presence.AppendAll(nil)).Bytes(), false)
	}
}

// relay sends a frame to all members but one.
func (r *room) relay(from *Session, frame []byte) {
	later := len(r.members) > crowd
	for _, s := range r.members {
		if s != from {
			s.member.Send(frame, later)
		}
	}
	r.host.stats.Relayed.Add(int64(len(r.members)))
}

// remove takes a member out. It reports whether it was in.
func (r *room) remove(s *Session) bool {
	i := slices.Index(r.members, s)
	if i < 0 {
		return false
	}
	last := len(r.members) - 1
	r.members[i] = r.members[last]
	r.members[last] = nil
	r.members = r.members[:last]
	return true
}

// trouble is why the room's work is not being stored; nil if it is.
func (r *room) trouble() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.quarantine != nil {
		return nil // the room's own trouble, not the host's
	}
	return errors.Join(r.delayed, r.failed)
}
