package gateway

import (
	"context"

	"github.com/symphony-rtc/symphony/internal/room"
	"github.com/symphony-rtc/symphony/protocol"
)

// Host is what a gateway needs of whoever serves the rooms. See room.Host, which Rooms makes one.
type Host interface {
	// Join makes m a member of a room. The error is a *protocol.CloseError.
	Join(ctx context.Context, id string, m room.Member, o room.JoinOptions) (Session, error)
}

// Session is a member's stay in a room. See room.Session.
type Session interface {
	Receive(f protocol.Frame) error
	Leave()
}

// Rooms is the Host that serves the rooms of h.
func Rooms(h *room.Host) Host { return rooms{h} }

type rooms struct{ host *room.Host }

func (r rooms) Join(ctx context.Context, id string, m room.Member, o room.JoinOptions) (Session, error) {
	s, err := r.host.Join(ctx, id, m, o)
	if err != nil {
		return nil, err
	}
	return s, nil
}
