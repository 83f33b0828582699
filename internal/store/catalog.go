package store

import (
	"context"
	"errors"
	"time"

	"github.com/symphony-rtc/symphony/internal/room"
)

// Room is what the catalog knows about one room.
type Room struct {
	ID            string
	Created       time.Time
	Updated       time.Time // of the newest durable update; zero if there never was one
	LastActive    time.Time // when it was last opened, saved or released
	Active        bool      // a host holds it open
	Epoch         uint64
	Generation    uint64
	SnapshotKey   string // key of the newest snapshot object, "" if there is none
	SnapshotBytes int64  // size of that object
	JournalBytes  int64  // size of the journal rows that the snapshot does not cover
	Through       uint64 // newest update that the snapshot contains
	LastSeq       uint64 // newest durable update

	// The snapshot before the newest one is kept too, so that a newest one that is damaged is not the only one. "" if
	// there is none of the same generation.
	PreviousKey     string
	PreviousThrough uint64

	Deleted    time.Time // when it was deleted; zero if it is not
	Quarantine string    // why it cannot be opened, "" if it can

	Members     int   // connections in it, as of the last second; 0 if no host has it open
	MostMembers int   // at the same time, ever
	Joins       int64 // connections that were ever in it
}

// Bytes is what the room's newest state occupies in storage: snapshot and journal.
func (r Room) Bytes() int64 { return r.SnapshotBytes + r.JournalBytes }

// Reader is the read-only view of stored rooms, for the management API. Its methods never change anything, claim
// nothing and do not delay writers. Safe for concurrent use.
type Reader interface {
	// Rooms lists up to limit rooms in byte order of their ids, beginning after the id after ("" for the first page).
	Rooms(ctx context.Context, after string, limit int) ([]Room, error)
	// Room describes one room. The error is ErrNoRoom if nobody ever opened it.
	Room(ctx context.Context, id string) (Room, error)
	// Read loads a room as it is stored now, whether or not a host has it open; what that host has not made durable yet
	// is not in it. Errors: ErrNoRoom, room.ErrCorrupt.
	Read(ctx context.Context, id string) (room.Stored, error)
}

// Catalog is the SQL half of a store. Safe for concurrent use.
type Catalog interface {
	Versions
	Lifecycle
	Visits
	// Claim creates the room if need be and raises its epoch by one, durably. A new room of an id that was erased has a higher
	// generation and a higher epoch than the erased one had. Errors: room.ErrDeleted; room.ErrCorrupt, with ErrQuarantined if
	// the room is in quarantine already.
	Claim(ctx context.Context, id string, events room.JournalEvents) (Claim, Room, error)
	// Load returns the room and, as one consistent state, the journalled updates after Room.Through in order.
	Load(ctx context.Context, id string) (Room, [][]byte, error)
	// Rooms and Room are those of Reader. If the catalog's own record of a room fails its checksum, Room returns it as it is
	// with an error that wraps room.ErrCorrupt.
	Rooms(ctx context.Context, after string, limit int) ([]Room, error)
	Room(ctx context.Context, id string) (Room, error)
	// SnapshotKeys calls f with the key of every snapshot that is in use, until f fails: newest and previous ones of rooms,
	// and versions. A key may come more than once. The error wraps room.ErrCorrupt if a room's record fails its checksum, so
	// that its keys cannot be believed.
	SnapshotKeys(ctx context.Context, f func(key string) error) error
	// Salvage returns those journalled updates of a room after number after that can be read, in order and each once. damage says
	// what is damaged or missing; err is for storage that cannot be read at all, and ErrNoRoom.
	Salvage(ctx context.Context, id string, after uint64) (updates [][]byte, damage []error, err error)
	// Repair makes a snapshot the state of a room that is damaged or in quarantine: it drops all journal rows of the room,
	// lifts the quarantine and raises the epoch. p.Through must be at least the newest update known, Room.LastSeq. With
	// damaged the newest snapshot is no good, so the previous one stays that. It returns the keys that nothing points to any more.
	Repair(ctx context.Context, id string, p Pointer, damaged bool) (free []string, err error)
	// Settled returns a channel that is closed once the outcome of every write asked for so far is certain, which may
	// take until some later write: one that failed can still surface after a crash, until another has succeeded.
	Settled() <-chan struct{}
	// Backlog is the number of bytes of all rooms that are appended and not yet durable.
	Backlog() int
	// Close makes everything appended durable and ends the catalog.
	Close() error
}

// Claim is one opened room in a Catalog. See room.Handle for Append, Backlog and Release.
type Claim interface {
	Append(seq uint64, update []byte)
	Backlog() int
	// Durable is the newest durable update.
	Durable() uint64
	// Point makes a snapshot the room's newest and the newest the previous, and drops the journal rows up to p.Through, in
	// one fenced transaction. It returns the keys that nothing points to any more. ErrFenced if the claim is over.
	Point(ctx context.Context, p Pointer) (free []string, err error)
	Release(ctx context.Context) error
}

// Observer hears how long storage took, for metrics. Calls come from the store's goroutines and must return at once.
type Observer interface {
	// JournalCommit reports one group commit of some updates with that many bytes; err if it failed and will be retried.
	JournalCommit(took time.Duration, updates, bytes int, err error)
	// SnapshotSaved reports one Save of so many bytes.
	SnapshotSaved(took time.Duration, bytes int, err error)
}

// ErrNoRoom says that a room was never opened, so nothing is stored about it.
var ErrNoRoom = errors.New("no such room")
