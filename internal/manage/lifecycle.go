package manage

import (
	"context"
	"errors"

	"github.com/symphony-rtc/symphony/internal/room"
	"github.com/symphony-rtc/symphony/protocol"
)

var deleted = protocol.Closef(protocol.CloseDeleted, "the room was deleted")

// Delete makes a room unreachable: members are disconnected for good. It can be taken back until the store's retention
// erases the room. ErrNoRoom.
func (m *Manager) Delete(ctx context.Context, id string) error {
	return m.rooms.Hold(ctx, id, deleted, func() error { return m.store.Delete(ctx, id) })
}

// Undelete takes Delete back. ErrNoRoom.
func (m *Manager) Undelete(ctx context.Context, id string) error { return m.store.Undelete(ctx, id) }

// Erase removes everything about a room for good. Clients that still have a copy of its document will not bring it
// back: a new room of that id has another generation. ErrNoRoom.
func (m *Manager) Erase(ctx context.Context, id string) error {
	return m.rooms.Hold(ctx, id, deleted, func() error {
		// The mark fences a host elsewhere. A room whose record is damaged cannot be opened anyway.
		if err := m.store.Delete(ctx, id); err != nil && !errors.Is(err, room.ErrCorrupt) {
			return err
		}
		return m.store.Erase(ctx, id)
	})
}
