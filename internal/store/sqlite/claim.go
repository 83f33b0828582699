package sqlite

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"sync"

	"github.com/symphony-rtc/symphony/internal/room"
	"github.com/symphony-rtc/symphony/internal/store"
)

// maxBlock is the size beyond which a block is full and the next update begins another.
const maxBlock = 1 << 20

// claim is a store.Claim.
type claim struct {
	db     *DB
	num    int64
	epoch  uint64
	events room.JournalEvents

	writing sync.Mutex // held by Point and Release for their whole time: both rewrite row

	mu      sync.Mutex
	next    uint64   // number that the next update must have
	queue   []*block // appended and not yet taken by the committer; the last one may grow
	listed  bool     // in db.dirty
	backlog int
	durable uint64
	ended   bool // fenced or released
	row     roomRow

	// Of the committer's goroutine.
	delayed  bool // its events know that commits fail
	fenced   bool
	news     uint64 // highest number of the commit being reported
	reported bool   // already on the list of claims with news
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
	c := &claim{db: db, num: row.num, epoch: row.epoch, events: events, next: info.LastSeq + 1, durable: info.LastSeq, row: row}
	return c, info, nil
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

// Append implements room.Handle.
func (c *claim) Append(seq uint64, update []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ended {
		return
	}
	if seq != c.next {
		panic(fmt.Sprintf("sqlite: update %d of room %q appended where %d is next", seq, c.row.id, c.next))
	}
	c.next++
	var b *block
	if n := len(c.queue); n > 0 && len(c.queue[n-1].data)+len(update) <= maxBlock {
		b = c.queue[n-1]
	} else {
		b = c.db.blocks.Get().(*block)
		b.claim, b.first = c, seq
		c.queue = append(c.queue, b)
	}
	b.add(update)
	c.backlog += len(update)
	c.db.appended(c, len(update))
}

// appended tells the committer about an append. c.mu is held.
func (db *DB) appended(c *claim, bytes int) {
	db.mu.Lock()
	first := len(db.dirty) == 0 && len(db.ops) == 0
	if !c.listed {
		c.listed = true
		db.dirty = append(db.dirty, c)
	}
	before := db.pending
	db.pending += bytes
	full := before < db.batchBytes && db.pending >= db.batchBytes
	db.mu.Unlock()
	if first {
		signal(db.wake)
	}
	if full {
		signal(db.hurry)
	}
}

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// take moves the queued blocks to dst. Called by the committer.
func (c *claim) take(dst []*block) []*block {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.listed = false
	dst = append(dst, c.queue...)
	clear(c.queue)
	c.queue = c.queue[:0]
	return dst
}

// Backlog implements room.Handle.
func (c *claim) Backlog() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.backlog
}

// Durable implements store.Claim.
func (c *claim) Durable() uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.durable
}

// Point implements store.Claim. The covered rows leave the journal with the commit, because loading skips what the
// snapshot covers; the space they take is given back later, a segment at a time.
func (c *claim) Point(ctx context.Context, key string, size int64, through uint64) (previous string, err error) {
	c.writing.Lock()
	defer c.writing.Unlock()
	err = c.db.do(ctx, false, func(w *conn, now int64) (func(), error) {
		c.mu.Lock()
		row, durable := c.row, c.durable
		c.mu.Unlock()
		if through > durable || through < row.through {
			return nil, fmt.Errorf("a snapshot through update %d cannot follow one through %d, with updates durable up to %d",
				through, row.through, durable)
		}
		previous = row.snapshotKey
		row.snapshotKey, row.snapshotBytes, row.through = key, size, through
		row.lastActive = now
		row.updated = max(row.updated, c.db.index.stats(c.num).updated)
		row.lastSeq = durable
		return func() { c.wrote(row) }, updateRoom(w, &row, c.epoch)
	})
	if err != nil {
		return "", err
	}
	return previous, nil
}

// wrote enters what the committer has written about the room.
func (c *claim) wrote(row roomRow) {
	c.mu.Lock()
	c.row = row
	c.mu.Unlock()
	c.db.index.cover(c.num, row.through)
}

// Release implements room.Handle. Releasing a claim that is fenced only ends it: the room is somebody else's.
func (c *claim) Release(ctx context.Context) error {
	c.writing.Lock()
	defer c.writing.Unlock()
	c.mu.Lock()
	backlog, ended := c.backlog, c.ended
	c.mu.Unlock()
	if ended {
		return nil
	}
	if backlog > 0 {
		return fmt.Errorf("%d bytes of updates are not durable yet", backlog)
	}
	err := c.db.do(ctx, false, func(w *conn, now int64) (func(), error) {
		c.mu.Lock()
		row, durable := c.row, c.durable
		c.mu.Unlock()
		row.active = false
		row.lastActive = now
		row.updated = max(row.updated, c.db.index.stats(c.num).updated)
		row.lastSeq = durable
		return func() { c.wrote(row) }, updateRoom(w, &row, c.epoch)
	})
	if err != nil && !errors.Is(err, room.ErrFenced) {
		return err
	}
	c.mu.Lock()
	c.ended = true
	c.mu.Unlock()
	return nil
}
