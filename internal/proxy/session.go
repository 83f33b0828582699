package proxy

import (
	"bytes"

	"github.com/symphony-rtc/symphony/protocol"
)

// A session is what a proxy has to know of one client's dialogue with its room to continue it with another host, so that the
// client does not notice. It is a pure state machine: what client and host say goes in, what each is to be told comes out.
// docs/proxy.md has its rules and why they are true. Not safe for concurrent use.
type session struct {
	symphony bool // the client speaks symphony.v1

	// Of the client, since it connected.
	sent      uint64    // updates (sync step 2 and update) that it sent
	asks      []uint64  // its steps 1 that are not answered: for each, the updates sent before it
	durable   uint64    // how many of its updates it was told are durable: every host has them
	vector    []byte    // what its document has at least; nil if it never asked
	own       uint64    // its awareness client id,
	knowsOwn  bool      // if it is known,
	presence  []byte    // and the newest entry of it, empty if there is none
	opened    bool      // a step 1 of a host was passed on, so there is one to be answered
	hello     hello     // that it was told
	told      byte      // the storage state that it was told last
	stale     int       // steps 2 that it owes to hosts before this one
	lost      int       // proposals of initial content that went to hosts before this one, unanswered
	blank     bool      // the newest of them said that the room is new
	begun     bool      // it proposes no initial content any more,
	toldBegun bool      // and was answered that its proposal was not taken
	settled   bool      // what it sent before this host came is on this host
	onHost    hostState // of the host that it is connected to
}

// hostState is what a session knows about the connection to its host.
type hostState struct {
	next      bool     // it is not the client's first
	base      uint64   // updates of the client that this host did not get: the ones before it, and what was cut off
	through   uint64   // what settled it is the host's through-th update
	due       int      // steps 2 that the client owes to this host
	stepped   bool     // its step 1 was passed on
	expect    []answer // for each step 1 that it was sent and has not answered
	deferred  int      // of session.asks, how many of the last were not passed on
	vector    []byte   // of its step 1, until its first answer came
	storage   []byte   // what it says of storage, until its step 1 was passed on
	proposals int      // that it was sent and did not answer
}

// answer says what is made of a host's step 2.
type answer bool

const (
	forAsk   answer = true  // it answers the client's oldest step 1
	asUpdate answer = false // the client did not ask: it gets it as an update
)

// hello is what the first message of a host says that must not change under a client.
type hello struct {
	seen       bool
	generation uint64
	permission byte
	maxMessage uint64
}

// maxAsks is how many unanswered steps 1 a client may have; no client has more than a few.
const maxAsks = 1000

// storageFull is the storage state in which clients hold back their changes.
const storageFull = byte(protocol.StorageFull)

// maxPresence is the longest presence that is kept for a switch, in bytes; the client renews it within 15 s anyway.
const maxPresence = 64 << 10

// fromClient takes a message from the client. It says whether the message is to be passed on to the host, and which frames
// after it. An error ends the connection.
func (s *session) fromClient(m *message) (pass bool, after [][]byte, err error) {
	switch {
	case m.isUpdate():
		s.sent++
		if m.step == protocol.SyncStep2 {
			return true, s.answered(), nil
		}
	case m.typ == protocol.TypeSync:
		if pass, err = s.ask(m.body()); err != nil || !pass {
			return false, nil, err
		}
	case m.typ == protocol.TypeAwareness:
		s.notePresence(m.body())
	case m.typ == protocol.TypeInitial:
		s.onHost.proposals++
	}
	return true, nil, nil
}

// fromClientLost takes a message of the client that no host got whole, and that fromClient did not see. It returns what the host is
// sent in its place.
func (s *session) fromClientLost(m *message) (instead [][]byte) {
	switch {
	case m.isUpdate():
		s.sent++
		s.onHost.base++
		if m.step == protocol.SyncStep2 && s.stale > 0 {
			s.stale--
		}
	case m.typ == protocol.TypeSync && len(s.asks) < maxAsks:
		s.vector = mergeVectors(s.vector, nil)
		s.asks = append(s.asks, s.sent)
		if s.sent <= s.durable { // one that may only read never settles anything
			return [][]byte{s.question(forAsk)}
		}
		s.onHost.deferred++
	case m.typ == protocol.TypeInitial:
		s.lost++
	}
	return nil
}

// ask notes a step 1 of the client. It is not passed on as long as its answer would prove too much: that the host has what
// the client sent before.
func (s *session) ask(vector []byte) (pass bool, err error) {
	h := &s.onHost
	if len(s.asks) >= maxAsks {
		return false, protocol.Closef(protocol.CloseRestarting, "too many unanswered requests")
	}
	s.asks = append(s.asks, s.sent)
	s.vector = mergeVectors(s.vector, vector)
	if h.next && !s.settled && s.sent > s.durable {
		h.deferred++
		return false, nil
	}
	h.expect = append(h.expect, forAsk)
	return true, nil
}

