package sqlite

import (
	"errors"

	sqlite "modernc.org/sqlite"
	lib "modernc.org/sqlite/lib"

	"github.com/symphony-rtc/symphony/internal/store/journal"
)

var _ journal.Backend = (*DB)(nil)

// Untidy implements journal.Backend: there are segments of the journal to delete.
func (db *DB) Untidy() bool { return db.index.nextDead() != nil }

// Commit implements journal.Backend.
func (db *DB) Commit(ops []*journal.Op, blocks []*journal.Block, now int64) (changed bool, err error) {
	places, changed, err := db.transact(ops, blocks, now)
	db.settle(err == nil)
	if err != nil {
		return false, explain(err)
	}
	db.index.addAll(blocks, places, now)
	db.checkpointer.dirty.Store(true)
	return changed, nil
}

// transact writes everything in one transaction and returns where the blocks are that were not refused.
func (db *DB) transact(ops []*journal.Op, blocks []*journal.Block, now int64) (places []place, changed bool, err error) {
	if _, err := db.w.exec(`BEGIN IMMEDIATE`); err != nil {
		return nil, false, err
	}
	defer func() {
		if err != nil {
			db.w.exec(`ROLLBACK`) // fails if SQLite has done it already, which is fine
		}
	}()
	// Claims come first: what an older claim queued meanwhile is refused, and so is not missing from what they return.
	for _, o := range ops {
		if o.After, o.Err = o.Run(now); o.Err == nil {
			changed = true
		} else if endsTransaction(o.Err) {
			return nil, false, o.Err
		}
	}
	places, next, err := db.insert(blocks, now)
	if err != nil {
		return nil, false, err
	}
	changed = changed || next != db.nextRow
	dead := db.index.nextDead()
	if dead != nil {
		if _, err := db.w.exec(`DELETE FROM journal WHERE n >= ? AND n < ?`, dead.from, dead.to); endsTransaction(err) {
			return nil, false, err
		}
	}
	if _, err := db.w.exec(`COMMIT`); err != nil {
		return nil, false, err
	}
	db.nextRow = next
	if dead != nil {
		db.index.deleted()
	}
	return places, changed, nil
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
