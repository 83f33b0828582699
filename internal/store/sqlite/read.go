package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/symphony-rtc/symphony/internal/room"
	"github.com/symphony-rtc/symphony/internal/store"
	"github.com/symphony-rtc/symphony/internal/store/journal"
	"github.com/symphony-rtc/symphony/internal/store/records"
)

// Rooms implements store.Reader. A row that fails its checksum is listed as it is; opening the room says what is wrong.
func (db *DB) Rooms(ctx context.Context, after string, limit int) ([]store.Room, error) {
	var found []records.Row
	err := readTx{db}.Query(ctx, `SELECT `+records.Columns+` FROM room WHERE id > ? ORDER BY id LIMIT ?`, func(scan func(...any) error) error {
		r, err := records.Scan(scan)
		if err != nil && r.ID == "" {
			return err
		}
		found = append(found, r)
		return nil
	}, []byte(after), limit)
	if err != nil {
		return nil, fmt.Errorf("list rooms: %w", explain(err))
	}
	list := make([]store.Room, len(found))
	for i, r := range found {
		stats := db.index.stats(r.Num)
		if r.Active { // it may have been saved between the query and the look at the index
			if now, err := db.room(ctx, r.ID); err == nil {
				r = now
			}
		}
		list[i] = r.Public(stats)
	}
	return list, nil
}

// Room implements store.Catalog.
func (db *DB) Room(ctx context.Context, id string) (store.Room, error) {
	r, err := db.room(ctx, id)
	if err != nil && !errors.Is(err, room.ErrCorrupt) {
		return store.Room{}, err
	}
	// As in load: the index before the row, else a Save in between would hide the newest updates.
	stats := db.index.stats(r.Num)
	if r, err = db.room(ctx, id); err != nil && !errors.Is(err, room.ErrCorrupt) {
		return store.Room{}, err
	}
	return r.Public(stats), err
}

func (db *DB) room(ctx context.Context, id string) (records.Row, error) {
	r, err := records.Find(ctx, readTx{db}, id, false)
	return r, explain(err)
}

// SnapshotKeys implements store.Catalog.
func (db *DB) SnapshotKeys(ctx context.Context, f func(key string) error) error {
	return explain(records.SnapshotKeys(ctx, readTx{db}, f))
}

// loadAttempts is how often a load follows a room that is being saved; each save would have to fall into a load of a
// few milliseconds.
const loadAttempts = 10

// errMoved says that a room was saved while it was being loaded: try again.
var errMoved = errors.New("the room changed while it was being read")

// Load implements store.Catalog. It holds no read transaction, which would keep the log from being reused: every row
// is a query of its own, so that many loads share few connections.
func (db *DB) Load(ctx context.Context, id string) (store.Room, [][]byte, error) {
	for attempt := 0; ; attempt++ {
		info, updates, err := db.load(ctx, id)
		if !errors.Is(err, errMoved) {
			return info, updates, err
		}
		if db.looking {
			return db.loadWhole(ctx, id)
		}
		if attempt == loadAttempts {
			return store.Room{}, nil, fmt.Errorf("%w, or rows are missing from the journal: %w", err, room.ErrCorrupt)
		}
	}
}

func (db *DB) load(ctx context.Context, id string) (store.Room, [][]byte, error) {
	r, err := db.room(ctx, id)
	if err != nil {
		return store.Room{}, nil, err
	}
	// The index first and then the row: so the snapshot covers at least what had left the index by then, and together
	// they are complete.
	refs, damage := db.index.take(r.Num)
	if damage != nil {
		return store.Room{}, nil, damage
	}
	if r, err = db.room(ctx, id); err != nil {
		return store.Room{}, nil, err
	}
	stats := records.JournalStats{}
	next := r.Through + 1
	var updates [][]byte
	for _, ref := range refs {
		if ref.last <= r.Through {
			continue
		}
		data, err := db.block(ctx, ref)
		if err != nil {
			return store.Room{}, nil, err
		}
		info, err := journal.CheckBlock(data, ref.n, r.Num)
		if err == nil && info.First > next {
			err = fmt.Errorf("updates %d to %d before it are missing", next, info.First-1)
		}
		if err == nil {
			updates, err = journal.AppendUpdates(updates, data, info, r.Through)
		}
		if err != nil {
			return store.Room{}, nil, damagedRow(ref.n, r.ID, err)
		}
		next = info.Last + 1
		stats = records.JournalStats{Bytes: stats.Bytes + int64(len(data)), Last: info.Last, Updated: info.Millis}
	}
	if r.LastSeq >= next {
		return store.Room{}, nil, errMoved
	}
	return r.Public(stats), updates, nil
}

// block reads the block that ref points to.
func (db *DB) block(ctx context.Context, ref blockRef) ([]byte, error) {
	var data []byte
	err := db.read.QueryRowContext(ctx, `SELECT substr(data, ?, ?) FROM journal WHERE n = ?`, int64(ref.off)+1, int64(ref.size), ref.n).Scan(&data)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, errMoved
	}
	return data, explain(err)
}

func damagedRow(n int64, id string, err error) error {
	return fmt.Errorf("journal row %d of room %q cannot be used: %w; nothing was changed, repair the room or restore the data directory from a backup: %w",
		n, id, err, room.ErrCorrupt)
}
