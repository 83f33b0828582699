package proxy

import (
	"slices"
	"testing"

	"github.com/symphony-rtc/symphony/crdt"
	"github.com/symphony-rtc/symphony/crdt/lib0"
	"github.com/symphony-rtc/symphony/protocol"
)

// person is a Yjs client with a real document: a plain one as y-websocket is, or one that speaks symphony.v1 and counts what is
// saved as packages/client/src/connection does. It does no I/O: what it sends goes to send.
type person struct {
	t        testing.TB
	symphony bool
	id       uint64
	send     func(payload []byte)

	doc     *crdt.Doc
	clock   uint64 // of its next character
	initial bool   // it proposes initial content as long as it has to

	// Of one connection, as in connection.ts,
	greeted, answered, synced, readOnly bool
	vector                              []byte
	storage                             byte
	storageTold                         bool
	presenceClock                       uint64
	others                              map[uint64]uint64 // presence of others: client id -> clock
	gone                                map[uint64]bool   // those that are told to have left
	// and save.ts.
	sent, received, durable uint64
	asked                   []uint64
	upTo                    []uint64 // what is there when so many messages with an update are: the clock behind the last
}

func newPerson(t testing.TB, id uint64, symphony bool, send func([]byte)) *person {
	return &person{t: t, id: id, symphony: symphony, send: send, doc: crdt.NewDoc(crdt.Options{}), others: map[uint64]uint64{}, gone: map[uint64]bool{}}
}

// connected begins a connection.
func (p *person) connected() {
	p.greeted, p.answered, p.synced, p.storageTold, p.vector = false, false, false, false, nil
	p.sent, p.received, p.durable, p.asked, p.upTo = 0, 0, 0, nil, nil
	if !p.symphony {
		p.begin()
	}
}

func (p *person) begin() {
	p.greeted = true
	p.ask()
	p.announce()
}

func (p *person) ask() {
	p.asked = append(p.asked, p.sent)
	p.send(protocol.SyncFrame(protocol.SyncStep1, p.doc.StateVector()).Payload())
}

// announce says that the person is here.
func (p *person) announce() {
	p.presenceClock++
	p.send(protocol.AwarenessFrame(awarenessOf(p.id, p.presenceClock, `{"name":"x"}`)).Payload())
}

func awarenessOf(client, clock uint64, state string) []byte {
	return lib0.AppendBytes(lib0.AppendUvarint(lib0.AppendUvarint([]byte{1}, client), clock), []byte(state))
}

// newUpdate appends one character to the person's run in the text "t": a V1 update written out by hand.
func (p *person) newUpdate() []byte {
	b := lib0.AppendUvarint(lib0.AppendUvarint([]byte{1, 1}, p.id), p.clock)
	if p.clock == 0 {
		b = append(b, 4, 1, 1, 't')
	} else {
		b = lib0.AppendUvarint(lib0.AppendUvarint(append(b, 0x84), p.id), p.clock-1)
	}
	b = append(b, 1, byte('a'+p.clock%26), 0)
	p.clock++
	return b
}

// deletion is an update that deletes one of the person's characters.
func (p *person) deletion(clock uint64) []byte {
	return append(lib0.AppendUvarint(append(lib0.AppendUvarint([]byte{0, 1}, p.id), 1), clock), 1)
}

// write types a character, or deletes one.
func (p *person) write(deleted int64) {
	if p.readOnly {
		return
	}
	update := []byte(nil)
	if deleted >= 0 && uint64(deleted) < p.clock {
		update = p.deletion(uint64(deleted))
	} else {
		update = p.newUpdate()
	}
	p.apply(update)
	if p.symphony && !p.answered {
		return // the answer to the server's step 1 will have it
	}
	p.change(protocol.SyncFrame(protocol.SyncUpdate, update).Payload())
}

