package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/symphony-rtc/symphony/internal/room"
	"github.com/symphony-rtc/symphony/internal/store"
	"github.com/symphony-rtc/symphony/internal/store/journal"
)

// Rooms implements store.Reader. A row that fails its checksum is listed as it is; opening the room says what is wrong.
func (db *DB) Rooms(ctx context.Context, after string, limit int) ([]store.Room, error) {
	rows, err := db.read.QueryContext(ctx, `SELECT `+roomColumns+` FROM room WHERE id > ? ORDER BY id LIMIT ?`, []byte(after), limit)
	if err != nil {
		return nil, fmt.Errorf("list rooms: %w", explain(err))
	}
	defer rows.Close()
	var found []roomRow
	for rows.Next() {
		r, err := scanRoom(rows.Scan)
		if err != nil && r.id == "" {
			return nil, fmt.Errorf("list rooms: %w", explain(err))
		}
		found = append(found, r)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("list rooms: %w", explain(err))
	}
	rows.Close() // gives the connection back, which the queries below may need
	list := make([]store.Room, len(found))
	for i, r := range found {
		stats := db.index.stats(r.num)
		if r.active { // it may have been saved between the query and the look at the index
			if now, err := db.room(ctx, r.id); err == nil {
				r = now
			}
		}
		list[i] = r.public(stats)
	}
	return list, nil
}

// Room implements store.Reader.
func (db *DB) Room(ctx context.Context, id string) (store.Room, error) {
	r, err := db.room(ctx, id)
	if err != nil {
		return store.Room{}, err
	}
	// As in load: the index before the row, else a Save in between would hide the newest updates.
	stats := db.index.stats(r.num)
	if r, err = db.room(ctx, id); err != nil {
		return store.Room{}, err
	}
	return r.public(stats), nil
}

func (db *DB) room(ctx context.Context, id string) (roomRow, error) {
	r, err := scanRoom(db.read.QueryRowContext(ctx, `SELECT `+roomColumns+` FROM room WHERE id = ?`, []byte(id)).Scan)
	if errors.Is(err, sql.ErrNoRows) {
		return r, store.ErrNoRoom
	}
	return r, explain(err)
}

// SnapshotKeys implements store.Catalog.
func (db *DB) SnapshotKeys(ctx context.Context, f func(key string) error) error {
	rows, err := db.read.QueryContext(ctx, `SELECT snapshot_key FROM room WHERE snapshot_key <> ''`)
	if err != nil {
		return explain(err)
	}
	defer rows.Close()
	for rows.Next() {
		var key string
		if err := rows.Scan(&key); err != nil {
			return err
		}
		if err := f(key); err != nil {
			return err
		}
	}
	return explain(rows.Err())
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
	refs, damage := db.index.take(r.num)
	if damage != nil {
		return store.Room{}, nil, damage
	}
	if r, err = db.room(ctx, id); err != nil {
		return store.Room{}, nil, err
	}
	stats := journalStats{}
	next := r.through + 1
	var updates [][]byte
	for _, ref := range refs {
		if ref.last <= r.through {
			continue
		}
		data, err := db.row(ctx, ref.n)
		if err != nil {
			return store.Room{}, nil, err
		}
		info, err := journal.CheckBlock(data, ref.n, r.num)
		if err == nil && info.First > next {
			err = fmt.Errorf("updates %d to %d before it are missing", next, info.First-1)
		}
		if err == nil {
			updates, err = journal.AppendUpdates(updates, data, info, r.through)
		}
		if err != nil {
			return store.Room{}, nil, damagedRow(ref.n, r.id, err)
		}
		next = info.Last + 1
		stats = journalStats{bytes: stats.bytes + int64(len(data)), last: info.Last, updated: info.Millis}
	}
	if r.lastSeq >= next {
		return store.Room{}, nil, errMoved
	}
	return r.public(stats), updates, nil
}

func (db *DB) row(ctx context.Context, n int64) ([]byte, error) {
	var data []byte
	err := db.read.QueryRowContext(ctx, `SELECT data FROM journal WHERE n = ?`, n).Scan(&data)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, errMoved
	}
	return data, explain(err)
}

func damagedRow(n int64, id string, err error) error {
	return fmt.Errorf("journal row %d of room %q cannot be used: %w; nothing was changed, restore the data directory from a backup: %w",
		n, id, err, room.ErrCorrupt)
}
