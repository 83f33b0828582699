package room

import (
	"bytes"
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/symphony-rtc/symphony/crdt"
	"github.com/symphony-rtc/symphony/crdt/lib0"
	"github.com/symphony-rtc/symphony/protocol"
)

// person is a symphony.v1 client in a goroutine of its own, with all that lies between it and its server.
type person struct {
	w   *world
	rng *rand.Rand

	// Kept over connections.
	doc        *crdt.Doc
	author     *author
	generation uint64 // that the document belongs to; 0: not known yet
	deleted    []charID

	// Of one connection.
	session  *Session
	line     *line
	hello    bool
	readOnly bool
	sent     []message // what each counted message carried
	durable  uint64
	proposed []uint64 // client ids of initial content that is not answered yet
}

// message is what is durable when a counted message is acknowledged.
type message struct {
	from, to uint64 // clocks
	deleted  []charID
}

// line is a Member: what the room sends waits here until the person listens.
type line struct {
	mu     sync.Mutex
	queue  [][]byte
	closed bool
	w      *world
	left   bool // Session.Leave returned
}

func (l *line) Send(frame []byte, _ bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.left {
		l.w.t.Error("something was sent to somebody who left")
	}
	at := map[byte]int{126: 4, 127: 10}[frame[1]]
	l.queue = append(l.queue, bytes.Clone(frame[max(at, 2):]))
}

func (l *line) Probe() { l.w.t.Error("probed, though nobody says it is somebody else") }

func (l *line) Close(protocol.CloseCode, string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.left {
		l.w.t.Error("somebody who left was closed")
	}
	l.closed = true
}

func (l *line) isClosed() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.closed
}

func (l *line) next() []byte {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.queue) == 0 {
		return nil
	}
	frame := l.queue[0]
	l.queue = l.queue[1:]
	return frame
}

func (w *world) newPerson(n uint64) *person {
	p := &person{w: w, rng: rand.New(rand.NewPCG(w.seed, 100+n))}
	p.forget()
	return p
}

// forget is what closing a tab does: what was not acknowledged is gone, and what was acknowledged has to be there all the same.
func (p *person) forget() {
	p.doc, p.author, p.generation, p.deleted = crdt.NewDoc(crdt.Options{}), newAuthor(p.w.books.newID()), 0, nil
}

// live does one thing after the other until the world stops.
func (p *person) live() {
	for !p.w.over.Load() {
		time.Sleep(time.Duration(p.rng.IntN(200_000_000)))
		p.act()
	}
}

func (p *person) act() {
	if p.session != nil && p.line.isClosed() {
		p.disconnect()
	}
	n := p.rng.IntN(100)
	switch {
	case p.session == nil && n < 45:
		p.connect(time.Duration(p.rng.IntN(3_000_000_000)))
	case n < 30:
		if p.w.polite && len(stateVector(p.doc)) == 0 {
			p.propose()
			return
		}
		p.write()
	case n < 38:
		p.erase()
	case n < 90:
		for range p.rng.IntN(8) {
			p.hear()
		}
	case n < 93:
		p.propose()
	case n < 98:
		p.disconnect()
	default:
		p.disconnect()
		p.forget()
	}
}

func (p *person) connect(patience time.Duration) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	p.line = &line{w: p.w}
	p.hello, p.readOnly, p.sent, p.durable, p.proposed = false, false, nil, 0, nil
	n := p.w.pick(p.rng)
	p.w.count("joined while " + n.phase())
	s, err := n.host.Join(ctx, "room", p.line, JoinOptions{Symphony: true})
	if err != nil {
		p.refused(err)
		if ctx.Err() != nil {
			p.w.count("lost patience joining")
		}
		return
	}
	n.lines.add(p.line)
	p.session = s
}

// refused checks that an error is one that a client may meet.
func (p *person) refused(err error) {
	var why *protocol.CloseError
	switch {
	case !errors.As(err, &why):
		p.w.t.Errorf("an error without a close code: %v", err)
	case why.Code == protocol.CloseDeleted:
		p.w.count("told that the room is deleted")
	case why.Code == protocol.CloseInternal, why.Code.Final():
		p.w.t.Errorf("refused: %v", why)
	}
}

func (p *person) disconnect() {
	if p.session == nil {
		return
	}
	p.session.Leave()
	p.session = nil
	p.line.mu.Lock()
	defer p.line.mu.Unlock()
	p.line.left = true
}

// say sends a message; a refusal ends the connection, as the gateway would.
func (p *person) say(f protocol.Frame) {
	buf := append(make([]byte, protocol.HeaderRoom), f.Payload()...)
	if err := p.session.Receive(protocol.FrameAt(buf, protocol.HeaderRoom, len(buf))); err != nil {
		p.refused(err)
		p.disconnect()
	}
}

// mayWrite reports whether changes can be sent: not before hello told whose document the room has.
func (p *person) mayWrite() bool {
	return p.session != nil && p.hello && !p.readOnly && !p.line.isClosed()
}

