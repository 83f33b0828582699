package store

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// OrphanAge is how old an object should be to count as an orphan where several hosts store objects: no save takes so long.
const OrphanAge = time.Hour

// CleanOrphans removes the objects that look like snapshots, are older than age, and that nothing points to: what a crash
// between storing an object and pointing to it, or between pointing elsewhere and removing it, leaves behind. Where the
// objects belong to this process alone, age may be 0 before the first Save; else it is OrphanAge, and the Objects must be
// AgedObjects; and then it spares the objects of rooms that the catalog does not know, which may be another installation's. It returns how many it removed. The error wraps room.ErrCorrupt, and nothing is removed, if the catalog's record of
// some room is damaged.
func (s *Store) CleanOrphans(ctx context.Context, age time.Duration) (int, error) {
	used := make(map[string]struct{})
	err := s.catalog.SnapshotKeys(ctx, func(key string) error {
		used[key] = struct{}{}
		return nil
	})
	if err != nil {
		return 0, fmt.Errorf("list the snapshots in use: %w", err)
	}
	known := func(string) bool { return true }
	if age > 0 {
		names := make(map[string]struct{})
		if err := s.RoomIDs(ctx, func(id string) error {
			names[KeyName(id)] = struct{}{}
			return nil
		}); err != nil {
			return 0, err
		}
		known = func(key string) bool {
			_, ok := names[NameOf(key)]
			return ok
		}
	}
	removed := 0
	clean := func(key string) error {
		if _, ok := used[key]; ok || !IsSnapshotKey(key) || !known(key) {
			return nil
		}
		removed++
		return s.objects.Delete(ctx, key)
	}
	if age <= 0 {
		err = s.objects.List(ctx, clean)
	} else if aged, ok := s.objects.(AgedObjects); ok {
		err = aged.ListAged(ctx, func(key string, is time.Duration) error {
			if is < age {
				return nil
			}
			return clean(key)
		})
	} else {
		err = fmt.Errorf("the ages of objects are not known here: %w", errors.ErrUnsupported)
	}
	if err != nil {
		return removed, fmt.Errorf("remove snapshots that no room points to: %w", err)
	}
	return removed, nil
}

// RoomIDs calls f with the id of every room, deleted ones too, until f fails.
func (s *Store) RoomIDs(ctx context.Context, f func(id string) error) error {
	const page = 1000
	for after := ""; ; {
		list, err := s.Rooms(ctx, after, page)
		if err != nil {
			return fmt.Errorf("list the rooms: %w", err)
		}
		for _, r := range list {
			if err := f(r.ID); err != nil {
				return err
			}
			after = r.ID
		}
		if len(list) < page {
			return nil
		}
	}
}
