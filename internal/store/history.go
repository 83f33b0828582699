package store

import (
	"context"
	"fmt"
	"time"
)

// Keep makes the newest stored snapshot of a room a version. A host that has the room open may be ahead of it: save first.
// Errors: ErrNoRoom; ErrNoVersion if there is no snapshot yet.
func (s *Store) Keep(ctx context.Context, id, kind, label string) (Version, error) {
	v, err := s.catalog.Keep(ctx, id, kind, label)
	if err != nil {
		return Version{}, fmt.Errorf("keep a version of room %q: %w", id, err)
	}
	return v, nil
}

// Versions lists up to limit versions of a room, newest first, with numbers below before (0 for no bound).
func (s *Store) Versions(ctx context.Context, id string, before uint64, limit int) ([]Version, error) {
	list, err := s.catalog.Versions(ctx, id, before, limit)
	if err != nil {
		return nil, fmt.Errorf("list the versions of room %q: %w", id, err)
	}
	return list, nil
}

// ReadVersion returns a version and its document, a V2 update. Errors: ErrNoVersion, room.ErrCorrupt.
func (s *Store) ReadVersion(ctx context.Context, id string, number uint64) (Version, []byte, error) {
	v, err := s.catalog.Version(ctx, id, number)
	if err == nil {
		var snapshot []byte
		if snapshot, err = s.snapshot(ctx, id, v.Key, v.Through); err == nil {
			return v, snapshot, nil
		}
	}
	return Version{}, nil, fmt.Errorf("read version %d of room %q: %w", number, id, err)
}

// Label names a version; "" takes the name away. ErrNoVersion if there is none.
func (s *Store) Label(ctx context.Context, id string, number uint64, label string) error {
	if err := s.catalog.Label(ctx, id, number, label); err != nil {
		return fmt.Errorf("label version %d of room %q: %w", number, id, err)
	}
	return nil
}

// Drop ends a version. Its object is removed in the background if nothing else needs it. ErrNoVersion if there is none.
func (s *Store) Drop(ctx context.Context, id string, number uint64) error {
	free, err := s.catalog.Drop(ctx, id, number)
	if err != nil {
		return fmt.Errorf("drop version %d of room %q: %w", number, id, err)
	}
	s.janitor.remove(free...)
	return nil
}

// Delete marks a room deleted: it cannot be opened, a host that has it open is fenced, and it is erased for good when
// Options.EraseAfter is over. Deleting it again changes nothing. ErrNoRoom.
func (s *Store) Delete(ctx context.Context, id string) error {
	if err := s.catalog.Delete(ctx, id); err != nil {
		return fmt.Errorf("delete room %q: %w", id, err)
	}
	return nil
}

// Undelete takes the mark away. ErrNoRoom.
func (s *Store) Undelete(ctx context.Context, id string) error {
	if err := s.catalog.Undelete(ctx, id); err != nil {
		return fmt.Errorf("restore the deleted room %q: %w", id, err)
	}
	return nil
}

// Erase removes everything about a room for good; its objects go in the background. ErrNoRoom.
func (s *Store) Erase(ctx context.Context, id string) error {
	free, err := s.catalog.Erase(ctx, id)
	if err != nil {
		return fmt.Errorf("erase room %q: %w", id, err)
	}
	s.janitor.remove(free...)
	return nil
}

// Quarantine notes why a room cannot be opened; "" lifts it, whatever the room is like (see Recheck). ErrNoRoom.
func (s *Store) Quarantine(ctx context.Context, id, reason string) error {
	if err := s.catalog.Quarantine(ctx, id, reason); err != nil {
		return fmt.Errorf("put room %q into quarantine or take it out: %w", id, err)
	}
	return nil
}

// Visits lists up to limit visits of a room, newest first, that joined before a time (zero for no bound).
func (s *Store) Visits(ctx context.Context, id string, before time.Time, limit int) ([]Visit, error) {
	list, err := s.catalog.Visits(ctx, id, before, limit)
	if err != nil {
		return nil, fmt.Errorf("list the visits of room %q: %w", id, err)
	}
	return list, nil
}

// Joined notes that a visit began. It returns at once; the catalog has it within a second or so. When storage is down for
// long the oldest are forgotten.
func (s *Store) Joined(v Visit) { s.visits.add(v) }

// Left notes that a visit is over. v is as it was given to Joined, with Left and Reason.
func (s *Store) Left(v Visit) { s.visits.add(v) }
