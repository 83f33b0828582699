// Package protocol is the wire protocol of a room: y-websocket messages (sync, awareness, query awareness), the
// messages of the symphony.v1 subprotocol, awareness state with its clock rules, and WebSocket framing and close codes
// as far as rooms need them. docs/protocol.md specifies it byte by byte; the rules there have ids, and the names of the
// tests here carry them.
package protocol

import (
	"encoding/json"
	"errors"
	"fmt"
	"unicode/utf8"

	"github.com/symphony-rtc/symphony/crdt/lib0"
)

// Type is the varUint that starts every message.
type Type uint64

// Types below 100 are those of y-websocket 3.1 (src/y-websocket.js); types of 100 and up are exchanged only on
// connections that negotiated the subprotocol symphony.v1.
const (
	TypeSync           Type = 0
	TypeAwareness      Type = 1
	TypeAuth           Type = 2
	TypeQueryAwareness Type = 3
	TypeHello          Type = 100
	TypeDurable        Type = 101
	TypeEvent          Type = 102
	TypeToken          Type = 103
	TypeStorage        Type = 104
	TypeInitial        Type = 105
)

// MaxEvent is the largest broadcast event, in bytes of JSON.
const MaxEvent = 1 << 20

// SyncStep is the varUint after TypeSync (y-protocols 1.0.7, sync.js).
type SyncStep uint64

// The three sync messages.
const (
	SyncStep1  SyncStep = 0 // body: a state vector; asks for what the sender is missing
	SyncStep2  SyncStep = 1 // body: an update; the answer to step 1
	SyncUpdate SyncStep = 2 // body: an update
)

// Subprotocol is the WebSocket subprotocol that Symphony's own clients offer.
const Subprotocol = "symphony.v1"

// ErrMalformed is wrapped by every error about bytes that are no message of this protocol.
var ErrMalformed = errors.New("malformed message")

// Message is a decoded message from a client. Body points into the bytes that were decoded.
type Message struct {
	Type Type
	Step SyncStep // with TypeSync
	Body []byte   // state vector or update, awareness update, an event's JSON, a token, an initial update; by Type

	Client uint64 // TypeEvent: the awareness client id that sends it

	end       int  // offset after the last byte that belongs to the message
	canonical bool // type and step take one byte each
}

// Parse decodes a message that a client may send: sync, awareness, query awareness, and on connections of symphony.v1 event,
// token and initial content. Bytes after the message are ignored, as lib0 does. The body itself is checked only of an event.
func Parse(payload []byte) (Message, error) {
	typ, at, err := readVarUint(payload, 0)
	if err != nil {
		return Message{}, fmt.Errorf("message type: %w", err)
	}
	m := Message{Type: Type(typ)}
	switch m.Type {
	case TypeSync:
		step, next, err := readVarUint(payload, at)
		if err != nil {
			return Message{}, fmt.Errorf("sync step: %w", err)
		}
		if step > uint64(SyncUpdate) {
			return Message{}, fmt.Errorf("sync step %d is unknown: %w", step, ErrMalformed)
		}
		m.Step, m.canonical = SyncStep(step), next == 2
		at = next
	case TypeAwareness, TypeToken, TypeInitial:
	case TypeEvent:
		if m.Client, at, err = readVarUint(payload, at); err != nil {
			return Message{}, fmt.Errorf("client of an event: %w", err)
		}
	case TypeQueryAwareness:
		m.end = at
		return m, nil
	default:
		return Message{}, fmt.Errorf("message type %d is not one that a client sends: %w", typ, ErrMalformed)
	}
	if m.Body, m.end, err = readVarBytes(payload, at); err != nil {
		return Message{}, fmt.Errorf("message body: %w", err)
	}
	if m.Type == TypeEvent {
		return m, checkEvent(m.Body)
	}
	return m, nil
}

