package room

import (
	"context"

	"github.com/symphony-rtc/symphony/protocol"
)

// JoinOptions is what the gateway knows about a connection.
type JoinOptions struct {
	Symphony bool // the connection speaks symphony.v1: send hello and durable
	ReadOnly bool // updates of this connection are refused
}

// Host serves rooms: it opens them when the first member joins and closes them after the last one left.
// Safe for concurrent use.
type Host struct{}

// Join opens the room if it is not open, waits until it is loaded (not longer than ctx), and makes m a member: the
// greeting (sync step 1, presence; hello for symphony.v1) is sent through m before Join returns. The error is
// a *protocol.CloseError.
func (h *Host) Join(ctx context.Context, id string, m Member, o JoinOptions) (*Session, error) {
	panic("being written")
}

// Session is one member's stay in a room.
type Session struct{}

// Receive takes one binary message from the member. The frame's buffer belongs to the room during the call and to the
// caller again afterwards. A *protocol.CloseError means: close this connection with its code and reason, then Leave.
func (s *Session) Receive(f protocol.Frame) error { panic("being written") }

// Leave ends the stay: presence of the connection is removed for the others at once. No method of the Member is called
// after Leave returned. Idempotent.
func (s *Session) Leave() {}
