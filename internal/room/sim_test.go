package room

import (
	"bytes"
	"context"
	"errors"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/symphony-rtc/symphony/crdt"
	"github.com/symphony-rtc/symphony/protocol"
)

// The simulation: one seed is one schedule of clients that come, write, drop and return, of commits, failing and slow
// storage, of hosts that are killed or lose the room to another one. Everything runs in one goroutine, so a seed replays.
// What must hold is checked on the way and at the end.

// simStore is a Store whose every step the schedule decides. Committed rows and snapshots survive a kill; the rest does
// not.
type simStore struct {
	t        *testing.T
	epoch    uint64
	snapshot []byte
	through  uint64            // rows up to here are in the snapshot
	rows     map[uint64][]byte // committed and not in the snapshot
	last     uint64
	current  *simHandle
	fail     bool // saves and releases fail
}

type simHandle struct {
	store   *simStore
	epoch   uint64
	events  JournalEvents
	pending []simRow
	fenced  bool
}

type simRow struct {
	seq    uint64
	update []byte
}

func (s *simStore) Open(_ context.Context, _ string, events JournalEvents) (Handle, Stored, error) {
	if s.fail {
		return nil, Stored{}, errors.New("simulated: storage is down")
	}
	s.epoch++
	h := &simHandle{store: s, epoch: s.epoch, events: events}
	s.current = h
	stored := Stored{Epoch: s.epoch, Generation: 1, Snapshot: s.snapshot, LastSeq: s.last}
	for _, seq := range slices.Sorted(maps.Keys(s.rows)) {
		stored.Journal = append(stored.Journal, s.rows[seq])
	}
	return h, stored, nil
}

func (s *simStore) Salvage(context.Context, string) (Stored, error) {
	return Stored{}, errors.New("simulated: there is nothing to salvage")
}

func (s *simStore) Backlog() int {
	if s.current == nil {
		return 0
	}
	return s.current.Backlog()
}

func (h *simHandle) Append(seq uint64, update []byte) {
	if n := len(h.pending); n > 0 && h.pending[n-1].seq+1 != seq {
		h.store.t.Errorf("update %d appended after %d", seq, h.pending[n-1].seq)
	}
	h.pending = append(h.pending, simRow{seq, bytes.Clone(update)})
}

func (h *simHandle) Backlog() int { return len(h.pending) }

// commit makes the first n pending rows durable; an older epoch is fenced instead.
func (h *simHandle) commit(n int) {
	if h.epoch != h.store.epoch {
		h.pending = nil
		if !h.fenced {
			h.fenced = true
			h.events.Fenced()
		}
		return
	}
	if n == 0 || n > len(h.pending) {
		return
	}
	for _, row := range h.pending[:n] {
		h.store.rows[row.seq] = row.update
		h.store.last = row.seq
	}
	h.pending = slices.Clone(h.pending[n:])
	h.events.Committed(h.store.last)
}

func (h *simHandle) Save(_ context.Context, through uint64, snapshot []byte) error {
	switch {
	case h.store.fail:
		return errors.New("simulated: storage is down")
	case h.epoch != h.store.epoch:
		return ErrFenced
	case through > h.store.last:
		h.store.t.Errorf("snapshot through %d, durable is %d", through, h.store.last)
	}
	h.store.snapshot, h.store.through = bytes.Clone(snapshot), through
	maps.DeleteFunc(h.store.rows, func(seq uint64, _ []byte) bool { return seq <= through })
	return nil
}

func (h *simHandle) Release(context.Context) error {
	if h.store.fail {
		return errors.New("simulated: storage is down")
	}
	if len(h.pending) > 0 {
		h.store.t.Error("released with updates that are not durable")
	}
	return nil
}

// document is what a new host would find.
func (s *simStore) document() *crdt.Doc {
	stored := Stored{Snapshot: s.snapshot}
	for _, seq := range slices.Sorted(maps.Keys(s.rows)) {
		stored.Journal = append(stored.Journal, s.rows[seq])
	}
	doc, err := build(stored)
	if err != nil {
		s.t.Fatal(err)
	}
	return doc
}

// simClient is a Yjs client: it appends to a text and keeps a replica.
type simClient struct {
	t       *testing.T
	id      uint64
	doc     *crdt.Doc
	clock   uint64   // of the next character
	updates [][]byte // all it ever made
	session *Session // nil: not connected
	inbox   [][]byte // frames that were sent and are not yet received
	closed  bool     // the room closed the connection

	sent    []span          // what each counted message of this connection carried
	durable uint64          // updates of this connection that were acknowledged
	waiting int             // proposals of initial content that are not answered
	acked   map[uint64]bool // clocks that are acknowledged, on whatever connection
	hello   bool
}

