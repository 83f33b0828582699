package store

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/symphony-rtc/symphony/internal/room"
)

// MaxIDBytes is the longest room id that can be stored.
const MaxIDBytes = 255

// Store is a room.Store and a Reader over a Catalog and Objects. Safe for concurrent use.
type Store struct {
	catalog Catalog
	objects Objects
	observe Observer
	janitor *janitor
}

// New composes a store. It owns both parts from now on. observe may be nil.
func New(catalog Catalog, objects Objects, observe Observer) *Store {
	return &Store{catalog: catalog, objects: objects, observe: observe, janitor: newJanitor(catalog, objects)}
}

// Close makes everything appended durable and ends the store. Open handles must not be used any more.
func (s *Store) Close() error {
	err := s.catalog.Close()
	s.janitor.close()
	return err
}

// Open implements room.Store.
func (s *Store) Open(ctx context.Context, id string, events room.JournalEvents) (room.Handle, room.Stored, error) {
	if id == "" || len(id) > MaxIDBytes {
		return nil, room.Stored{}, fmt.Errorf("open room %q: a room id has 1 to %d bytes, this has %d", id, MaxIDBytes, len(id))
	}
	claim, info, err := s.catalog.Claim(ctx, id, events)
	if err != nil {
		return nil, room.Stored{}, fmt.Errorf("open room %q: %w", id, err)
	}
	epoch := info.Epoch
	var journal [][]byte
	if info.JournalBytes > 0 {
		info, journal, err = s.catalog.Load(ctx, id)
	}
	var stored room.Stored
	if err == nil {
		stored, err = s.load(ctx, info, journal)
	}
	if err == nil && stored.Epoch != epoch {
		err = room.ErrFenced // somebody else claimed the room while it was being loaded
	}
	if err != nil {
		// Nobody will hold the room: say so in the catalog, for which the caller's ctx may have no time left.
		if e := claim.Release(context.WithoutCancel(ctx)); e != nil && !errors.Is(err, room.ErrFenced) {
			err = fmt.Errorf("%w (and marking it inactive failed: %v)", err, e)
		}
		return nil, room.Stored{}, fmt.Errorf("open room %q: %w", id, err)
	}
	return &handle{store: s, claim: claim, id: id, epoch: epoch}, stored, nil
}

// Read implements Reader.
func (s *Store) Read(ctx context.Context, id string) (room.Stored, error) {
	info, journal, err := s.catalog.Load(ctx, id)
	if err == nil {
		var stored room.Stored
		if stored, err = s.load(ctx, info, journal); err == nil {
			return stored, nil
		}
	}
	return room.Stored{}, fmt.Errorf("read room %q: %w", id, err)
}

// Backlog implements room.Store.
func (s *Store) Backlog() int { return s.catalog.Backlog() }

// Salvage implements room.Store.
func (s *Store) Salvage(ctx context.Context, id string) (room.Stored, error) { return s.Read(ctx, id) }

// Rooms implements Reader.
func (s *Store) Rooms(ctx context.Context, after string, limit int) ([]Room, error) {
	return s.catalog.Rooms(ctx, after, limit)
}

// Room implements Reader.
func (s *Store) Room(ctx context.Context, id string) (Room, error) { return s.catalog.Room(ctx, id) }

// load adds the snapshot to what the catalog had of a room a moment ago.
func (s *Store) load(ctx context.Context, info Room, journal [][]byte) (room.Stored, error) {
	for attempt := 0; ; attempt++ {
		stored := room.Stored{Epoch: info.Epoch, Generation: info.Generation, Journal: journal, LastSeq: info.LastSeq}
		if info.SnapshotKey == "" {
			return stored, nil
		}
		object, err := s.objects.Get(ctx, info.SnapshotKey)
		if errors.Is(err, ErrNoObject) && attempt < 10 {
			// A host may have saved a newer one meanwhile. If the catalog has not moved, the object is really missing.
			before := info.SnapshotKey
			if info, journal, err = s.catalog.Load(ctx, info.ID); err != nil {
				return room.Stored{}, err
			}
			if info.SnapshotKey != before {
				continue
			}
			err = ErrNoObject
		}
		if errors.Is(err, ErrNoObject) {
			return room.Stored{}, fmt.Errorf("snapshot %s of room %q is missing, restore the file from a backup: %w",
				info.SnapshotKey, info.ID, room.ErrCorrupt)
		}
		if err != nil {
			return room.Stored{}, fmt.Errorf("get snapshot %s: %w", info.SnapshotKey, err)
		}
		stored.Snapshot, err = checkSnapshot(object, info)
		return stored, err
	}
}

// checkSnapshot returns the body of an object that must be the snapshot that info points to.
func checkSnapshot(object []byte, info Room) ([]byte, error) {
	is, body, err := parseSnapshot(object)
	switch {
	case err != nil:
	case is.room != info.ID:
		err = fmt.Errorf("it belongs to room %q", is.room)
	case is.through != info.Through:
		err = fmt.Errorf("it goes through update %d instead of %d", is.through, info.Through)
	default:
		return body, nil
	}
	return nil, fmt.Errorf("snapshot %s of room %q cannot be used: %w; nothing was changed, restore the file from a backup: %w",
		info.SnapshotKey, info.ID, err, room.ErrCorrupt)
}

// handle is a room.Handle.
type handle struct {
	store *Store
	claim Claim
	id    string
	epoch uint64
	save  sync.Mutex // one Save at a time
}

func (h *handle) Append(seq uint64, update []byte) { h.claim.Append(seq, update) }

func (h *handle) Backlog() int { return h.claim.Backlog() }

func (h *handle) Release(ctx context.Context) error {
	if err := h.claim.Release(ctx); err != nil {
		return fmt.Errorf("release room %q: %w", h.id, err)
	}
	return nil
}

// Save implements room.Handle. Saves of one handle wait for each other.
func (h *handle) Save(ctx context.Context, through uint64, snapshot []byte) error {
	h.save.Lock()
	defer h.save.Unlock()
	began := time.Now()
	err := h.saveLocked(ctx, through, snapshot)
	if err != nil {
		err = fmt.Errorf("save room %q through update %d: %w", h.id, through, err)
	}
	if h.store.observe != nil {
		h.store.observe.SnapshotSaved(time.Since(began), len(snapshot), err)
	}
	return err
}

func (h *handle) saveLocked(ctx context.Context, through uint64, snapshot []byte) error {
	if durable := h.claim.Durable(); through > durable {
		return fmt.Errorf("only updates up to %d are durable", durable)
	}
	key := NewSnapshotKey(h.id, h.epoch, through)
	header, body := encodeSnapshot(snapshotInfo{room: h.id, epoch: h.epoch, through: through}, snapshot)
	if err := h.store.objects.Put(ctx, key, header, body); err != nil {
		h.store.janitor.remove(key)
		return fmt.Errorf("put snapshot: %w", err)
	}
	previous, err := h.claim.Point(ctx, key, int64(len(header)+len(body)), through)
	switch {
	case errors.Is(err, room.ErrFenced):
		h.store.janitor.remove(key)
		return err
	case err != nil:
		h.store.janitor.removeIfUnused(h.id, key)
		return err
	}
	if previous != "" {
		h.store.janitor.remove(previous)
	}
	return nil
}
