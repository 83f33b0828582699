package proxy

import (
	"encoding/binary"
	"slices"

	"github.com/symphony-rtc/symphony/crdt/lib0"
	"github.com/symphony-rtc/symphony/protocol"
)

// A message is a message of docs/protocol.md as far as a proxy looks into it.
type message struct {
	typ  protocol.Type
	step protocol.SyncStep // with TypeSync
	head int               // bytes before the body
	// payload is the whole message, nil if there is only its head (the message is long or came in fragments).
	payload []byte
	begins  []byte // the same, as far as there is something
}

// setStep changes the step of a sync message of a host in place.
func (m *message) setStep(step protocol.SyncStep) {
	if m.head > 1 {
		m.begins[m.head-1] = byte(step)
	}
}

// isUpdate reports whether the message is one that durable messages count.
func (m *message) isUpdate() bool { return m.typ == protocol.TypeSync && m.step != protocol.SyncStep1 }

// body is what follows type, step and length; nil if it is not all there.
func (m *message) body() []byte {
	if m.payload == nil {
		return nil
	}
	b, _, ok := readBytes(m.payload, m.head)
	if !ok {
		return nil
	}
	return b
}

// wanted reports whether the session has to see all of a client's message.
func (m *message) wanted() bool {
	return m.typ == protocol.TypeAwareness || m.typ == protocol.TypeSync && m.step == protocol.SyncStep1
}

// unknown is the type of what is no message.
const unknown protocol.Type = 1<<64 - 1

// parseHead reads the type of a message, and the step of a sync message. ok is false if the bytes do not suffice.
func parseHead(b []byte) (m message, ok bool) {
	typ, at, ok := readVarUint(b, 0)
	if !ok {
		return message{typ: unknown}, false
	}
	m = message{typ: protocol.Type(typ), head: at}
	if m.typ == protocol.TypeSync {
		step, next, ok := readVarUint(b, at)
		if !ok {
			return message{typ: unknown}, false
		}
		m.step, m.head = protocol.SyncStep(step), next
	}
	return m, true
}

func readVarUint(b []byte, at int) (v uint64, next int, ok bool) {
	v, n := lib0.Uvarint(b[at:])
	return v, at + n, n > 0
}

func readBytes(b []byte, at int) (p []byte, next int, ok bool) {
	p, n := lib0.Bytes(b[at:])
	return p, at + n, n > 0
}

// framed is a frame with a copy of a message, as a server sends it.
func framed(payload []byte) []byte {
	buf := append(make([]byte, protocol.HeaderRoom, protocol.HeaderRoom+len(payload)), payload...)
	return protocol.FrameAt(buf, protocol.HeaderRoom, len(buf)).Bytes()
}

// masked turns the frame of a server into that of a client: with a mask of zeros, which changes nothing of the payload.
// (The mask protects caches that take a WebSocket for HTTP. Between proxy and host there are none.)
func masked(frame []byte) []byte {
	header := 2
	switch frame[1] {
	case 126:
		header = 4
	case 127:
		header = 10
	}
	frame = slices.Insert(frame, header, 0, 0, 0, 0)
	frame[1] |= 0x80
	return frame
}

// unmasked returns the first bytes of a masked payload as they were before, at most len(into).
func unmasked(into, payload []byte, key uint32) []byte {
	n := min(len(into), len(payload))
	var mask [4]byte
	binary.LittleEndian.PutUint32(mask[:], key)
	for i := range n {
		into[i] = payload[i] ^ mask[i&3]
	}
	return into[:n]
}

// ownEntry finds a client's entry in an awareness update. With client 0 given as not known, it is that of a message with one
// entry alone. The entry is the bytes as they are in the update; gone says that its state is null.
func ownEntry(update []byte, own uint64, known bool) (entry []byte, client uint64, gone, found bool) {
	n, at, ok := readVarUint(update, 0)
	if !ok || n == 0 || !known && n != 1 {
		return nil, 0, false, false
	}
	for range n {
		begin := at
		if client, at, ok = readVarUint(update, at); !ok {
			return nil, 0, false, false
		}
		if _, at, ok = readVarUint(update, at); !ok {
			return nil, 0, false, false
		}
		var state []byte
		if state, at, ok = readBytes(update, at); !ok {
			return nil, 0, false, false
		}
		if !known || client == own {
			return update[begin:at], client, string(state) == "null", true
		}
	}
	return nil, 0, false, false
}
