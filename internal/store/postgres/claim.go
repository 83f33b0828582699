package postgres

import (
	"context"
	"errors"

	"github.com/symphony-rtc/symphony/internal/room"
	"github.com/symphony-rtc/symphony/internal/store"
	"github.com/symphony-rtc/symphony/internal/store/journal"
	"github.com/symphony-rtc/symphony/internal/store/records"
)

// claim is a store.Claim.
type claim struct {
	*journal.Room
	db *DB
}

var _ store.Claim = (*claim)(nil)

// writeRoom is write for a transaction about one room.
func (db *DB) writeRoom(ctx context.Context, id string, f func(tx *roomTx, now int64) error) error {
	err := db.write(ctx, f)
	db.doubts.note(id, err)
	return err
}

// Claim implements store.Catalog.
func (db *DB) Claim(ctx context.Context, id string, events room.JournalEvents) (store.Claim, store.Room, error) {
	var row records.Row
	var stats records.JournalStats
	err := db.writeRoom(ctx, id, func(tx *roomTx, now int64) (err error) {
		tx.ends = true
		if row, stats, err = records.Claim(ctx, tx, id, now); err != nil {
			return err
		}
		_, err = tx.Tx.Exec(ctx, `UPDATE room SET host = $2 WHERE num = $1 AND host <> $2`, row.Num, int64(db.host.num))
		return err
	})
	if err != nil {
		return nil, store.Room{}, err
	}
	info := row.Public(stats)
	return &claim{Room: db.journal.Open(id, row.Num, row.Epoch, info.LastSeq, events), db: db}, info, nil
}

// Point implements store.Claim.
func (c *claim) Point(ctx context.Context, p store.Pointer) (free []string, err error) {
	err = c.db.writeRoom(ctx, c.ID, func(tx *roomTx, now int64) (err error) {
		free, err = records.Point(ctx, tx, c.ID, c.Num, c.Epoch, p, c.Durable(), now)
		return err
	})
	if err != nil {
		return nil, err
	}
	return free, nil
}

// Release implements room.Handle. Releasing a claim that is fenced only ends it: the room is somebody else's.
func (c *claim) Release(ctx context.Context) error {
	if ended, err := c.Releasable(); ended || err != nil {
		return err
	}
	err := c.db.writeRoom(ctx, c.ID, func(tx *roomTx, now int64) error {
		return records.Release(ctx, tx, c.ID, c.Num, c.Epoch, c.Durable(), now)
	})
	if err != nil && !errors.Is(err, room.ErrFenced) {
		return err
	}
	c.End()
	return nil
}

// Repair implements store.Catalog.
func (db *DB) Repair(ctx context.Context, id string, p store.Pointer, damaged bool) (free []string, err error) {
	err = db.writeRoom(ctx, id, func(tx *roomTx, now int64) (err error) {
		tx.ends = true
		free, err = records.Repair(ctx, tx, id, p, damaged, now)
		return err
	})
	if err != nil {
		return nil, err
	}
	return free, nil
}
