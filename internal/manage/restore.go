package manage

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"

	"github.com/symphony-rtc/symphony/crdt"
	"github.com/symphony-rtc/symphony/internal/room"
	"github.com/symphony-rtc/symphony/internal/store"
	"github.com/symphony-rtc/symphony/protocol"
)

// errMoved says that a room was edited after its state was kept.
var errMoved = errors.New("the room was edited meanwhile")

// revertAttempts is how often Revert tries to find a moment in which nothing is written between keeping the state before
// and the edit. Then the version lacks what was written in the last milliseconds before.
const revertAttempts = 8

// Revert makes the content of a room that of a version, by an edit like any other: members stay, what they do at the same
// time is merged, and a later Revert can take it back. The state before is kept as a version, whose number it returns (0
// if there was nothing to change). Errors: store.ErrNoVersion; ErrOtherGeneration.
func (m *Manager) Revert(ctx context.Context, id string, number uint64) (before uint64, err error) {
	for attempt := 1; ; attempt++ {
		before, err = m.revert(ctx, id, number, attempt == revertAttempts)
		if !errors.Is(err, errMoved) {
			break
		}
	}
	if errors.Is(err, crdt.ErrUnrelated) {
		err = fmt.Errorf("%w: %w", err, ErrOtherGeneration)
	}
	if err != nil {
		return 0, fmt.Errorf("revert room %q to version %d: %w", id, number, err)
	}
	return before, nil
}

func (m *Manager) revert(ctx context.Context, id string, number uint64, last bool) (before uint64, err error) {
	v, doc, err := m.Version(ctx, id, number)
	if err != nil {
		return 0, err
	}
	info, err := m.store.Room(ctx, id)
	if err != nil {
		return 0, err
	}
	if v.Generation != info.Generation {
		return 0, ErrOtherGeneration
	}
	if err := m.settle(ctx, id); err != nil {
		return 0, err
	}
	kept, err := m.store.Keep(ctx, id, store.VersionReplaced, beforeLabel(number))
	if err != nil {
		return 0, err
	}
	needed := false
	defer func() {
		if needed && err == nil {
			return
		}
		if e := m.store.Drop(context.WithoutCancel(ctx), id, kept.Number); e != nil && !errors.Is(e, store.ErrNoVersion) {
			err = errors.Join(err, e)
		}
	}()
	_, present, err := m.Version(ctx, id, kept.Number)
	if err != nil {
		return 0, err
	}
	has := present.StateVector()
	err = m.rooms.Edit(ctx, id, func(current *crdt.Doc, _ bool) ([]byte, error) {
		if !last {
			news, err := current.EncodeStateAsUpdateV2(has)
			if err != nil {
				return nil, err
			}
			if applied, err := present.ApplyUpdateV2(news); err != nil || applied.Changed {
				return nil, errors.Join(err, errMoved)
			}
		}
		update, err := crdt.Revert(current, doc, uint64(rand.Uint32()))
		if needed = len(update) > 0; !needed {
			return nil, err
		}
		return update, err
	})
	if err != nil || !needed {
		return 0, err
	}
	return kept.Number, nil
}

func beforeLabel(number uint64) string { return fmt.Sprintf("before version %d was restored", number) }

// Restore replaces the document of a room by that of a version: the generation rises, members reconnect and start over
// from the new document, and what they had not sent is gone. The state before is kept as a version, whose number it
// returns (0 if there was none).
func (m *Manager) Restore(ctx context.Context, id string, number uint64) (before uint64, err error) {
	_, doc, err := m.Version(ctx, id, number)
	if err != nil {
		return 0, err
	}
	return m.Replace(ctx, id, doc, beforeLabel(number))
}

// Replace is Restore with any document. label names the version of the state before.
func (m *Manager) Replace(ctx context.Context, id string, doc *crdt.Doc, label string) (before uint64, err error) {
	snapshot, err := doc.EncodeStateAsUpdateV2(nil)
	if err != nil {
		return 0, fmt.Errorf("replace the document of room %q: %w", id, err)
	}
	err = m.claim(ctx, id, replacing, func(h *store.Handle, stored room.Stored) error {
		if before, err = m.keepBefore(ctx, id, h, stored, label); err != nil {
			return err
		}
		err = h.Replace(ctx, snapshot)
		if errors.Is(err, room.ErrFenced) { // it will be tried again; any other error may come after the deed
			err = errors.Join(err, m.dropBefore(ctx, id, before))
		}
		return err
	})
	if err != nil {
		return 0, err
	}
	return before, nil
}

var replacing = protocol.Closef(protocol.CloseRestarting, "the room's document is being replaced; reconnect")

const claimAttempts = 10

// claim calls do with the room closed on this host and claimed in the store. If another host takes it meanwhile, for
// members who are connected to that one, it begins again: do must leave things so that it can.
func (m *Manager) claim(ctx context.Context, id string, why *protocol.CloseError, do func(*store.Handle, room.Stored) error) error {
	for attempt := 1; ; attempt++ {
		err := m.rooms.Hold(ctx, id, why, func() error {
			h, stored, err := m.store.Claim(ctx, id, nobody{})
			if err != nil {
				return err
			}
			err = do(h, stored)
			return errors.Join(err, h.Release(context.WithoutCancel(ctx)))
		})
		if !errors.Is(err, room.ErrFenced) || attempt == claimAttempts {
			return err
		}
	}
}

// keepBefore makes what is stored of a claimed room a version, whose number it returns; 0 if nothing is stored.
func (m *Manager) keepBefore(ctx context.Context, id string, h *store.Handle, stored room.Stored, label string) (uint64, error) {
	if stored.Snapshot == nil && len(stored.Journal) == 0 {
		return 0, nil
	}
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
	v, err := m.store.Keep(ctx, id, store.VersionReplaced, label)
	if err != nil {
		return 0, err
	}
	return v.Number, nil
}

// dropBefore takes keepBefore back.
func (m *Manager) dropBefore(ctx context.Context, id string, number uint64) error {
	if number == 0 {
		return nil
	}
	err := m.store.Drop(context.WithoutCancel(ctx), id, number)
	if errors.Is(err, store.ErrNoVersion) {
		return nil
	}
	return err
}

// nobody is the room.JournalEvents of somebody who appends nothing.
type nobody struct{}

func (nobody) Committed(uint64) {}
func (nobody) Delayed(error)    {}
func (nobody) Fenced()          {}
