package manage

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/symphony-rtc/symphony/crdt"
	"github.com/symphony-rtc/symphony/internal/archive"
	"github.com/symphony-rtc/symphony/internal/room"
	"github.com/symphony-rtc/symphony/internal/store"
)

// Export says what to write into an archive.
type Export struct {
	Rooms    []string // ids; with All, those are not looked at
	All      bool     // all rooms that are not deleted
	Versions bool     // their versions, too
}

// Export writes rooms into an archive, which it does not close. A damaged room is written as far as it can be read, with a note.
// Errors: store.ErrNoRoom, room.ErrDeleted, of rooms that were named.
func (m *Manager) Export(ctx context.Context, w *archive.Writer, e Export) error {
	if !e.All {
		for _, id := range e.Rooms {
			if err := m.exportRoom(ctx, w, id, e.Versions); err != nil {
				return fmt.Errorf("export room %q: %w", id, err)
			}
		}
		return nil
	}
	const page = 100
	for after := ""; ; {
		rooms, err := m.store.Rooms(ctx, after, page)
		if err != nil {
			return fmt.Errorf("list rooms: %w", err)
		}
		for _, info := range rooms {
			after = info.ID
			err := m.exportRoom(ctx, w, info.ID, e.Versions)
			if errors.Is(err, store.ErrNoRoom) || errors.Is(err, room.ErrDeleted) {
				continue // it went meanwhile, if it was there
			}
			if err != nil {
				return fmt.Errorf("export room %q: %w", info.ID, err)
			}
		}
		if len(rooms) < page {
			return nil
		}
	}
}

// Exportable says why a room cannot be exported: store.ErrNoRoom or room.ErrDeleted; nil if it can.
func (m *Manager) Exportable(ctx context.Context, id string) error {
	info, err := m.store.Room(ctx, id)
	switch {
	case err != nil && !errors.Is(err, room.ErrCorrupt):
		return err
	case !info.Deleted.IsZero():
		return room.ErrDeleted
	}
	return nil
}

func (m *Manager) exportRoom(ctx context.Context, w *archive.Writer, id string, withVersions bool) error {
	if err := m.Exportable(ctx, id); err != nil {
		return err
	}
	info, err := m.store.Room(ctx, id)
	if err != nil && !errors.Is(err, room.ErrCorrupt) {
		return err
	}
	var versions []store.Version
	if withVersions {
		if versions, err = m.allVersions(ctx, id); err != nil {
			return err
		}
	}
	document, damage, err := m.whole(ctx, id, info.Quarantine != "")
	if err != nil {
		return err
	}
	about := archive.Room{ID: id, Created: info.Created, Generation: info.Generation, Versions: len(versions)}
	if !info.Updated.IsZero() {
		about.Updated = &info.Updated
	}
	for _, d := range damage {
		about.Damage = append(about.Damage, d.Error())
	}
	if err := w.BeginRoom(about); err != nil {
		return err
	}
	for _, v := range versions {
		if err := m.exportVersion(ctx, w, v); err != nil {
			return err
		}
	}
	return w.EndRoom(document)
}

// allVersions lists the versions of a room from the oldest.
func (m *Manager) allVersions(ctx context.Context, id string) (all []store.Version, err error) {
	const page = 1000
	for before := uint64(0); ; {
		list, err := m.store.Versions(ctx, id, before, page)
		if err != nil {
			return nil, err
		}
		all = append(all, list...)
		if len(list) < page {
			slices.Reverse(all)
			return all, nil
		}
		before = list[len(list)-1].Number
	}
}

func (m *Manager) exportVersion(ctx context.Context, w *archive.Writer, v store.Version) error {
	about := archive.Version{Number: v.Number, Created: v.Created, Kind: v.Kind, Label: v.Label, Generation: v.Generation}
	_, doc, err := m.Version(ctx, v.Room, v.Number)
	var document []byte
	if err == nil {
		document, err = doc.EncodeStateAsUpdateV2(nil)
	}
	switch {
	case errors.Is(err, room.ErrCorrupt):
		about.Damage = err.Error()
	case errors.Is(err, store.ErrNoVersion):
		about.Damage = "it was removed while the room was exported"
	case err != nil:
		return err
	}
	return w.Version(about, document)
}

// whole returns a room's document as a V2 update, and what is wrong with it. A room of which nothing can be read has an empty one.
func (m *Manager) whole(ctx context.Context, id string, damaged bool) (document []byte, damage []error, err error) {
	var doc *crdt.Doc
	if !damaged {
		doc, err = m.Document(ctx, id)
	}
	if damaged || errors.Is(err, room.ErrCorrupt) {
		known := err
		doc, damage, err = m.Salvage(ctx, id)
		if errors.Is(err, store.ErrNoRoom) || ctx.Err() != nil {
			return nil, nil, err
		}
		if err != nil {
			doc, damage, err = crdt.NewDoc(crdt.Options{}), []error{err}, nil
		}
		if len(damage) == 0 && known != nil {
			damage = []error{known}
		}
	}
	if err != nil {
		return nil, nil, err
	}
	document, err = doc.EncodeStateAsUpdateV2(nil)
	return document, damage, err
}