func (p *person) write() {
	update := p.w.books.append(p.author)
	apply(p.w.t, p.doc, update)
	if p.mayWrite() {
		n := uint64(len(p.author.updates))
		p.sent = append(p.sent, message{from: n - 1, to: n})
		p.say(protocol.SyncFrame(protocol.SyncUpdate, update))
	}
}

// erase deletes any character that the person sees.
func (p *person) erase() {
	sv := stateVector(p.doc)
	ids := make([]uint64, 0, len(sv))
	for id := range sv {
		ids = append(ids, id)
	}
	if len(ids) == 0 {
		return
	}
	slices.Sort(ids)
	id := charID{client: ids[p.rng.IntN(len(ids))]}
	id.clock = p.rng.Uint64N(sv[id.client])
	update := deletion(id)
	apply(p.w.t, p.doc, update)
	p.deleted = append(p.deleted, id)
	if p.mayWrite() {
		p.sent = append(p.sent, message{deleted: []charID{id}})
		p.say(protocol.SyncFrame(protocol.SyncUpdate, update))
	}
}

// propose offers initial content, new each time.
func (p *person) propose() {
	if !p.mayWrite() {
		return
	}
	id := initialIDs + p.w.books.newID()
	p.proposed = append(p.proposed, id)
	frame := protocol.NewFrame(64)
	payload := lib0.AppendBytes(append(frame.Payload(), byte(protocol.TypeInitial)), content(id))
	p.say(protocol.FrameAt(append(make([]byte, protocol.HeaderRoom), payload...), protocol.HeaderRoom, protocol.HeaderRoom+len(payload)))
}

// hear takes the next message, if there is one.
func (p *person) hear() {
	if p.session == nil {
		return
	}
	payload := p.line.next()
	if payload == nil {
		return
	}
	body := payload[1:]
	switch typ := protocol.Type(payload[0]); {
	case p.hello == (typ == protocol.TypeHello):
		p.w.t.Error("hello is not the first message, or comes twice")
	case typ == protocol.TypeHello:
		p.greeted(body)
	case typ == protocol.TypeDurable:
		n, _ := readUint(body)
		p.acknowledged(n)
	case typ == protocol.TypeInitial:
		p.answered(body[0] == 1)
	case typ == protocol.TypeStorage:
		p.w.count([]string{"told that storage is fine", "told that storage is delayed", "told that storage is full"}[body[0]])
	case typ == protocol.TypeSync:
		p.sync(payload)
	}
}

func readUint(b []byte) (v uint64, rest []byte) {
	for shift := 0; ; shift += 7 {
		c := b[0]
		b = b[1:]
		v |= uint64(c&0x7f) << shift
		if c < 0x80 {
			return v, b
		}
	}
}

func (p *person) greeted(hello []byte) {
	n, rest := readUint(hello)
	generation, rest := readUint(rest[n:])
	p.hello, p.readOnly = true, rest[0] == 0
	if p.generation != 0 && p.generation != generation {
		p.w.count("started over")
		p.forget()
	}
	p.generation = generation
	p.w.books.note(generation, func(b *book) { b.authors[p.author.id] = p.author })
	p.say(protocol.SyncFrame(protocol.SyncStep1, p.doc.StateVector()))
}

func (p *person) acknowledged(n uint64) {
	if n < p.durable || n > uint64(len(p.sent)) {
		p.w.t.Errorf("durable %d after %d of %d", n, p.durable, len(p.sent))
		return
	}
	p.w.books.note(p.generation, func(b *book) {
		for _, m := range p.sent[p.durable:n] {
			for clock := m.from; clock < m.to; clock++ {
				p.author.acked[clock] = true
			}
			for _, id := range m.deleted {
				b.deleted[id] = true
			}
		}
	})
	p.durable = n
}

func (p *person) answered(taken bool) {
	if len(p.proposed) == 0 {
		p.w.t.Error("an answer to no proposal")
		return
	}
	id := p.proposed[0]
	p.proposed = p.proposed[1:]
	if !taken {
		p.w.count("proposed too late")
		return
	}
	p.w.count("proposed what was taken")
	p.w.books.note(p.generation, func(b *book) { b.initial = append(b.initial, id) })
	if stateVector(p.doc)[id] == 0 {
		p.w.t.Error("I-ORDER: the answer came before the content")
	}
}

func (p *person) sync(payload []byte) {
	m, err := protocol.Parse(payload)
	if err != nil {
		p.w.t.Error(err)
		return
	}
	if m.Step != protocol.SyncStep1 {
		apply(p.w.t, p.doc, m.Body)
		return
	}
	update, err := p.doc.EncodeStateAsUpdate(m.Body)
	if err != nil {
		p.w.t.Error(err)
		return
	}
	if !p.readOnly {
		p.sent = append(p.sent, message{to: uint64(len(p.author.updates)), deleted: slices.Clone(p.deleted)})
	}
	p.say(protocol.SyncFrame(protocol.SyncStep2, update))
}

// settled reports whether the person is connected and nothing is left to say or hear.
func (p *person) settled() bool {
	return p.mayWrite() && p.durable == uint64(len(p.sent)) && len(p.proposed) == 0
}
