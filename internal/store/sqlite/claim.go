package sqlite

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"sync"

	"github.com/symphony-rtc/symphony/internal/room"
	"github.com/symphony-rtc/symphony/internal/store"
	"github.com/symphony-rtc/symphony/internal/store/journal"
)

// claim is a store.Claim.
type claim struct {
	*journal.Room
	db *DB

	writing sync.Mutex // held by Point and Release for their whole time: both rewrite row

	mu  sync.Mutex
	row roomRow
}

var _ store.Claim = (*claim)(nil)

// Claim implements store.Catalog. Claims of many rooms at the same time share commits.
func (db *DB) Claim(ctx context.Context, id string, events room.JournalEvents) (store.Claim, store.Room, error) {
	var row roomRow
	var stats journalStats
	err := db.do(ctx, true, func(w *conn, now int64) (func(), error) {
		found := false
		err := w.query(`SELECT `+roomColumns+` FROM room WHERE id = ?`, func(values []driver.Value) (err error) {
			found = true
			row, err = scanRoom(scanner(values))
			return err
		}, []byte(id))
		if err != nil {
			return nil, err
		}
		if !found {
			row = roomRow{num: db.nextRoom, id: id, created: now, lastActive: now, active: true, epoch: 1, generation: 1}
			db.nextRoom++
			_, err := w.exec(`INSERT INTO room (`+roomColumns+`) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?)`, row.values()...)
			return nil, err
		}
		if err := db.index.damaged(row.num); err != nil {
			return nil, err
		}
		fence := row.epoch
		stats = db.index.stats(row.num)
		if have := max(row.through, stats.last); row.lastSeq > have {
			return nil, missing(have+1, row.lastSeq, id)
		}
		row.epoch++
		row.active = true
		row.lastActive = now
		row.updated = max(row.updated, stats.updated)
		row.lastSeq = max(row.lastSeq, row.through, stats.last)
		return nil, updateRoom(w, &row, fence)
	})
	if err != nil {
		return nil, store.Room{}, err
	}
	info := row.public(stats)
	return &claim{Room: db.journal.Open(id, row.num, row.epoch, info.LastSeq, events), db: db, row: row}, info, nil
}

// updateRoom writes a row whose epoch in the table must be fence, else the error is room.ErrFenced.
func updateRoom(w *conn, r *roomRow, fence uint64) error {
	changed, err := w.exec(`UPDATE room SET updated=?, last_active=?, active=?, epoch=?, snapshot_key=?, snapshot_bytes=?,
		through=?, last_seq=?, sum=? WHERE num=? AND epoch=?`,
		r.updated, r.lastActive, b2i(r.active), int64(r.epoch), r.snapshotKey, r.snapshotBytes,
		int64(r.through), int64(r.lastSeq), r.sum(), r.num, int64(fence))
	if err == nil && changed == 0 {
		err = room.ErrFenced
	}
	return err
}

// Point implements store.Claim. The covered rows leave the journal with the commit, because loading skips what the
// snapshot covers; the space they take is given back later, a segment at a time.
func (c *claim) Point(ctx context.Context, key string, size int64, through uint64) (previous string, err error) {
	c.writing.Lock()
	defer c.writing.Unlock()
	err = c.db.do(ctx, false, func(w *conn, now int64) (func(), error) {
		row, durable := c.latest(), c.Durable()
		if through > durable || through < row.through {
			return nil, fmt.Errorf("a snapshot through update %d cannot follow one through %d, with updates durable up to %d",
				through, row.through, durable)
		}
		previous = row.snapshotKey
		row.snapshotKey, row.snapshotBytes, row.through = key, size, through
		row.lastActive = now
		row.updated = max(row.updated, c.db.index.stats(c.Num).updated)
		row.lastSeq = durable
		return func() { c.wrote(row) }, updateRoom(w, &row, c.Epoch)
	})
	if err != nil {
		return "", err
	}
	return previous, nil
}

// latest is the room's row as it was last written.
func (c *claim) latest() roomRow {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.row
}

// wrote enters what the committer has written about the room.
func (c *claim) wrote(row roomRow) {
	c.mu.Lock()
	c.row = row
	c.mu.Unlock()
	c.db.index.cover(c.Num, row.through)
}

// Release implements room.Handle. Releasing a claim that is fenced only ends it: the room is somebody else's.
func (c *claim) Release(ctx context.Context) error {
	c.writing.Lock()
	defer c.writing.Unlock()
	if ended, err := c.Releasable(); ended || err != nil {
		return err
	}
	err := c.db.do(ctx, false, func(w *conn, now int64) (func(), error) {
		row, durable := c.latest(), c.Durable()
		row.active = false
		row.lastActive = now
		row.updated = max(row.updated, c.db.index.stats(c.Num).updated)
		row.lastSeq = durable
		return func() { c.wrote(row) }, updateRoom(w, &row, c.Epoch)
	})
	if err != nil && !errors.Is(err, room.ErrFenced) {
		return err
	}
	c.End()
	return nil
}
