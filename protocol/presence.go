package protocol

import (
	"slices"
	"time"

	"github.com/symphony-rtc/symphony/crdt/lib0"
)

// MaxPresenceClients is how many client ids one connection can speak for: a bound on what it makes a room remember.
const MaxPresenceClients = 1024

// OutdatedAfter is the age at which a presence state is dropped: y-protocols 1.0.7 awareness.js, outdatedTimeout.
// Clients renew theirs every half of it.
const OutdatedAfter = 30 * time.Second

// forgetAfter is how long the clock of a client that left is remembered. Nobody needs it longer than a connection can
// be half dead; it is generous because it costs little.
const forgetAfter = 10 * time.Minute

// Presence is what a room knows of the people in it: one JSON state per client id, by the clock rules of
// y-protocols 1.0.7 awareness.js and one rule more: while the connection that speaks for a client id lives, no other
// can change or remove that id's state (rule P-OWNER in docs/protocol.md).
//
// The zero Presence is empty and ready. Not safe for concurrent use.
type Presence struct {
	clients map[uint64]*presence
	changed []uint64 // scratch of Apply
}

// presence is what is known of one client id. A client that left stays, with a nil state: its clock still counts.
type presence struct {
	clock   uint64
	state   []byte // JSON; nil: left
	updated time.Time
	speaker *Speaker // nil: the connection is gone
}

// Speaker is a connection, as Presence sees it: the client ids that it speaks for. The zero Speaker is ready.
type Speaker struct {
	own       uint64 // the id that the connection announced first: its own
	announced bool
	clients   []uint64
}

// Change is the outcome of Presence.Apply.
type Change struct {
	Clients []uint64 // ids of the entries that were accepted; valid until the next call
	Whole   bool     // every entry was: the update can be relayed as it came

	// Nudge says that the sender may be client NudgeID, coming back over a new connection with a clock at which others
	// remember it as gone. Told that it left (AppendLeft), a client that is there raises its clock and announces itself
	// again (y-protocols: "never let a remote client remove this local state"); anybody else ignores it.
	Nudge   bool
	NudgeID uint64

	// Contested is a connection that speaks for an id as its own which the sender says is its own: most likely the same
	// client before its network changed, half dead. Whether it lives has to be found out; until then it keeps the id.
	Contested *Speaker
}

// Apply takes an awareness update from a connection. A malformed update is an error and changes nothing.
func (p *Presence) Apply(from *Speaker, update []byte, now time.Time) (Change, error) {
	entries, err := checkAwareness(update)
	if err != nil {
		return Change{}, err
	}
	p.changed = p.changed[:0]
	var change Change
	_, at, _ := readVarUint(update, 0)
	for range entries {
		var e awarenessEntry
		e, at, _ = readAwarenessEntry(update, at)
		switch p.set(from, e, entries == 1, now) {
		case accepted:
			p.changed = append(p.changed, e.client)
		case acceptedNudge:
			p.changed = append(p.changed, e.client)
			change.Nudge, change.NudgeID = true, e.client
		case ignoredNudge:
			change.Nudge, change.NudgeID = true, e.client
		case contested:
			change.Contested = p.clients[e.client].speaker
		}
	}
	change.Clients, change.Whole = p.changed, uint64(len(p.changed)) == entries
	return change, nil
}

// SpokenForBy reports whether a connection may speak for a client id: it does, or nobody else does.
func (p *Presence) SpokenForBy(from *Speaker, client uint64) bool {
	known := p.clients[client]
	return known == nil || known.speaker == nil || known.speaker == from
}

// outcome is what became of an entry.
type outcome uint8

const (
	ignored outcome = iota
	accepted
	acceptedNudge // and the sender is to be nudged, see Change.Nudge
	ignoredNudge
	contested // ignored for now, see Change.Contested
)