func (c *simClient) Send(frame []byte, _ bool) { c.inbox = append(c.inbox, bytes.Clone(frame)) }

func (c *simClient) Probe() { c.t.Error("probed, though no client ever says it is another") }

func (c *simClient) Close(protocol.CloseCode, string) { c.closed = true }

// span is the clocks from up to, and not including, to.
type span struct{ from, to uint64 }

func newSimClient(t *testing.T, id uint64) *simClient {
	return &simClient{t: t, id: id, doc: crdt.NewDoc(crdt.Options{}), acked: make(map[uint64]bool)}
}

// newUpdate appends one character to the client's run in the text "t": a V1 update written out by hand.
func (c *simClient) newUpdate() []byte {
	b := []byte{1, 1}
	b = appendUint(b, c.id)
	b = appendUint(b, c.clock)
	if c.clock == 0 {
		b = append(b, 4, 1, 1, 't')
	} else {
		b = append(b, 0x84)
		b = appendUint(b, c.id)
		b = appendUint(b, c.clock-1)
	}
	b = append(b, 1, byte('a'+c.clock%26), 0)
	c.clock++
	c.updates = append(c.updates, b)
	return b
}

func appendUint(b []byte, v uint64) []byte {
	for v >= 0x80 {
		b = append(b, byte(v)|0x80)
		v >>= 7
	}
	return append(b, byte(v))
}

// say sends one message. It is what the gateway does: a refusal ends the connection.
func (c *simClient) say(f protocol.Frame) {
	buf := append(make([]byte, protocol.HeaderRoom), f.Payload()...)
	if err := c.session.Receive(protocol.FrameAt(buf, protocol.HeaderRoom, len(buf))); err != nil {
		var why *protocol.CloseError
		if !errors.As(err, &why) || why.Code.Final() {
			c.t.Errorf("client %d: %v", c.id, err)
		}
		c.closed = true
	}
}

// countedUpdate sends a message that the room counts. After step 2 the room has all that the client ever wrote; an
// update alone says nothing about what was written before.
func (c *simClient) countedUpdate(step protocol.SyncStep, update []byte) {
	carried := span{c.clock - 1, c.clock}
	if step == protocol.SyncStep2 {
		carried.from = 0
	}
	c.sent = append(c.sent, carried)
	c.say(protocol.SyncFrame(step, update))
}

func (c *simClient) connect(h *Host) {
	c.sent, c.durable, c.waiting, c.hello, c.closed, c.inbox = nil, 0, 0, false, false, nil
	s, err := h.Join(context.Background(), "room", c, JoinOptions{Symphony: true})
	if err != nil {
		return
	}
	c.session = s
	c.say(protocol.SyncFrame(protocol.SyncStep1, c.doc.StateVector()))
}

func (c *simClient) disconnect() {
	if c.session != nil {
		c.session.Leave()
	}
	c.session, c.inbox = nil, nil
}

// hear takes the next message, if there is one.
func (c *simClient) hear() {
	if c.session == nil || len(c.inbox) == 0 {
		return
	}
	frame := c.inbox[0]
	c.inbox = c.inbox[1:]
	payload := frame[2:]
	switch frame[1] {
	case 126:
		payload = frame[4:]
	case 127:
		payload = frame[10:]
	}
	if (payload[0] == byte(protocol.TypeHello)) == c.hello {
		c.t.Errorf("client %d: hello is not the first message, or comes twice", c.id)
	}
	switch protocol.Type(payload[0]) {
	case protocol.TypeHello:
		c.hello = true
	case protocol.TypeDurable:
		n, shift := uint64(0), 0
		for _, b := range payload[1:] {
			n |= uint64(b&0x7f) << shift
			shift += 7
		}
		if n < c.durable || n > uint64(len(c.sent)) {
			c.t.Errorf("client %d: durable %d after %d of %d", c.id, n, c.durable, len(c.sent))
			return
		}
		for _, carried := range c.sent[c.durable:n] {
			for clock := carried.from; clock < carried.to; clock++ {
				c.acked[clock] = true
			}
		}
		c.durable = n
	case protocol.TypeInitial:
		if c.waiting--; c.waiting < 0 {
			c.t.Errorf("client %d: an answer to no proposal", c.id)
		}
	case protocol.TypeSync:
		m, err := protocol.Parse(payload)
		if err != nil {
			c.t.Fatal(err)
		}
		if m.Step == protocol.SyncStep1 {
			update, err := c.doc.EncodeStateAsUpdate(m.Body)
			if err != nil {
				c.t.Fatal(err)
			}
			c.countedUpdate(protocol.SyncStep2, update)
			return
		}
		if _, err := c.doc.ApplyUpdate(m.Body); err != nil {
			c.t.Fatal(err)
		}
	}
}

