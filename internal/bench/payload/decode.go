package payload

import "fmt"

// Visitor is told what a message from a server contains. Byte slices are valid only during the call.
type Visitor interface {
	// StateVector is a sync step 1: the server knows `known` units of the client that asked (see Decode).
	StateVector(known uint64)
	// Struct is a part of an update: `length` units of a client's text from `clock` on.
	Struct(client, clock, length uint64)
	// Synced says that the Structs before it were the server's sync step 2.
	Synced()
	// Presence is one client's awareness; gone means that it left.
	Presence(client, clock uint64, gone bool)
	// PresenceQuery asks for the client's own awareness.
	PresenceQuery()
	// Denied is the server's refusal.
	Denied(reason []byte)
	// Hello is the first message of a server that speaks symphony.v1.
	Hello()
	// Durable says that the first n sync updates of this connection are durable (symphony.v1).
	Durable(n uint64)
}

// Decode reads one message from the server to the client self and tells visitor what it contains, as far as it could
// be read: after an error, parts may have been told. Message types that it does not know are ignored, as y-websocket's
// client does.
func Decode(message []byte, self uint64, visitor Visitor) error {
	r := reader{buf: message}
	switch r.uint() {
	case TypeSync:
		decodeSync(&r, self, visitor)
	case TypeAwareness:
		decodeAwareness(&r, visitor)
	case TypeAuth:
		if r.uint() == 0 && r.err == nil { // y-protocols auth.js: 0 is permission denied
			visitor.Denied(r.bytes())
		}
	case TypeQueryAwareness:
		visitor.PresenceQuery()
	case TypeHello:
		visitor.Hello()
	case TypeDurable:
		if n := r.uint(); r.err == nil {
			visitor.Durable(n)
		}
	}
	return r.err
}

func decodeSync(r *reader, self uint64, visitor Visitor) {
	kind := r.uint()
	body := reader{buf: r.bytes()}
	if r.err != nil {
		return
	}
	switch kind {
	case SyncStep1:
		var known uint64
		for n := body.uint(); n > 0 && body.err == nil; n-- {
			client, clock := body.uint(), body.uint()
			if client == self {
				known = clock
			}
		}
		if body.err == nil {
			visitor.StateVector(known)
		}
	case SyncStep2:
		body.structs(visitor.Struct)
		if body.err == nil {
			visitor.Synced()
		}
	case SyncUpdate:
		body.structs(visitor.Struct)
	default:
		body.err = fmt.Errorf("sync message of unknown kind %d", kind)
	}
	r.err = body.err
}

func decodeAwareness(r *reader, visitor Visitor) {
	body := reader{buf: r.bytes()}
	for n := body.uint(); n > 0 && body.err == nil; n-- {
		client, clock := body.uint(), body.uint()
		state := body.bytes()
		if body.err == nil {
			visitor.Presence(client, clock, string(state) == "null")
		}
	}
	if r.err == nil {
		r.err = body.err
	}
}
