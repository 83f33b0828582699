package store

import (
	"context"
	"errors"
)

// Snapshot reads a snapshot of a room that the catalog says is at key and goes through that update. The error wraps
// room.ErrCorrupt if the object is damaged or missing, and then ErrNoObject besides.
func (s *Store) Snapshot(ctx context.Context, id, key string, through uint64) ([]byte, error) {
	return s.snapshot(ctx, id, key, through)
}

// SnapshotKeys calls f with the key of every snapshot that is in use, as Catalog's SnapshotKeys.
func (s *Store) SnapshotKeys(ctx context.Context, f func(key string) error) error {
	return s.catalog.SnapshotKeys(ctx, f)
}

// CountRooms returns how many rooms there are. The error wraps errors.ErrUnsupported if the catalog cannot count.
func (s *Store) CountRooms(ctx context.Context) (int64, error) {
	if c, ok := s.catalog.(interface {
		CountRooms(ctx context.Context) (int64, error)
	}); ok {
		return c.CountRooms(ctx)
	}
	return 0, errors.ErrUnsupported
}
