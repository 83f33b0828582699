package manage

import (
	"context"
	"errors"
	"fmt"

	"github.com/symphony-rtc/symphony/crdt"
	"github.com/symphony-rtc/symphony/internal/room"
	"github.com/symphony-rtc/symphony/internal/store"
	"github.com/symphony-rtc/symphony/protocol"
)

// Repaired says what a repair made of a room.
type Repaired struct {
	Rechecked bool    // nothing was wrong any more, so the room was only taken out of quarantine
	Damage    []error // what was damaged or missing
	Through   uint64  // newest update in the snapshot that was used
	Updates   int     // of the journal, applied to it
	Newest    uint64  // newest update that the room had. What is missing up to it is brought back by clients that still have it
}

// Repair makes what can be read of a damaged room its state, and lifts its quarantine. The generation stays: clients that
// have what is missing bring it back when they connect. Of a room that is open here, what is in memory counts too. Errors:
// store.ErrNoRoom; ErrHealthy, which members do not notice.
func (m *Manager) Repair(ctx context.Context, id string) (Repaired, error) {
	done, err := m.repair(ctx, id)
	if err != nil {
		return Repaired{}, fmt.Errorf("repair room %q: %w", id, err)
	}
	return done, nil
}

func (m *Manager) repair(ctx context.Context, id string) (done Repaired, err error) {
	before, err := m.examine(ctx, id)
	if err != nil {
		return Repaired{}, err
	}
	if len(before.damage) == 0 && before.info.Quarantine == "" {
		return Repaired{}, ErrHealthy
	}
	var memory []byte
	m.rooms.View(id, func(doc *crdt.Doc) { memory, err = doc.EncodeStateAsUpdateV2(nil) })
	if err != nil {
		return Repaired{}, err
	}
	why := protocol.Closef(protocol.CloseRestarting, "the room is being repaired; reconnect")
	err = m.rooms.Hold(ctx, id, why, func() error {
		now, err := m.examine(ctx, id) // ending the room may have stored a good snapshot
		if err != nil {
			return err
		}
		done = Repaired{Damage: now.damage, Through: now.found.Through, Updates: now.updates, Newest: now.found.LastSeq}
		if len(now.damage) == 0 {
			done.Rechecked = true
			return m.store.Recheck(ctx, id)
		}
		if memory != nil && now.info.Generation == before.info.Generation {
			if _, err := now.doc.ApplyUpdateV2(memory); err != nil {
				return fmt.Errorf("add what is in memory: %w", err)
			}
		}
		snapshot, err := now.doc.EncodeStateAsUpdateV2(nil)
		if err != nil {
			return err
		}
		return m.store.Repair(ctx, id, snapshot)
	})
	return done, err
}

// examined is what a look at a stored room found.
type examined struct {
	info    store.Room
	found   store.Salvaged
	doc     *crdt.Doc
	updates int // of the journal, in doc
	damage  []error
}

func (m *Manager) examine(ctx context.Context, id string) (e examined, err error) {
	e.info, err = m.store.Room(ctx, id)
	if err != nil && !errors.Is(err, room.ErrCorrupt) {
		return e, err
	}
	if e.found, err = m.store.Examine(ctx, id); err != nil {
		return e, err
	}
	var skipped []error
	if e.doc, skipped, err = e.found.Salvage(); err != nil {
		return e, err
	}
	e.updates, e.damage = len(e.found.Journal)-len(skipped), append(e.found.Damage, skipped...)
	return e, nil
}

// Salvage returns the present document of a room as far as it can be read, and what is wrong with the rest. ErrNoRoom.
func (m *Manager) Salvage(ctx context.Context, id string) (doc *crdt.Doc, damage []error, err error) {
	e, err := m.examine(ctx, id)
	if err != nil {
		return nil, nil, fmt.Errorf("salvage room %q: %w", id, err)
	}
	return e.doc, e.damage, nil
}
