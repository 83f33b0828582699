package sqlite

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

// Claim implements store.Catalog. Claims of many rooms at the same time share commits.
func (db *DB) Claim(ctx context.Context, id string, events room.JournalEvents) (store.Claim, store.Room, error) {
	var row records.Row
	var stats records.JournalStats
	err := db.write(ctx, true, func(tx *writeTx, now int64) (err error) {
		row, stats, err = records.Claim(ctx, tx, id, now)
		return err
	})
	if err != nil {
		return nil, store.Room{}, err
	}
	info := row.Public(stats)
	return &claim{Room: db.journal.Open(id, row.Num, row.Epoch, info.LastSeq, events), db: db}, info, nil
}

// Point implements store.Claim. The covered rows leave the journal with the commit, because loading skips what the
// snapshot covers; the space they take is given back later, a segment at a time.
func (c *claim) Point(ctx context.Context, p store.Pointer) (free []string, err error) {
	err = c.db.write(ctx, false, func(tx *writeTx, now int64) (err error) {
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
	err := c.db.write(ctx, false, func(tx *writeTx, now int64) error {
		tx.after = append(tx.after, func() { c.db.release(c.Num, c.Epoch) })
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
	err = db.write(ctx, true, func(tx *writeTx, now int64) (err error) {
		free, err = records.Repair(ctx, tx, id, p, damaged, now)
		return err
	})
	if err != nil {
		return nil, err
	}
	return free, nil
}