// set applies one entry. alone says that it was the only one of its update: clients announce themselves so, while what
// they pass on of others may come in any number.
func (p *Presence) set(from *Speaker, e awarenessEntry, alone bool, now time.Time) outcome {
	known := p.clients[e.client]
	if known != nil && known.speaker == from && (e.clock > known.clock || e.clock == known.clock && e.state == nil && known.state != nil) {
		known.update(e, now) // nearly all updates
		return accepted
	}
	first := !from.announced && alone && e.state != nil
	if first {
		from.own, from.announced = e.client, true
	}
	if known == nil {
		if e.state == nil || len(from.clients) >= MaxPresenceClients {
			return ignored
		}
		if p.clients == nil {
			p.clients = make(map[uint64]*presence)
		}
		known = &presence{}
		p.clients[e.client] = known
		known.take(from, e.client)
		known.update(e, now)
		if first && e.clock > 0 {
			return acceptedNudge
		}
		return accepted
	}
	if known.speaker != nil && known.speaker != from {
		switch {
		case !from.announced || from.own != e.client:
			return ignored
		case known.speaker.announced && known.speaker.own == e.client:
			return contested
		}
		known.take(from, e.client)
	}
	switch {
	case e.clock < known.clock:
		return ignored
	case e.clock == known.clock && e.state != nil && known.state == nil:
		return ignoredNudge
	case e.clock == known.clock && (e.state != nil || known.state == nil):
		return ignored
	}
	if known.speaker == nil {
		if len(from.clients) >= MaxPresenceClients {
			return ignored
		}
		known.take(from, e.client)
	}
	known.update(e, now)
	return accepted
}

func (k *presence) update(e awarenessEntry, now time.Time) {
	k.clock, k.updated = e.clock, now
	if e.state == nil {
		k.state = nil
		return
	}
	k.state = append(k.state[:0], e.state...)
}

// take makes from the speaker for client.
func (k *presence) take(from *Speaker, client uint64) {
	if k.speaker != nil {
		if i := slices.Index(k.speaker.clients, client); i >= 0 {
			k.speaker.clients = slices.Delete(k.speaker.clients, i, i+1)
		}
	}
	k.speaker = from
	from.clients = append(from.clients, client)
}

// Leave ends a connection: every client it spoke for has left. It returns the ids of those that were present.
func (p *Presence) Leave(from *Speaker, now time.Time) []uint64 {
	var left []uint64
	for _, client := range from.clients {
		k := p.clients[client]
		k.speaker = nil
		k.updated = now
		if k.state != nil {
			k.state = nil
			left = append(left, client)
		}
	}
	*from = Speaker{}
	return left
}

// Sweep drops states that were not renewed for OutdatedAfter and returns their ids.
func (p *Presence) Sweep(now time.Time) []uint64 {
	var outdated []uint64
	for client, k := range p.clients {
		age := now.Sub(k.updated)
		switch {
		case k.state != nil && age >= OutdatedAfter:
			k.state = nil
			outdated = append(outdated, client)
		case k.state == nil && k.speaker == nil && age >= forgetAfter:
			delete(p.clients, client)
		}
	}
	slices.Sort(outdated)
	return outdated
}

// Len is the number of clients that are present.
func (p *Presence) Len() int {
	n := 0
	for _, k := range p.clients {
		if k.state != nil {
			n++
		}
	}
	return n
}

// AppendAll appends an awareness update with the state of everybody present.
func (p *Presence) AppendAll(b []byte) []byte {
	present := make([]uint64, 0, len(p.clients))
	for client, k := range p.clients {
		if k.state != nil {
			present = append(present, client)
		}
	}
	slices.Sort(present)
	return p.AppendClients(b, present)
}

// AppendClients appends an awareness update with what is known of the given clients, null for those that left. All
// must have been returned by a method of p.
func (p *Presence) AppendClients(b []byte, clients []uint64) []byte {
	b = lib0.AppendUvarint(b, uint64(len(clients)))
	for _, client := range clients {
		k := p.clients[client]
		b = lib0.AppendUvarint(b, client)
		b = lib0.AppendUvarint(b, k.clock)
		if k.state == nil {
			b = lib0.AppendBytes(b, jsonNull)
		} else {
			b = lib0.AppendBytes(b, k.state)
		}
	}
	return b
}

// AppendLeft appends an awareness update that says that a client left, at the clock that is known of it.
func (p *Presence) AppendLeft(b []byte, client uint64) []byte {
	b = lib0.AppendUvarint(b, 1)
	b = lib0.AppendUvarint(b, client)
	b = lib0.AppendUvarint(b, p.clients[client].clock)
	return lib0.AppendBytes(b, jsonNull)
}
