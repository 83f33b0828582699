package manage

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/symphony-rtc/symphony/crdt"
	"github.com/symphony-rtc/symphony/internal/archive"
	"github.com/symphony-rtc/symphony/internal/room"
	"github.com/symphony-rtc/symphony/internal/store"
)

// Import is what an import does, and did.
type Import struct {
	Existing string // what becomes of rooms that exist: Refuse, Replace or Skip

	Rooms    int // in the archive
	Created  int
	Replaced int
	Skipped  int
	Versions int // that were made
}

// What an import does with rooms to which something was written before.
const (
	Refuse  = "refuse"  // import nothing at all
	Replace = "replace" // give them the document of the archive, as Manager.Replace does
	Skip    = "skip"    // leave them as they are
)

// ConflictError names rooms that keep an archive from being imported.
type ConflictError struct {
	Rooms []string // some of them
	More  int      // others
	Why   string
}

func (e *ConflictError) Error() string {
	text := fmt.Sprintf("%s: %q", e.Why, e.Rooms)
	if e.More > 0 {
		text += fmt.Sprintf(" and %d others", e.More)
	}
	return text
}

func (e *ConflictError) add(id string) {
	if len(e.Rooms) < 20 {
		e.Rooms = append(e.Rooms, id)
	} else {
		e.More++
	}
}

// UnreadableError says that an archive is none, or not a whole one, or has a document that is none.
type UnreadableError struct{ err error }

func (e *UnreadableError) Error() string { return e.err.Error() }
func (e *UnreadableError) Unwrap() error { return e.err }

// Check reads an archive to its end and says what keeps it from being imported: *UnreadableError, *ConflictError. Nothing is
// changed.
func (m *Manager) Check(ctx context.Context, r io.Reader, existing string) (rooms int, err error) {
	ar, err := archive.NewReader(r)
	if err != nil {
		return 0, &UnreadableError{err}
	}
	defer ar.Close()
	exist := &ConflictError{Why: "these rooms exist already"}
	closed := &ConflictError{Why: "these rooms exist, and are deleted or damaged"}
	seen := make(map[string]bool)
	for {
		about, err := ar.NextRoom()
		if errors.Is(err, io.EOF) {
			break
		}
		if err == nil && seen[about.ID] {
			err = fmt.Errorf("room %q is in it twice: %w", about.ID, archive.ErrInvalid)
		}
		if err == nil {
			seen[about.ID] = true
			err = checkRoom(ar, about.ID)
		}
		if err != nil {
			return 0, &UnreadableError{err}
		}
		info, err := m.store.Room(ctx, about.ID)
		switch {
		case errors.Is(err, store.ErrNoRoom):
		case err != nil && !errors.Is(err, room.ErrCorrupt):
			return 0, err
		case existing == Skip:
		case err != nil || !info.Deleted.IsZero() || info.Quarantine != "":
			closed.add(about.ID)
		case existing == Refuse && !m.fresh(info):
			exist.add(about.ID)
		}
	}
	for _, conflict := range []*ConflictError{closed, exist} {
		if len(conflict.Rooms) > 0 {
			return 0, conflict
		}
	}
	return len(seen), nil
}

// fresh reports whether nothing was ever written to a room that can be opened.
func (m *Manager) fresh(info store.Room) bool {
	if info.LastSeq != 0 || info.SnapshotKey != "" || info.Quarantine != "" || !info.Deleted.IsZero() {
		return false
	}
	blank := true
	m.rooms.View(info.ID, func(doc *crdt.Doc) { blank = doc.Stats().Clients == 0 && doc.Stats().Pending == 0 })
	return blank
}

// checkRoom builds every document of a room.
func checkRoom(ar *archive.Reader, id string) error {
	for {
		v, body, err := ar.NextVersion()
		if errors.Is(err, io.EOF) {
			break
		}
		if err == nil && body != nil {
			_, err = room.Stored{Snapshot: body}.Document()
		}
		if err != nil {
			return fmt.Errorf("version %d of room %q: %w", v.Number, id, err)
		}
	}
	body, err := ar.Document()
	if err == nil {
		_, err = room.Stored{Snapshot: body}.Document()
	}
	if err != nil {
		return fmt.Errorf("the document of room %q: %w", id, err)
	}
	return nil
}
