package postgres

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/symphony-rtc/symphony/internal/room"
	"github.com/symphony-rtc/symphony/internal/store"
	"github.com/symphony-rtc/symphony/internal/store/journal"
)

// claim is a store.Claim.
type claim struct {
	*journal.Room
	db *DB

	writing sync.Mutex // held by Point and Release for their whole time
}

var _ store.Claim = (*claim)(nil)

// Claim implements store.Catalog. The row's lock comes first and the look at the journal is a statement of its own
// after it: so it sees everything that the epoch before got written, and that epoch writes nothing any more.
func (db *DB) Claim(ctx context.Context, id string, events room.JournalEvents) (store.Claim, store.Room, error) {
	var row roomRow
	var stats journalStats
	err := db.transact(ctx, func(tx pgx.Tx) (err error) {
		now := time.Now().UnixMilli()
		if row, err = lockOrCreate(ctx, tx, id, now); err != nil {
			return err
		}
		if stats, err = readStats(ctx, tx, &row); err != nil {
			return err
		}
		if have := max(row.through, stats.last); row.lastSeq > have {
			return missing(have+1, row.lastSeq, id)
		}
		row.epoch++
		row.active = true
		row.host = int64(db.host.num)
		row.lastActive = now
		row.updated = max(row.updated, stats.updated)
		row.lastSeq = max(row.lastSeq, row.through, stats.last)
		_, err = tx.Exec(ctx, updateRoom, row.arguments()...)
		return err
	})
	if err != nil {
		return nil, store.Room{}, err
	}
	info := row.public(stats)
	return &claim{Room: db.journal.Open(id, row.num, row.epoch, info.LastSeq, events), db: db}, info, nil
}

// lockOrCreate locks the room's row. A new room gets a row with epoch 0.
func lockOrCreate(ctx context.Context, tx pgx.Tx, id string, now int64) (roomRow, error) {
	for {
		row, err := scanRoom(tx.QueryRow(ctx, `SELECT `+roomColumns+` FROM room r WHERE id = $1 FOR NO KEY UPDATE`, []byte(id)).Scan)
		if !errors.Is(err, pgx.ErrNoRows) {
			return row, err
		}
		row = roomRow{id: id, created: now, lastActive: now, generation: 1}
		if err := tx.QueryRow(ctx, `SELECT nextval('room_num')`).Scan(&row.num); err != nil {
			return row, err
		}
		tag, err := tx.Exec(ctx, `INSERT INTO room (num, id, created, updated, last_active, active, epoch, generation, snapshot_key,
			snapshot_bytes, through, last_seq, sum) VALUES ($1, $2, $3, 0, $3, 0, 0, 1, '', 0, 0, 0, $4) ON CONFLICT (id) DO NOTHING`,
			row.num, []byte(id), now, row.sum())
		if err != nil || tag.RowsAffected() == 1 {
			return row, err
		}
		// Another host has made it meanwhile, and its transaction is over.
	}
}

// updateRoom writes a row that is locked.
const updateRoom = `UPDATE room SET updated = $2, last_active = $3, active = $4, epoch = $5, snapshot_key = $6, snapshot_bytes = $7,
	through = $8, last_seq = $9, sum = $10, host = $11 WHERE num = $1`

func (r *roomRow) arguments() []any {
	active := int64(0)
	if r.active {
		active = 1
	}
	return []any{r.num, r.updated, r.lastActive, active, int64(r.epoch), r.snapshotKey, r.snapshotBytes,
		int64(r.through), int64(r.lastSeq), r.sum(), r.host}
}

// transact runs f with the claim's row, locked. If the epoch is over the error is room.ErrFenced.
func (c *claim) transact(ctx context.Context, f func(tx pgx.Tx, row *roomRow, now int64) error) error {
	c.writing.Lock()
	defer c.writing.Unlock()
	locked := false
	err := c.db.transact(ctx, func(tx pgx.Tx) error {
		locked = false
		row, err := scanRoom(tx.QueryRow(ctx, `SELECT `+roomColumns+` FROM room r WHERE num = $1 FOR NO KEY UPDATE`, c.Num).Scan)
		locked = err == nil
		switch {
		case errors.Is(err, pgx.ErrNoRows):
			return room.ErrFenced
		case err != nil:
			return err
		case row.epoch != c.Epoch:
			return room.ErrFenced
		}
		return f(tx, &row, time.Now().UnixMilli())
	})
	c.db.doubts.note(c, err, locked)
	return err
}

// Point implements store.Claim.
func (c *claim) Point(ctx context.Context, key string, size int64, through uint64) (previous string, err error) {
	err = c.transact(ctx, func(tx pgx.Tx, row *roomRow, now int64) error {
		durable := c.Durable()
		if through > durable || through < row.through {
			return fmt.Errorf("a snapshot through update %d cannot follow one through %d, with updates durable up to %d",
				through, row.through, durable)
		}
		stats, err := readStats(ctx, tx, row)
		if err != nil {
			return err
		}
		previous = row.snapshotKey
		row.snapshotKey, row.snapshotBytes, row.through = key, size, through
		row.lastActive = now
		row.updated = max(row.updated, stats.updated)
		row.lastSeq = max(row.lastSeq, durable)
		var b pgx.Batch
		b.Queue(updateRoom, row.arguments()...)
		b.Queue(`DELETE FROM journal WHERE room = $1 AND last <= $2`, c.Num, int64(through))
		return tx.SendBatch(ctx, &b).Close()
	})
	if err != nil {
		return "", err
	}
	return previous, nil
}

// Release implements room.Handle. Releasing a claim that is fenced only ends it: the room is somebody else's.
func (c *claim) Release(ctx context.Context) error {
	if ended, err := c.Releasable(); ended || err != nil {
		return err
	}
	err := c.transact(ctx, func(tx pgx.Tx, row *roomRow, now int64) error {
		stats, err := readStats(ctx, tx, row)
		if err != nil {
			return err
		}
		row.active, row.host = false, 0
		row.lastActive = now
		row.updated = max(row.updated, stats.updated)
		row.lastSeq = max(row.lastSeq, c.Durable())
		_, err = tx.Exec(ctx, updateRoom, row.arguments()...)
		return err
	})
	if err != nil && !errors.Is(err, room.ErrFenced) {
		return err
	}
	c.End()
	return nil
}
