package store

import (
	"context"
	"errors"
	"fmt"

	"github.com/symphony-rtc/symphony/internal/room"
)

// Salvaged is what can be read of a room that may be damaged.
type Salvaged struct {
	room.Stored
	Key     string  // of the snapshot in it, "" if there is none
	Through uint64  // newest update inside that snapshot
	Damage  []error // what is damaged or missing; empty if everything is there
}

// Salvage implements room.Store.
func (s *Store) Salvage(ctx context.Context, id string) (room.Stored, error) {
	found, err := s.Examine(ctx, id)
	return found.Stored, err
}

// Examine reads as much of a room as can be read and says what is wrong with the rest, without changing anything: the
// newest snapshot of its generation that passes its checks, of the newest one, the previous one and the versions, and
// the updates in the journal that come after it. Updates may be missing in between; a document keeps what depends on
// those until they come. An error means that storage could not be asked, or ErrNoRoom.
func (s *Store) Examine(ctx context.Context, id string) (Salvaged, error) {
	found, err := s.examine(ctx, id)
	if err != nil {
		return Salvaged{}, fmt.Errorf("salvage room %q: %w", id, err)
	}
	return found, nil
}

func (s *Store) examine(ctx context.Context, id string) (Salvaged, error) {
	info, err := s.catalog.Room(ctx, id)
	if err != nil && !errors.Is(err, room.ErrCorrupt) {
		return Salvaged{}, err
	}
	found := Salvaged{Stored: room.Stored{Epoch: info.Epoch, Generation: info.Generation, LastSeq: info.LastSeq}}
	if err := s.newestGood(ctx, info, &found); err != nil {
		return Salvaged{}, err
	}
	updates, damage, err := s.catalog.Salvage(ctx, id, found.Through)
	found.Journal, found.Damage = updates, append(found.Damage, damage...)
	return found, err
}

// newestGood finds the newest snapshot that can be used.
func (s *Store) newestGood(ctx context.Context, info Room, found *Salvaged) error {
	tried := make(map[string]bool)
	try := func(key string, through uint64) (bool, error) {
		if key == "" || tried[key] {
			return false, nil
		}
		tried[key] = true
		body, err := s.snapshot(ctx, info.ID, key, through)
		switch {
		case err == nil:
			found.Snapshot, found.Key, found.Through = body, key, through
			return true, nil
		case errors.Is(err, room.ErrCorrupt):
			found.Damage = append(found.Damage, err)
			return false, nil
		}
		return false, err
	}
	if done, err := try(info.SnapshotKey, info.Through); done || err != nil {
		return err
	}
	if done, err := try(info.PreviousKey, info.PreviousThrough); done || err != nil {
		return err
	}
	return eachVersion(ctx, s.catalog, info.ID, func(v Version) (bool, error) {
		if v.Generation != info.Generation || v.Kind == VersionDamaged {
			return false, nil
		}
		return try(v.Key, v.Through)
	})
}

// eachVersion calls f with the versions of a room, newest first, until it is done.
func eachVersion(ctx context.Context, catalog Versions, id string, f func(Version) (done bool, err error)) error {
	const page = 100
	for before := uint64(0); ; {
		list, err := catalog.Versions(ctx, id, before, page)
		if err != nil {
			return err
		}
		for _, v := range list {
			if done, err := f(v); done || err != nil {
				return err
			}
			before = v.Number
		}
		if len(list) < page {
			return nil
		}
	}
}

// Recheck lifts a room's quarantine if nothing is wrong with the room any more, for example because a file was restored
// from a backup. Otherwise it returns what is wrong, wrapping room.ErrCorrupt.
func (s *Store) Recheck(ctx context.Context, id string) error {
	if _, err := s.Read(ctx, id); err != nil {
		return err
	}
	return s.catalog.Quarantine(ctx, id, "")
}

// Repair makes a snapshot (a V2 update), usually what Salvage found, the state of a room that is damaged or in quarantine,
// and lifts the quarantine. Journal rows of the room are dropped, damaged ones too; a host that has the room open is
// fenced. The generation stays. The newest snapshot stays as a version of kind VersionDamaged if it is damaged and still there.
func (s *Store) Repair(ctx context.Context, id string, snapshot []byte) error {
	if err := s.repair(ctx, id, snapshot); err != nil {
		return fmt.Errorf("repair room %q: %w", id, err)
	}
	return nil
}

func (s *Store) repair(ctx context.Context, id string, snapshot []byte) error {
	info, err := s.catalog.Room(ctx, id)
	if err != nil && !errors.Is(err, room.ErrCorrupt) {
		return err
	}
	damaged := false
	if info.SnapshotKey != "" {
		_, err := s.snapshot(ctx, id, info.SnapshotKey, info.Through)
		if damaged = errors.Is(err, room.ErrCorrupt); err != nil && !damaged {
			return err
		}
		if damaged && !errors.Is(err, ErrNoObject) {
			if err := s.keepDamaged(ctx, info); err != nil {
				return err
			}
		}
	}
	p := Pointer{Through: info.LastSeq}
	if err := s.put(ctx, &p, id, info.Epoch+1, snapshot); err != nil {
		return err
	}
	free, err := s.catalog.Repair(ctx, id, p, damaged)
	if err != nil {
		s.janitor.removeIfUnused(id, p.Key)
		return err
	}
	s.janitor.remove(free...)
	return nil
}

// keepDamaged makes the newest snapshot a version, unless an attempt at a repair did that before.
func (s *Store) keepDamaged(ctx context.Context, info Room) error {
	kept := false
	err := eachVersion(ctx, s.catalog, info.ID, func(v Version) (bool, error) {
		kept = v.Key == info.SnapshotKey
		return kept, nil
	})
	if err != nil || kept {
		return err
	}
	_, err = s.catalog.Keep(ctx, info.ID, VersionDamaged, "")
	return err
}
