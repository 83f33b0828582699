package sqlite

import (
	"errors"
	"fmt"
	"time"

	sqlite "modernc.org/sqlite"
	lib "modernc.org/sqlite/lib"
)

const (
	// maxCommit bounds the bytes of one transaction after a long outage.
	maxCommit = 64 << 20
	// keepBlock is the largest buffer that is kept for reuse.
	keepBlock = 64 << 10
	// A failing commit is retried after retryMin, then twice that and so on up to retryMax.
	retryMin = 20 * time.Millisecond
	retryMax = time.Second
)

// batch is what the committer has taken from the rooms.
type batch struct {
	blocks []*block // not durable yet, in order for each room; kept until they are
	ops    []*op
	settle []chan struct{}
	stored []stored // scratch: what the transaction wrote
	dirty  []*claim // scratch: who had blocks
	news   []*claim // scratch: who hears of the transaction
	args   []any    // scratch: arguments of a statement
}

// stored is a block of a transaction, and the row it became, 0 if its room was fenced.
type stored struct {
	b *block
	n int64
}

// run is the committer.
func (db *DB) run() {
	defer close(db.done)
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	var b batch
	for quit := false; !quit; {
		select {
		case <-db.wake:
			timer.Reset(db.window)
			select {
			case <-timer.C:
			case <-db.hurry:
			case <-db.quit:
				quit = true
			}
		case <-db.quit:
			quit = true
		}
		db.flush(&b, timer)
	}
}

// flush commits until nothing is left, or until the DB is closing and a commit fails.
func (db *DB) flush(b *batch, timer *time.Timer) {
	retry := retryMin
	for {
		db.take(b)
		if len(b.blocks) == 0 && len(b.ops) == 0 && db.index.nextDead() == nil {
			return
		}
		err := db.commit(b)
		if err == nil {
			retry = retryMin
			if len(b.blocks) == 0 {
				db.again()
				return
			}
			continue
		}
		timer.Reset(retry)
		select {
		case <-timer.C:
		case <-db.quit:
			db.abandon(b, err)
			return
		}
		retry = min(2*retry, retryMax)
	}
}

// again makes sure that the committer comes back if there is something left to tidy.
func (db *DB) again() {
	if db.index.nextDead() != nil {
		signal(db.wake)
	}
}

// abandon tries once more before the DB closes without having made everything durable.
func (db *DB) abandon(b *batch, err error) {
	db.take(b)
	for err != nil || len(b.blocks) > 0 {
		if err = db.commit(b); err != nil {
			bytes := 0
			for _, block := range b.blocks {
				bytes += block.bytes
			}
			db.fail = fmt.Errorf("%d bytes of updates could not be made durable before closing: %w", bytes, err)
			return
		}
	}
}

// take moves what rooms have queued into the batch.
func (db *DB) take(b *batch) {
	db.mu.Lock()
	b.dirty, db.dirty = db.dirty, b.dirty[:0]
	b.ops = append(b.ops, db.ops...)
	clear(db.ops)
	db.ops = db.ops[:0]
	b.settle = append(b.settle, db.settle...)
	db.settle = nil
	db.pending = 0
	// Whoever queues something from now on signals again; what is signalled already is in the batch.
	select {
	case <-db.wake:
	default:
	}
	select {
	case <-db.hurry:
	default:
	}
	db.mu.Unlock()
	for _, c := range b.dirty {
		b.blocks = c.take(b.blocks)
	}
	clear(b.dirty)
	kept := b.ops[:0]
	for _, o := range b.ops {
		select {
		case <-o.state:
			kept = append(kept, o)
		default: // withdrawn
		}
	}
	clear(b.ops[len(kept):])
	b.ops = kept
}

// commit makes one transaction of the batch, as far as its bytes allow, and reports the outcome to all concerned. On an
// error the blocks stay in the batch; the ops are over in any case.
func (db *DB) commit(b *batch) error {
	began := time.Now()
	b.stored = b.stored[:0]
	bytes, updates := 0, 0
	changed, err := db.transact(b, began.UnixMilli())
	for _, s := range b.stored {
		bytes += s.b.bytes
		updates += int(s.b.count)
	}
	if db.observe != nil && updates > 0 {
		db.observe.JournalCommit(time.Since(began), updates, bytes, err)
	}
	if err != nil {
		err = fmt.Errorf("commit to the journal: %w", explain(err))
		db.failed(b, err)
		return err
	}
	if changed {
		for _, c := range b.settle {
			close(c)
		}
		b.settle = b.settle[:0]
	}
	db.checkpointer.dirty.Store(true)
	db.committed(b, began.UnixMilli())
	return nil
}

// transact writes the batch. changed reports whether there was anything to write.
func (db *DB) transact(b *batch, now int64) (changed bool, err error) {
	if _, err := db.w.exec(`BEGIN IMMEDIATE`); err != nil {
		return false, err
	}
	defer func() {
		if err != nil {
			db.w.exec(`ROLLBACK`) // fails if SQLite has done it already, which is fine
		}
	}()
	// Claims come first: what an older claim queued meanwhile is refused, and so is not missing from what they return.
	for _, o := range b.ops {
		if o.after, o.err = o.run(db.w, now); o.err == nil {
			changed = true
		} else if endsTransaction(o.err) {
			return false, o.err
		}
	}
	next, err := db.insert(b, now)
	if err != nil {
		return false, err
	}
	changed = changed || next != db.nextRow
	dead := db.index.nextDead()
	if dead != nil {
		if _, err := db.w.exec(`DELETE FROM journal WHERE n >= ? AND n < ?`, dead.from, dead.to); endsTransaction(err) {
			return false, err
		}
	}
	if _, err := db.w.exec(`COMMIT`); err != nil {
		return false, err
	}
	db.nextRow = next
	if dead != nil {
		db.index.deleted()
	}
	return changed, nil
}

// endsTransaction reports whether an error concerns the whole transaction and not just its statement.
// Source: sqlite.org/lang_transaction.html, "Response To Errors Within A Transaction".
func endsTransaction(err error) bool {
	var e *sqlite.Error
	if !errors.As(err, &e) {
		return false
	}
	switch e.Code() & 0xff {
	case lib.SQLITE_FULL, lib.SQLITE_IOERR, lib.SQLITE_NOMEM, lib.SQLITE_BUSY, lib.SQLITE_INTERRUPT, lib.SQLITE_READONLY:
		return true
	}
	return false
}
