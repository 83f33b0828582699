// Package manage is what one does with rooms besides joining them: create, keep versions, compare, restore, delete, erase,
// repair. It works on rooms that are open on this host and on rooms that are only stored.
package manage

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"

	"github.com/wI2L/jsondiff"

	"github.com/symphony-rtc/symphony/crdt"
	"github.com/symphony-rtc/symphony/internal/room"
	"github.com/symphony-rtc/symphony/internal/store"
	"github.com/symphony-rtc/symphony/protocol"
)

var (
	// ErrExists says that a room to be created has content, or had some, already.
	ErrExists = errors.New("the room exists already")
	// ErrOtherGeneration says that a version belongs to a document that was replaced since, so that it cannot be
	// restored as an edit of the present one.
	ErrOtherGeneration = errors.New("the version belongs to a document that was replaced since")
	// ErrHealthy says that a room to be repaired has no damage.
	ErrHealthy = errors.New("nothing is wrong with the room")
)

// Rooms is what is asked of the rooms that are open here (room.Host).
type Rooms interface {
	View(id string, read func(*crdt.Doc)) bool
	Edit(ctx context.Context, id string, edit func(doc *crdt.Doc, blank bool) (update []byte, err error)) error
	Flush(ctx context.Context, id string) error
	Hold(ctx context.Context, id string, why *protocol.CloseError, do func() error) error
}

// Manager does things to rooms. Safe for concurrent use.
type Manager struct {
	rooms Rooms
	store *store.Store
}

// New returns a Manager of the rooms that are open here and of all that are stored.
func New(rooms Rooms, stored *store.Store) *Manager { return &Manager{rooms: rooms, store: stored} }

// Store is the store that the manager works on, for what needs no more than that.
func (m *Manager) Store() *store.Store { return m.store }

// Create makes a room with a first content, an update (V1); empty for none. However many try at the same time, and whatever
// clients send meanwhile, the content of one of them is taken, once: the others get ErrExists, as does everybody if
// something was written to the room before. When Create returns the content is durable.
func (m *Manager) Create(ctx context.Context, id string, content []byte) error {
	err := m.rooms.Edit(ctx, id, func(_ *crdt.Doc, blank bool) ([]byte, error) {
		if !blank {
			return nil, ErrExists
		}
		if len(content) == 0 {
			return nil, nil
		}
		return content, nil
	})
	if err != nil {
		return fmt.Errorf("create room %q: %w", id, err)
	}
	return nil
}

// Document returns the present document of a room: as its members see it if it is open here, else as it is stored.
// Errors: store.ErrNoRoom, room.ErrCorrupt.
func (m *Manager) Document(ctx context.Context, id string) (*crdt.Doc, error) {
	var snapshot []byte
	var err error
	if m.rooms.View(id, func(doc *crdt.Doc) { snapshot, err = doc.EncodeStateAsUpdateV2(nil) }) {
		if err != nil {
			return nil, fmt.Errorf("read room %q: %w", id, err)
		}
		return room.Stored{Snapshot: snapshot}.Document()
	}
	stored, err := m.store.Read(ctx, id)
	if err != nil {
		return nil, err
	}
	doc, err := stored.Document()
	if err != nil {
		return nil, fmt.Errorf("read room %q: %w: %w", id, err, room.ErrCorrupt)
	}
	return doc, nil
}

// Keep makes the present state of a room a version with that label. A room that another host has open is kept as that
// host last stored it, some 30 s ago at most. Errors: store.ErrNoRoom; store.ErrNoVersion if nothing was ever written.
func (m *Manager) Keep(ctx context.Context, id, label string) (store.Version, error) {
	if err := m.settle(ctx, id); err != nil {
		return store.Version{}, err
	}
	return m.store.Keep(ctx, id, store.VersionManual, label)
}