// answered notes a step 2 of the client and returns the questions that it was waited with for.
func (s *session) answered() (after [][]byte) {
	h := &s.onHost
	switch {
	case s.stale > 0:
		s.stale--
		return nil
	case h.due == 0:
		return nil // not one that somebody asked for
	}
	h.due--
	if !h.next || s.settled {
		return nil
	}
	s.settled, h.through = true, s.sent-h.base
	for ; h.deferred > 0; h.deferred-- {
		after = append(after, s.question(forAsk))
	}
	return after
}

// owesAnswer reports whether something waits for the client's answer to the step 1 of a host that is not its first.
func (s *session) owesAnswer() bool {
	h := &s.onHost
	return h.next && h.stepped && !s.settled && !s.holdsBack() && s.mayWrite() && (s.symphony && s.sent > s.durable || h.deferred > 0)
}

// question returns a step 1 in the client's name.
func (s *session) question(what answer) []byte {
	s.onHost.expect = append(s.onHost.expect, what)
	return masked(protocol.SyncFrame(protocol.SyncStep1, s.vector).Bytes())
}

func (s *session) notePresence(update []byte) {
	entry, client, gone, found := ownEntry(update, s.own, s.knowsOwn)
	switch {
	case !found:
	case gone, len(entry) > maxPresence:
		s.presence = s.presence[:0]
	default:
		s.own, s.knowsOwn = client, true
		s.presence = append(s.presence[:0], entry...)
	}
}

// leaveHost notes that the host is gone, and everything with it that it had not answered.
func (s *session) leaveHost() {
	h := &s.onHost
	s.stale += h.due
	s.lost += h.proposals
	s.settled = false
	*h = hostState{next: true, base: s.sent, expect: h.expect[:0], deferred: len(s.asks)}
}

// begin returns what a host is sent before anything else: nothing if the client itself has not yet spoken to one.
func (s *session) begin() (frames [][]byte) {
	h := &s.onHost
	if !h.next {
		return nil
	}
	if s.vector != nil { // it asked once
		asked := false
		for h.deferred > 0 && s.asks[len(s.asks)-h.deferred] <= s.durable {
			h.deferred--
			frames = append(frames, s.question(forAsk))
			asked = true
		}
		if !asked && (s.opened || h.deferred == 0) {
			frames = append(frames, s.question(asUpdate))
		}
	}
	if len(s.presence) > 0 {
		frames = append(frames, masked(protocol.AwarenessFrame(append([]byte{1}, s.presence...)).Bytes()))
	}
	return frames
}

// verdict is what becomes of a message from the host.
type verdict struct {
	pass  bool     // it is passed on, perhaps changed in place
	after [][]byte // frames that the client is sent after it, or instead
}

// fromHost takes a message of the host. An error ends the client's connection.
func (s *session) fromHost(m *message) (v verdict, err error) {
	switch m.typ {
	case protocol.TypeSync:
		switch m.step {
		case protocol.SyncStep1:
			return s.hostAsks(m.body()), nil
		case protocol.SyncStep2:
			return s.hostAnswers(m), nil
		}
	case protocol.TypeHello:
		return s.greeting(m.payload)
	case protocol.TypeDurable:
		return s.tellDurable(m.payload), nil
	case protocol.TypeStorage:
		return s.storage(m.payload), nil
	case protocol.TypeInitial:
		s.onHost.proposals = max(s.onHost.proposals-1, 0)
	}
	return verdict{pass: true}, nil
}

// greeting passes the first hello on, and hides all others: as long as they say the same.
func (s *session) greeting(payload []byte) (verdict, error) {
	now, ok := readHello(payload)
	switch {
	case !ok || !s.hello.seen:
		s.hello = now
		return verdict{pass: true}, nil
	case now != s.hello:
		return verdict{}, protocol.Closef(protocol.CloseRestarting, "the room is not what it was: reconnect")
	}
	return verdict{}, nil
}

func readHello(p []byte) (h hello, ok bool) {
	if p == nil {
		return h, false
	}
	_, at, ok := readBytes(p, 1)
	if !ok {
		return h, false
	}
	if h.generation, at, ok = readVarUint(p, at); !ok || at == len(p) {
		return h, false
	}
	h.permission = p[at]
	h.maxMessage, _, ok = readVarUint(p, at+1)
	h.seen = ok
	return h, ok
}