func checkEvent(event []byte) error {
	switch {
	case len(event) > MaxEvent:
		return fmt.Errorf("event of %d bytes, more than %d: %w", len(event), MaxEvent, ErrMalformed)
	case !utf8.Valid(event) || !json.Valid(event):
		return fmt.Errorf("event is not JSON: %w", ErrMalformed)
	}
	return nil
}

// RelayFrame turns the frame that m was parsed from into the frame that the other members get, in place where
// possible: what followed the message is cut off, and sync step 2 becomes an update, because only the answer to a
// client's own step 1 may tell it that it is synced.
func (m Message) RelayFrame(f Frame) Frame {
	if m.Type == TypeSync && !m.canonical {
		return UpdateFrame(m.Body)
	}
	f.buf = f.buf[:f.start+m.end]
	if m.Type == TypeSync {
		f.buf[f.start+1] = byte(SyncUpdate)
	}
	return f
}

// SyncFrame is a sync message with the given body.
func SyncFrame(step SyncStep, body []byte) Frame {
	f := NewFrame(2 + maxVarUint + len(body))
	f.buf = append(f.buf, byte(TypeSync), byte(step))
	f.buf = lib0.AppendBytes(f.buf, body)
	return f
}

// UpdateFrame is the message that relays an update.
func UpdateFrame(update []byte) Frame { return SyncFrame(SyncUpdate, update) }

// AwarenessFrame is an awareness message with the given awareness update.
func AwarenessFrame(update []byte) Frame {
	f := NewFrame(1 + maxVarUint + len(update))
	f.buf = append(f.buf, byte(TypeAwareness))
	f.buf = lib0.AppendBytes(f.buf, update)
	return f
}

// Hello is the first message that a server sends on a symphony.v1 connection.
type Hello struct {
	Connection string // id of the connection, for logs and support
	Generation uint64 // of the room's document; a client that knows another one starts over
	ReadOnly   bool   // updates of this connection are refused
	MaxMessage uint64 // bytes; longer messages end the connection with CloseTooLarge
}

// Frame encodes h.
func (h Hello) Frame() Frame {
	permission := byte(1)
	if h.ReadOnly {
		permission = 0
	}
	f := NewFrame(64 + len(h.Connection))
	f.buf = append(f.buf, byte(TypeHello))
	f.buf = lib0.AppendBytes(f.buf, []byte(h.Connection))
	f.buf = lib0.AppendUvarint(f.buf, h.Generation)
	f.buf = append(f.buf, permission)
	f.buf = lib0.AppendUvarint(f.buf, h.MaxMessage)
	return f
}

// AppendDurable appends a durable message to an empty frame: the first n of the sync messages with an update
// (step 2 and update) that the client sent on this connection are durable.
func AppendDurable(f Frame, n uint64) Frame {
	f.buf = append(f.buf, byte(TypeDurable))
	f.buf = lib0.AppendUvarint(f.buf, n)
	return f
}

// StorageState says how a room's journal does.
type StorageState uint8

// The states of a room's storage, see docs/protocol.md.
const (
	StorageFine    StorageState = 0 // updates become durable
	StorageDelayed StorageState = 1 // they wait: commits fail and are retried
	StorageFull    StorageState = 2 // as much waits as the server takes: updates are refused
)

// StorageFrame tells a symphony.v1 client how the room's storage does, with a reason for people.
func StorageFrame(state StorageState, reason string) Frame {
	f := NewFrame(3 + maxVarUint + len(reason))
	f.buf = append(f.buf, byte(TypeStorage), byte(state))
	f.buf = lib0.AppendBytes(f.buf, []byte(reason))
	return f
}

// InitialFrame answers initial content: taken says that it became the document's.
func InitialFrame(taken bool) Frame {
	f := NewFrame(2)
	answer := byte(0)
	if taken {
		answer = 1
	}
	f.buf = append(f.buf, byte(TypeInitial), answer)
	return f
}