// settle sees to it that the newest snapshot has everything, unless another host has the room open.
func (m *Manager) settle(ctx context.Context, id string) error {
	info, err := m.store.Room(ctx, id)
	if err != nil {
		return err
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

// Present as the number of a version means the present state of the room.
const Present = 0

// Diff says how to get from one state of a room to another, as a JSON Patch (RFC 6902) of what Doc.AppendJSON gives,
// each change of something that was there preceded by a test with what it was.
func (m *Manager) Diff(ctx context.Context, id string, from, to uint64) (jsondiff.Patch, error) {
	var states [2][]byte
	for i, number := range []uint64{from, to} {
		var doc *crdt.Doc
		var err error
		if number == Present {
			doc, err = m.Document(ctx, id)
		} else {
			_, doc, err = m.Version(ctx, id, number)
		}
		if err != nil {
			return nil, err
		}
		states[i] = doc.AppendJSON(nil)
	}
	patch, err := jsondiff.CompareJSON(states[0], states[1], jsondiff.Invertible(), jsondiff.LCS())
	if err != nil {
		return nil, fmt.Errorf("compare versions %d and %d of room %q: %w", from, to, id, err)
	}
	return patch, nil
}

// Revert makes the content of a room that of a version, by an edit like any other: members stay, what they do at the same
// time is merged, and a later Revert can take it back. The state before is kept as a version, whose number it returns (0
// if there was nothing to change). Errors: store.ErrNoVersion; ErrOtherGeneration.
func (m *Manager) Revert(ctx context.Context, id string, number uint64) (before uint64, err error) {
	v, doc, err := m.Version(ctx, id, number)
	if err != nil {
		return 0, err
	}
	info, err := m.store.Room(ctx, id)
	if err != nil {
		return 0, err
	}
	if v.Generation != info.Generation {
		return 0, fmt.Errorf("revert room %q to version %d: %w", id, number, ErrOtherGeneration)
	}
	if err := m.settle(ctx, id); err != nil {
		return 0, err
	}
	kept, err := m.store.Keep(ctx, id, store.VersionReplaced, fmt.Sprintf("before version %d was restored", number))
	if err != nil {
		return 0, err
	}
	changed := false
	err = m.rooms.Edit(ctx, id, func(current *crdt.Doc, _ bool) ([]byte, error) {
		update, err := crdt.Revert(current, doc, uint64(rand.Uint32()))
		changed = len(update) > 0
		if !changed {
			return nil, err
		}
		return update, err
	})
	if err != nil {
		return 0, fmt.Errorf("revert room %q to version %d: %w", id, number, err)
	}
	if !changed {
		return 0, m.store.Drop(ctx, id, kept.Number)
	}
	return kept.Number, nil
}

// Restore replaces the document of a room by that of a version: the generation rises, members reconnect and start over
// from the new document, and what they had not sent is gone. The state before is kept as a version, whose number it
// returns (0 if there was none).
func (m *Manager) Restore(ctx context.Context, id string, number uint64) (before uint64, err error) {
	_, doc, err := m.Version(ctx, id, number)
	if err != nil {
		return 0, err
	}
	return m.Replace(ctx, id, doc, fmt.Sprintf("before version %d was restored", number))
}

// Replace is Restore with any document. label names the version of the state before.
func (m *Manager) Replace(ctx context.Context, id string, doc *crdt.Doc, label string) (before uint64, err error) {
	snapshot, err := doc.EncodeStateAsUpdateV2(nil)
	if err != nil {
		return 0, fmt.Errorf("replace the document of room %q: %w", id, err)
	}
	why := protocol.Closef(protocol.CloseRestarting, "the room's document is being replaced; reconnect")
	for attempt := 1; ; attempt++ {
		err = m.rooms.Hold(ctx, id, why, func() error {
			before, err = m.replace(ctx, id, snapshot, label)
			return err
		})
		// Another host may open the room at any time, for members who are connected to that one.
		if !errors.Is(err, room.ErrFenced) || attempt == replaceAttempts {
			return before, err
		}
	}
}

const replaceAttempts = 10

func (m *Manager) replace(ctx context.Context, id string, snapshot []byte, label string) (before uint64, err error) {
	h, stored, err := m.store.Claim(ctx, id, nobody{})
	if err != nil {
		return 0, err
	}
	defer func() {
		if e := h.Release(context.WithoutCancel(ctx)); err == nil {
			err = e
		}
	}()
	if len(stored.Journal) > 0 {
		doc, err := stored.Document()
		if err != nil {
			return 0, fmt.Errorf("read room %q: %w: %w", id, err, room.ErrCorrupt)
		}
		present, err := doc.EncodeStateAsUpdateV2(nil)
		if err != nil {
			return 0, fmt.Errorf("read room %q: %w", id, err)
		}
		if err := h.Save(ctx, stored.LastSeq, present); err != nil {
			return 0, err
		}
	}
	if stored.Snapshot != nil || len(stored.Journal) > 0 {
		v, err := m.store.Keep(ctx, id, store.VersionReplaced, label)
		if err != nil {
			return 0, err
		}
		before = v.Number
	}
	return before, h.Replace(ctx, snapshot)
}

// Delete makes a room unreachable: members are disconnected for good. It can be taken back until the store's retention
// erases the room. ErrNoRoom.
func (m *Manager) Delete(ctx context.Context, id string) error {
	return m.rooms.Hold(ctx, id, protocol.Closef(protocol.CloseDeleted, "the room was deleted"), func() error {
		return m.store.Delete(ctx, id)
	})
}

// Undelete takes Delete back. ErrNoRoom.
func (m *Manager) Undelete(ctx context.Context, id string) error { return m.store.Undelete(ctx, id) }

// Erase removes everything about a room for good. Clients that still have a copy of its document will not bring it
// back: a new room of that id has another generation. ErrNoRoom.
func (m *Manager) Erase(ctx context.Context, id string) error {
	return m.rooms.Hold(ctx, id, protocol.Closef(protocol.CloseDeleted, "the room was deleted"), func() error {
		if err := m.store.Delete(ctx, id); err != nil { // fences a host elsewhere
			return err
		}
		return m.store.Erase(ctx, id)
	})
}

// Repaired says what a repair made of a room.
type Repaired struct {
	Rechecked bool    // nothing was wrong any more, so the room was only taken out of quarantine
	Damage    []error // what was damaged or missing
	Through   uint64  // newest update in the snapshot that was used
	Updates   int     // of the journal, applied to it
	Newest    uint64  // newest update that the room had. What is missing up to it is brought back by clients that still have it
}

// Repair makes what can be read of a damaged room its state, and lifts its quarantine. The generation stays: clients that
// have what is missing bring it back when they connect. Errors: store.ErrNoRoom; ErrHealthy.
func (m *Manager) Repair(ctx context.Context, id string) (Repaired, error) {
	var done Repaired
	why := protocol.Closef(protocol.CloseRestarting, "the room is being repaired; reconnect")
	err := m.rooms.Hold(ctx, id, why, func() (err error) {
		done, err = m.repair(ctx, id)
		return err
	})
	if err != nil {
		return Repaired{}, fmt.Errorf("repair room %q: %w", id, err)
	}
	return done, nil
}

func (m *Manager) repair(ctx context.Context, id string) (Repaired, error) {
	info, err := m.store.Room(ctx, id)
	if err != nil && !errors.Is(err, room.ErrCorrupt) {
		return Repaired{}, err
	}
	found, err := m.store.Examine(ctx, id)
	if err != nil {
		return Repaired{}, err
	}
	doc, skipped, err := found.Salvage()
	if err != nil {
		return Repaired{}, err
	}
	done := Repaired{Damage: append(found.Damage, skipped...), Through: found.Through, Updates: len(found.Journal) - len(skipped), Newest: found.LastSeq}
	if len(done.Damage) == 0 {
		if info.Quarantine == "" {
			return Repaired{}, ErrHealthy
		}
		done.Rechecked = true
		return done, m.store.Recheck(ctx, id)
	}
	snapshot, err := doc.EncodeStateAsUpdateV2(nil)
	if err != nil {
		return Repaired{}, err
	}
	return done, m.store.Repair(ctx, id, snapshot)
}

// nobody is the room.JournalEvents of somebody who appends nothing.
type nobody struct{}

func (nobody) Committed(uint64) {}
func (nobody) Delayed(error)    {}
func (nobody) Fenced()          {}