// propose offers initial content.
func (c *simClient) propose(id uint64) {
	if c.session == nil || c.closed {
		return
	}
	c.waiting++
	update := content(id)
	c.say(simInitial(update))
}

func simInitial(update []byte) protocol.Frame {
	payload := append([]byte{byte(protocol.TypeInitial), byte(len(update))}, update...)
	buf := append(make([]byte, protocol.HeaderRoom), payload...)
	return protocol.FrameAt(buf, protocol.HeaderRoom, len(buf))
}

// write makes a change and sends it if connected.
func (c *simClient) write() {
	update := c.newUpdate()
	if _, err := c.doc.ApplyUpdate(update); err != nil {
		c.t.Fatal(err)
	}
	if c.session != nil && !c.closed {
		c.countedUpdate(protocol.SyncUpdate, update)
	}
}

// sim is a running schedule.
type sim struct {
	t       *testing.T
	rng     *rand.Rand
	store   *simStore
	now     time.Time
	jobs    []func()
	host    *Host
	clients []*simClient
	edits   uint64
}

func (s *sim) newHost() {
	s.jobs = nil
	s.host = newHost(s.store, Options{Grace: 2 * time.Second, SnapshotEvery: 5 * time.Second})
	s.host.now = func() time.Time { return s.now }
	s.host.spawn = func(job func()) { s.jobs = append(s.jobs, job) }
	s.host.start = func(load func()) { load() }
}

// settled reports whether a join would be answered without waiting: the simulation has one goroutine.
func (s *sim) settled() bool {
	r := s.host.get("room")
	return r == nil || r.phase != releasing && r.evicting == nil
}

// manage is what the server does with the room: an edit of its own, or an eviction.
func (s *sim) manage() {
	r := s.host.get("room")
	if r == nil || r.phase != open {
		return
	}
	switch s.rng.IntN(3) {
	case 0:
		r.evict(s.now, protocol.Closef(protocol.CloseRestarting, "evicted"))
	case 1:
		r.stay()
	default:
		s.edits++
		id := 1<<30 + s.edits
		_, _, err := r.change(func(_ *crdt.Doc, blank bool) ([]byte, error) {
			if blank {
				id += initialIDs << 20
			}
			return content(id), nil
		})
		if err != nil {
			s.t.Error(err)
		}
	}
}

func (s *sim) step() {
	c := s.clients[s.rng.IntN(len(s.clients))]
	if c.closed {
		c.disconnect()
	}
	switch p := s.rng.IntN(100); {
	case p < 20:
		c.write()
	case p < 22:
		s.manage()
	case p < 24:
		s.edits++
		c.propose(initialIDs<<20 + s.edits)
	case p < 25:
		s.runJob()
	case p < 60:
		c.hear()
	case p < 66:
		if c.session == nil && s.settled() {
			c.connect(s.host)
		}
	case p < 71:
		c.disconnect()
	case p < 72:
		for _, c := range s.clients {
			c.disconnect()
		}
	case p < 87:
		if h := s.store.current; h != nil && !s.store.fail {
			h.commit(s.rng.IntN(len(h.pending) + 1))
		}
	case p < 93:
		s.runJob()
	case p < 97:
		s.now = s.now.Add(time.Duration(s.rng.IntN(4000)) * time.Millisecond)
		s.host.tick()
	case p < 98:
		s.store.fail = !s.store.fail
	case p < 99:
		s.kill()
	default:
		s.steal()
	}
}

func (s *sim) runJob() {
	if len(s.jobs) > 0 {
		i := s.rng.IntN(len(s.jobs))
		job := s.jobs[i]
		s.jobs = slices.Delete(s.jobs, i, i+1)
		job()
	}
}

// kill ends the host as SIGKILL would, and checks that nothing acknowledged went with it.
func (s *sim) kill() {
	for _, c := range s.clients {
		c.session, c.inbox = nil, nil
	}
	s.store.current = nil
	s.checkAcknowledged()
	s.newHost()
}

