package manage

import (
	"context"
	"fmt"

	"github.com/symphony-rtc/symphony/crdt"
	"github.com/symphony-rtc/symphony/internal/room"
	"github.com/symphony-rtc/symphony/internal/store"
)

// Keep makes the present state of a room a version with that label. A room that another host has open is kept as that
// host last stored it, some 30 s ago at most. Errors: store.ErrNoRoom; store.ErrNoVersion if nothing was ever written;
// room.ErrQuarantined if the room is damaged.
func (m *Manager) Keep(ctx context.Context, id, label string) (store.Version, error) {
	if err := m.settle(ctx, id); err != nil {
		return store.Version{}, fmt.Errorf("keep a version of room %q: %w", id, err)
	}
	return m.store.Keep(ctx, id, store.VersionManual, label)
}

// settle sees to it that the newest snapshot has everything, unless another host has the room open.
func (m *Manager) settle(ctx context.Context, id string) error {
	info, err := m.store.Room(ctx, id)
	if err != nil {
		return err
	}
	if info.Quarantine != "" {
		return room.ErrQuarantined
	}
	open := m.rooms.View(id, func(*crdt.Doc) {})
	if !open && (info.Active || info.Through == info.LastSeq) {
		return nil
	}
	if !open { // a crash left updates in the journal only: opening the room takes them up
		if err := m.rooms.Edit(ctx, id, func(*crdt.Doc, bool) ([]byte, error) { return nil, nil }); err != nil {
			return err
		}
	}
	return m.rooms.Flush(ctx, id)
}

// Version returns a version and its document. Errors: store.ErrNoVersion, room.ErrCorrupt.
func (m *Manager) Version(ctx context.Context, id string, number uint64) (store.Version, *crdt.Doc, error) {
	v, snapshot, err := m.store.ReadVersion(ctx, id, number)
	if err != nil {
		return store.Version{}, nil, err
	}
	doc, err := room.Stored{Snapshot: snapshot}.Document()
	if err != nil {
		return store.Version{}, nil, fmt.Errorf("read version %d of room %q: %w: %w", number, id, err, room.ErrCorrupt)
	}
	return v, doc, nil
}