func (p *person) change(message []byte) {
	p.sent++
	has := uint64(0) // what is sent before the first answer hangs in the air until that comes
	if p.answered {
		has = p.clock
	}
	p.upTo = append(p.upTo, has)
	p.send(message)
}

func (p *person) apply(update []byte) {
	if _, err := p.doc.ApplyUpdate(update); err != nil {
		p.t.Fatalf("person %d got an update that cannot be applied: %v", p.id, err)
	}
}

// receive takes a message.
func (p *person) receive(payload []byte) {
	m, ok := parseHead(payload)
	if !ok {
		p.t.Fatalf("person %d got % x", p.id, payload)
	}
	m.payload = payload
	if p.symphony && !p.greeted && m.typ != protocol.TypeHello {
		p.t.Fatalf("person %d got message %d before hello", p.id, m.typ)
	}
	if m.typ >= protocol.TypeHello && !p.symphony {
		p.t.Fatalf("plain person %d got message %d", p.id, m.typ)
	}
	switch m.typ {
	case protocol.TypeHello:
		if p.greeted {
			p.t.Fatalf("person %d got a second hello", p.id)
		}
		h, _ := readHello(payload)
		p.readOnly = h.permission == 0
		p.begin()
	case protocol.TypeSync:
		switch m.step {
		case protocol.SyncStep1:
			if !p.storageTold {
				p.setStorage(0)
			}
			p.vector = slices.Clone(m.body())
			p.answer()
		case protocol.SyncStep2:
			p.apply(m.body())
			if len(p.asked) > 0 {
				p.received, p.asked = p.asked[0], p.asked[1:]
			}
			p.onAnswer()
		default:
			p.apply(m.body())
		}
	case protocol.TypeAwareness:
		p.seePresence(m.body())
	case protocol.TypeDurable:
		n, _, _ := readVarUint(payload, 1)
		if n > p.sent || n < p.durable {
			p.t.Fatalf("person %d: %d updates are durable after %d, of %d", p.id, n, p.durable, p.sent)
		}
		p.durable = n
	case protocol.TypeStorage:
		p.storageTold = true
		p.setStorage(payload[1])
	case protocol.TypeInitial:
		p.initial = false
		p.onAnswer()
	}
}

func (p *person) onAnswer() { p.synced = p.synced || !p.initial || p.readOnly }

func (p *person) answer() {
	if p.vector == nil {
		return
	}
	if p.symphony && (p.readOnly || p.storage == storageFull) {
		return
	}
	if p.initial {
		if len(p.vector) == 1 {
			p.send(lib0.AppendBytes([]byte{byte(protocol.TypeInitial)}, initialContent))
		} else {
			p.initial = false
		}
	}
	update, err := p.doc.EncodeStateAsUpdate(p.vector)
	if err != nil {
		p.t.Fatal(err)
	}
	p.answered = true
	p.change(protocol.SyncFrame(protocol.SyncStep2, update).Payload())
}

// initialContent is what everybody proposes: one character by client 1.
var initialContent = []byte{1, 1, 1, 0, 4, 1, 1, 't', 1, '!', 0}

func (p *person) setStorage(state byte) {
	if state == p.storage {
		return
	}
	p.storage = state
	if state == storageFull && p.answered {
		p.vector = p.doc.StateVector()
		p.answered = false
	}
	if !p.answered {
		p.answer()
	}
}

func (p *person) seePresence(update []byte) {
	n, at, _ := readVarUint(update, 0)
	for range n {
		var client, clock uint64
		var state []byte
		client, at, _ = readVarUint(update, at)
		clock, at, _ = readVarUint(update, at)
		state, at, _ = readBytes(update, at)
		switch {
		case client == p.id && string(state) == "null":
			p.presenceClock = max(p.presenceClock, clock)
			p.announce()
		case client == p.id:
		case string(state) == "null":
			p.gone[client] = true
			p.others[client] = max(p.others[client], clock)
		case clock > p.others[client]:
			p.gone[client] = false
			p.others[client] = clock
		}
	}
}