// steal lets another host open the room while this one has it.
func (s *sim) steal() {
	if s.store.fail || s.store.current == nil {
		return
	}
	old := s.store.current
	other := newHost(s.store, Options{})
	other.now, other.spawn, other.start = s.host.now, func(func()) {}, func(load func()) { load() }
	probe := newSimClient(s.t, 1<<40)
	probe.connect(other)
	old.commit(1) // the old host tries to write, and learns
	for _, c := range s.clients {
		c.disconnect()
	}
	if r := s.host.get("room"); r != nil {
		s.t.Error("a fenced room is still served")
	}
	s.store.current = nil
	s.checkAcknowledged()
	s.newHost()
}

// checkAcknowledged checks that the store has every acknowledged character: with those added that are not
// acknowledged, nothing may be missing. (What is stored may wait for what is not: then it is not in a state vector.)
func (s *sim) checkAcknowledged() {
	doc := s.store.document()
	for _, c := range s.clients {
		for clock, update := range c.updates {
			if c.acked[uint64(clock)] {
				continue
			}
			if _, err := doc.ApplyUpdate(update); err != nil {
				s.t.Fatal(err)
			}
		}
	}
	sv := stateVector(doc)
	for _, c := range s.clients {
		if sv[c.id] != c.clock {
			s.t.Errorf("client %d: %d of %d updates are acknowledged, but update %d is not stored",
				c.id, len(c.acked), c.clock, sv[c.id])
		}
	}
}

func stateVector(doc *crdt.Doc) map[uint64]uint64 {
	b := doc.StateVector()
	next := func() uint64 {
		v, shift := uint64(0), 0
		for {
			c := b[0]
			b = b[1:]
			v |= uint64(c&0x7f) << shift
			shift += 7
			if c < 0x80 {
				return v
			}
		}
	}
	sv := make(map[uint64]uint64)
	for range next() {
		client := next()
		sv[client] = next()
	}
	return sv
}

// finish lets everything settle: all connect, all is committed and heard.
func (s *sim) finish() {
	s.store.fail = false
	for range 3 {
		for _, c := range s.clients {
			if c.closed {
				c.disconnect()
			}
		}
		if r := s.host.get("room"); r != nil {
			r.stay()
		}
		for len(s.jobs) > 0 {
			s.runJob()
		}
		for _, c := range s.clients {
			if c.session == nil {
				c.connect(s.host)
			}
		}
		for busy := true; busy; {
			busy = false
			for _, c := range s.clients {
				for len(c.inbox) > 0 {
					c.hear()
					busy = true
				}
			}
			if h := s.store.current; h != nil && len(h.pending) > 0 {
				h.commit(len(h.pending))
				busy = true
			}
		}
	}
	begun := 0
	for id := range stateVector(s.store.document()) {
		if id >= initialIDs<<20 {
			begun++
		}
	}
	if begun > 1 {
		s.t.Errorf("I-ONCE: the room has the initial content of %d", begun)
	}
	want, err := s.store.document().EncodeStateAsUpdate(nil)
	if err != nil {
		s.t.Fatal(err)
	}
	for _, c := range s.clients {
		got, err := c.doc.EncodeStateAsUpdate(nil)
		if err != nil {
			s.t.Fatal(err)
		}
		if !bytes.Equal(got, want) {
			s.t.Errorf("client %d has % x, the store % x", c.id, got, want)
		}
		if c.session == nil || c.durable != uint64(len(c.sent)) {
			s.t.Errorf("client %d: %d of %d updates acknowledged at the end", c.id, c.durable, len(c.sent))
		}
		if sv := stateVector(c.doc); sv[c.id] != c.clock {
			s.t.Errorf("client %d lost its own work: %d of %d", c.id, sv[c.id], c.clock)
		}
		c.disconnect()
	}
	for range 5 {
		for len(s.jobs) > 0 {
			s.runJob()
		}
		s.now = s.now.Add(time.Minute)
		s.host.tick()
	}
	if s.host.get("room") != nil {
		s.t.Error("the room is open long after the last member left")
	}
	if len(s.store.rows) > 0 {
		s.t.Errorf("%d journal rows are left after the room closed", len(s.store.rows))
	}
}

func simulate(t *testing.T, seed uint64) {
	s := &sim{t: t, rng: rand.New(rand.NewPCG(seed, 1)), now: time.Unix(1e9, 0)}
	s.store = &simStore{t: t, rows: make(map[uint64][]byte)}
	s.newHost()
	for i := range 2 + s.rng.IntN(4) {
		s.clients = append(s.clients, newSimClient(t, uint64(10+i)))
	}
	for range 300 {
		s.step()
		if t.Failed() {
			return
		}
	}
	s.finish()
}

func TestSimulation(t *testing.T) {
	seeds := 5000
	if testing.Short() {
		seeds = 300
	}
	for seed := range uint64(seeds) {
		simulate(t, seed)
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
}
