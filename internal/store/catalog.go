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
}

// Bytes is what the room occupies in storage: snapshot and journal.
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
	// Claim creates the room if need be and raises its epoch by one, durably.
	Claim(ctx context.Context, id string, events room.JournalEvents) (Claim, Room, error)
	// Load returns the room and, as one consistent state, the journalled updates after Room.Through in order.
	Load(ctx context.Context, id string) (Room, [][]byte, error)
	// Rooms and Room are those of Reader.
	Rooms(ctx context.Context, after string, limit int) ([]Room, error)
	Room(ctx context.Context, id string) (Room, error)
	// SnapshotKeys calls f with the key of every snapshot that a room points to, until f fails.
	SnapshotKeys(ctx context.Context, f func(key string) error) error
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
	// Point makes the snapshot under key, of size bytes, the room's newest and drops the journal rows up to through, in
	// one fenced transaction. It returns the key that was replaced. ErrFenced if the claim is over.
	Point(ctx context.Context, key string, size int64, through uint64) (previous string, err error)
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