// hostAsks passes the host's step 1 on: what the client answers contains all that this host lacks.
func (s *session) hostAsks(vector []byte) (v verdict) {
	h := &s.onHost
	if h.stepped {
		// A host's second one is its last: it lets go of the room, and says what the client has by now if it had been answered
		// before (docs/protocol.md, M-LAST). The next host is asked only for what came after it.
		if s.vector != nil && h.vector == nil && len(h.expect) == 0 {
			s.vector = mergeVectors(s.vector, vector)
		}
		return verdict{}
	}
	v.pass = true
	s.opened, h.stepped, h.vector = true, true, emptyVector
	if len(vector) > 0 && len(vector) <= maxVector { // else no lower bound is known, but that it greeted
		h.vector = bytes.Clone(vector)
	}
	s.blank = len(vector) == 1
	if !s.holdsBack() {
		s.expectAnswer()
	}
	if !h.next {
		return v
	}
	// Only now, because a client that held back answers the newest step 1 when it is told.
	switch {
	case h.storage != nil:
		s.tell(h.storage[1])
		v.after = append(v.after, framed(h.storage))
		h.storage = nil
	case s.told != 0:
		s.tell(0)
		v.after = append(v.after, protocol.StorageFrame(protocol.StorageFine, "").Bytes())
	}
	v.after = append(v.after, s.begins()...)
	return v
}

// expectAnswer notes that the client is about to send a step 2. When it does it also proposes initial content if it wants to and
// the room is new; if the room is not, it never will.
func (s *session) expectAnswer() {
	if !s.mayWrite() {
		return
	}
	s.onHost.due++
	switch {
	case !s.blank:
		s.begun = true
	case !s.begun:
		s.lost = 0 // it proposes again
	}
}

// begins answers the proposals that went to other hosts, if the client makes no more. It may wait for an answer although it is not known
// to have proposed, because it held back; so one that did not propose may get an answer too, and ignores it.
func (s *session) begins() (frames [][]byte) {
	h := &s.onHost
	if !s.symphony || !s.begun || s.toldBegun || !h.next || !h.stepped || h.vector != nil {
		return nil
	}
	s.toldBegun = true
	for range max(s.lost, 1) {
		frames = append(frames, protocol.InitialFrame(false).Bytes())
	}
	s.lost = 0
	return frames
}

func (s *session) holdsBack() bool { return s.told == storageFull }

func (s *session) mayWrite() bool { return !s.hello.seen || s.hello.permission != 0 }

// tell notes a storage state that the client is told. One that held back its changes then sends a step 2, if there is a step
// 1 to be answered.
func (s *session) tell(state byte) {
	held := s.holdsBack()
	s.told = state
	switch {
	case !held && s.holdsBack():
		s.blank = false // if no other step 1 comes, it answers with what it changed since now
	case held && !s.holdsBack() && s.opened:
		s.expectAnswer()
	}
}

func (s *session) storage(payload []byte) verdict {
	if len(payload) < 2 {
		return verdict{pass: true}
	}
	if h := &s.onHost; h.next && !h.stepped {
		h.storage = bytes.Clone(payload)
		return verdict{}
	}
	s.tell(payload[1])
	return verdict{pass: true, after: s.begins()}
}

// hostAnswers passes a step 2 on: as one if the client asked and its answer proves no more than is true, else as an update.
func (s *session) hostAnswers(m *message) (v verdict) {
	h := &s.onHost
	v.pass = true
	what := asUpdate
	if len(h.expect) > 0 {
		what = h.expect[0]
		h.expect = append(h.expect[:0], h.expect[1:]...)
	}
	if what == forAsk && len(s.asks) > 0 {
		s.asks = append(s.asks[:0], s.asks[1:]...)
	} else {
		m.setStep(protocol.SyncUpdate)
	}
	if h.vector != nil { // the client has now at least what the host had when it greeted
		s.vector = mergeVectors(s.vector, h.vector)
		h.vector = nil
	}
	v.after = s.begins()
	return v
}

// tellDurable passes on how many updates are durable, in the client's count, and only when all before this host are known to be.
func (s *session) tellDurable(payload []byte) verdict {
	h := &s.onHost
	n, _, ok := readVarUint(payload, 1)
	switch {
	case ok && !h.next:
		s.durable = n
		return verdict{pass: true}
	case !ok || !s.settled || n < h.through:
		return verdict{}
	}
	s.durable = h.base + n
	f := protocol.AppendDurable(protocol.NewFrame(1+9), s.durable)
	return verdict{after: [][]byte{f.Bytes()}}
}

// greeted reports whether the client was sent anything, so that something that means nothing may follow.
func (s *session) greeted() bool { return !s.symphony || s.hello.seen }
