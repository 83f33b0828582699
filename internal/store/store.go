package store

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/symphony-rtc/symphony/internal/room"
)

// MaxIDBytes is the longest room id that can be stored.
const MaxIDBytes = 255

// Options of New. The zero value of each field means its default; a negative duration or number means no limit.
type Options struct {
	// KeepEvery makes a save an automatic version if the newest automatic one is older; 10 minutes. Negative: never.
	KeepEvery time.Duration
	// KeepVersions is how many automatic versions without a label a room keeps; 100.
	KeepVersions int
	// KeepFor is how long it keeps them; 90 days.
	KeepFor time.Duration
	// EraseAfter is how long a deleted room can be restored; 30 days.
	EraseAfter time.Duration
	// KeepVisits is how long the history of connections is kept; 30 days.
	KeepVisits time.Duration
	// Passive leaves undone what is due by time: for those who look at storage.
	Passive bool
	// Observe hears how long storage took. May be nil.
	Observe Observer
	// Log hears of what goes wrong in the background. Discards by default.
	Log *slog.Logger
	// Now is the clock by which retention is decided; time.Now by default. Give the catalog the same.
	Now func() time.Time
}

func (o Options) withDefaults() Options {
	const day = 24 * time.Hour
	setDefault(&o.KeepEvery, 10*time.Minute)
	setDefault(&o.KeepVersions, 100)
	setDefault(&o.KeepFor, 90*day)
	setDefault(&o.EraseAfter, 30*day)
	setDefault(&o.KeepVisits, 30*day)
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return o
}

func setDefault[T comparable](v *T, d T) {
	var zero T
	if *v == zero {
		*v = d
	}
}

// Store is a room.Store and a Reader over a Catalog and Objects, and what manages stored rooms: versions, deletion, repair,
// visits. Safe for concurrent use.
type Store struct {
	catalog Catalog
	objects Objects
	o       Options
	janitor *janitor
	keeper  *keeper
	visits  *recorder
}

// New composes a store. It owns both parts from now on.
func New(catalog Catalog, objects Objects, o Options) *Store {
	s := &Store{catalog: catalog, objects: objects, o: o.withDefaults(), janitor: newJanitor(catalog, objects)}
	s.visits = newRecorder(catalog.RecordVisits, s.o.Log)
	if !s.o.Passive {
		s.keeper = newKeeper(s)
	}
	return s
}

// Close makes everything appended durable and ends the store. Open handles must not be used any more.
func (s *Store) Close() error {
	if s.keeper != nil {
		s.keeper.close()
	}
	s.visits.close()
	err := s.catalog.Close()
	s.janitor.close()
	return err
}

// Objects returns the store's objects, for those who examine them.
func (s *Store) Objects() Objects { return s.objects }

// Open implements room.Store. The handle is a *Handle.
func (s *Store) Open(ctx context.Context, id string, events room.JournalEvents) (room.Handle, room.Stored, error) {
	h, stored, err := s.Claim(ctx, id, events)
	if err != nil {
		return nil, room.Stored{}, err
	}
	return h, stored, nil
}

// Claim is Open for those who want to do more with a room than a host does. A room whose data turns out to be damaged is
// put into quarantine. One whose snapshot is missing, or does not have the checksum that the storage gives with it, is not: that is
// what a wrong or failing bucket looks like, for every room that is opened, and the next Claim may find it well.
func (s *Store) Claim(ctx context.Context, id string, events room.JournalEvents) (*Handle, room.Stored, error) {
	if id == "" || len(id) > MaxIDBytes {
		return nil, room.Stored{}, fmt.Errorf("open room %q: a room id has 1 to %d bytes, this has %d", id, MaxIDBytes, len(id))
	}
	h, stored, err := s.claim(ctx, id, events)
	if err == nil {
		return h, stored, nil
	}
	if errors.Is(err, room.ErrCorrupt) && !errors.Is(err, ErrQuarantined) && !errors.Is(err, ErrNoObject) && !errors.Is(err, ErrDamagedObject) {
		if e := s.catalog.Quarantine(context.WithoutCancel(ctx), id, Reason(err)); e != nil {
			err = fmt.Errorf("%w (and noting that failed: %v)", err, e)
		}
	}
	return nil, room.Stored{}, fmt.Errorf("open room %q: %w", id, err)
}

func (s *Store) claim(ctx context.Context, id string, events room.JournalEvents) (*Handle, room.Stored, error) {
	claim, info, err := s.catalog.Claim(ctx, id, events)
	if err != nil {
		return nil, room.Stored{}, err
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
	if errors.Is(err, room.ErrCorrupt) {
		// Somebody who claimed the room since may have changed what was being read.
		if now, e := s.catalog.Room(ctx, id); e == nil && now.Epoch != epoch {
			err = room.ErrFenced
		}
	}
	if err != nil {
		// Nobody will hold the room: say so in the catalog, for which the caller's ctx may have no time left.
		if e := claim.Release(context.WithoutCancel(ctx)); e != nil && !errors.Is(err, room.ErrFenced) {
			err = fmt.Errorf("%w (and marking it inactive failed: %v)", err, e)
		}
		return nil, room.Stored{}, err
	}
	return &Handle{store: s, claim: claim, id: id, epoch: epoch}, stored, nil
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
		body, err := s.snapshot(ctx, info.ID, info.SnapshotKey, info.Through)
		if errors.Is(err, ErrNoObject) && attempt < 10 {
			// A host may have saved newer ones meanwhile. If the catalog has not moved, the object is really missing.
			before := info.SnapshotKey
			var e error
			if info, journal, e = s.catalog.Load(ctx, info.ID); e != nil {
				return room.Stored{}, e
			}
			if info.SnapshotKey != before {
				continue
			}
		}
		stored.Snapshot = body
		return stored, err
	}
}

// snapshot gets and checks a snapshot of a room. Errors wrap room.ErrCorrupt if the object is damaged, and ErrNoObject
// besides if it is missing.
func (s *Store) snapshot(ctx context.Context, id, key string, through uint64) ([]byte, error) {
	object, err := s.objects.Get(ctx, key)
	if errors.Is(err, ErrNoObject) {
		return nil, fmt.Errorf("snapshot %s of room %q: %w; repair the room or restore the file from a backup: %w",
			key, id, ErrNoObject, room.ErrCorrupt)
	}
	if err != nil && !errors.Is(err, ErrDamagedObject) {
		return nil, fmt.Errorf("get snapshot %s: %w", key, err)
	}
	var is snapshotInfo
	var body []byte
	if err == nil {
		is, body, err = parseSnapshot(object)
	}
	switch {
	case err != nil:
	case is.room != id:
		err = fmt.Errorf("it belongs to room %q", is.room)
	case is.through != through:
		err = fmt.Errorf("it goes through update %d instead of %d", is.through, through)
	default:
		return body, nil
	}
	return nil, fmt.Errorf("snapshot %s of room %q cannot be used: %w; nothing was changed, repair the room or restore the file "+
		"from a backup: %w", key, id, err, room.ErrCorrupt)
}
