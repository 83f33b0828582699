package records

import (
	"context"
	"time"

	"github.com/symphony-rtc/symphony/internal/store"
)

// Tx is a transaction of a backend. Arguments are int64, string (for TEXT) and []byte that is not nil (for BLOB and
// BYTEA); the same types, by pointer, are what scan is given. A query's placeholders are question marks; Placeholders
// writes them for Postgres. A backend may want to prepare each text once: there are few, and none is made of data.
type Tx interface {
	// Exec runs a statement and returns the number of rows it changed.
	Exec(ctx context.Context, query string, args ...any) (changed int64, err error)
	// Query calls row with each row of the result. No other statement runs meanwhile.
	Query(ctx context.Context, query string, row func(scan func(dest ...any) error) error, args ...any) error

	// Lock is what a SELECT of the room whose row is going to be changed ends with: "" where writing transactions run one
	// after the other anyway (SQLite), "FOR UPDATE" elsewhere.
	Lock() string
	// NewRoom returns a number that no room ever had, for the column num.
	NewRoom(ctx context.Context) (num int64, err error)
	// Journal sums up the journal rows of a room. Rows that its snapshot covers may be among them. If the rows do not hold
	// together the error wraps room.ErrCorrupt, and the sum is of those that can be read.
	Journal(ctx context.Context, num int64) (JournalStats, error)
	// DropJournal removes the journal rows of a room whose updates are all numbered through or below. With Everything
	// it removes all of them, the damaged ones included, and what the backend remembers about their damage. Nothing of it
	// may have an effect if the transaction fails.
	DropJournal(ctx context.Context, num int64, through uint64) error
}

// Fencer is what the Tx of a backend also is whose journal is fenced in memory, because one process writes it.
type Fencer interface {
	// Fence says that, once the transaction is durable and for blocks that are part of it, only a host with this epoch may write
	// to the journal of a room; with 0 none may.
	Fence(num int64, epoch uint64)
}

func fence(tx Tx, num int64, epoch uint64) {
	if f, ok := tx.(Fencer); ok {
		f.Fence(num, epoch)
	}
}

// Everything is the argument of DropJournal that means all rows, whatever is in them.
const Everything = ^uint64(0)

// JournalStats sums up the journal rows of a room.
type JournalStats struct {
	Bytes   int64
	Last    uint64 // number of the newest update, 0 without rows
	Updated int64  // time of the newest row, milliseconds since 1970
}

// DB runs transactions.
type DB interface {
	// Write runs f in a transaction that is durable when Write returns nil, and has no effect if f or Write fails (or, if
	// the commit's outcome got lost, perhaps one). f may be called again when the database asks for a repetition, as after a deadlock:
	// transactions that change several rooms do so in the order of their ids.
	Write(ctx context.Context, f func(tx Tx) error) error
	// Read runs f with a view of what is committed. Only Query may be called.
	Read(ctx context.Context, f func(tx Tx) error) error
}

// Records implements store.Versions, store.Lifecycle and store.Visits over a DB. Safe for concurrent use.
type Records struct {
	db  DB
	now func() time.Time
}

var (
	_ store.Versions  = (*Records)(nil)
	_ store.Lifecycle = (*Records)(nil)
	_ store.Visits    = (*Records)(nil)
)

// New returns the records in db. now is the clock, time.Now if it is nil.
func New(db DB, now func() time.Time) *Records {
	if now == nil {
		now = time.Now
	}
	return &Records{db: db, now: now}
}

func (r *Records) millis() int64 { return r.now().UnixMilli() }
