package sqlite

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/symphony-rtc/symphony/internal/store"
	"github.com/symphony-rtc/symphony/internal/store/journal"
	"github.com/symphony-rtc/symphony/internal/store/records"
)

// ErrOldSchema says that a file has to be brought up to date before it can be looked at, which opening it does.
var ErrOldSchema = errors.New("its schema is of an older version")

// Look opens the file to read it: nothing in it is changed, and every write of the DB fails. Another process may have it
// open and write; what that does later is seen in part. Errors wrap fs.ErrNotExist if there is no file, ErrOldSchema, and
// room.ErrCorrupt if the file fails its checks.
func Look(ctx context.Context, path string) (*DB, error) {
	db := &DB{index: newIndex(), looking: true}
	if err := db.look(ctx, path); err != nil {
		return nil, fmt.Errorf("read the catalog %s: %w", path, explain(err))
	}
	db.journal = journal.New(db, journal.Options{})
	_ = db.journal.Close() // so that nothing is ever written
	db.Records = records.New(recordsDB{db}, nil)
	return db, nil
}

func (db *DB) look(ctx context.Context, path string) (err error) {
	if _, err := os.Stat(path); err != nil {
		return err
	}
	source := lookDSN(path, false)
	db.w, err = openSource(source)
	if err == nil {
		err = db.w.run(`SELECT count(*) FROM sqlite_schema`)
	}
	if err != nil && !hasLog(path) {
		// SQLite wants a place for its log beside the file. In a directory that cannot be written to, a file without a log is
		// all there is, and nobody changes it.
		if db.w != nil {
			_ = db.w.close()
		}
		source = lookDSN(path, true)
		db.w, err = openSource(source)
	}
	if err != nil {
		return err
	}
	defer func() {
		_ = db.w.close() // it has read, and closing it does nothing
		db.w = nil
	}()
	if err := db.check(); err != nil {
		return err
	}
	if err := db.checkSchema(); err != nil {
		return err
	}
	if err := db.w.run(`BEGIN`); err != nil { // journal and rooms as they were at one moment
		return err
	}
	if _, _, err := db.scan(); err != nil {
		return err
	}
	db.read, err = sql.Open("sqlite", source)
	if err != nil {
		return err
	}
	db.read.SetMaxOpenConns(8)
	db.read.SetMaxIdleConns(8)
	return db.read.PingContext(ctx)
}

// lookDSN is dsn for connections that cannot write. An immutable file is read without locks.
func lookDSN(path string, immutable bool) string {
	q := url.Values{"mode": {"ro"}, "_pragma": {"busy_timeout(5000)", "query_only(1)"}, "_error_rc": {"1"}}
	if immutable {
		q.Set("immutable", "1")
	}
	return (&url.URL{Scheme: "file", Path: path, RawQuery: q.Encode()}).String()
}

// hasLog reports whether there may be commits that are in the log only.
func hasLog(path string) bool {
	info, err := os.Stat(path + "-wal")
	return err == nil && info.Size() > 0 || err != nil && !errors.Is(err, fs.ErrNotExist)
}

// checkSchema refuses a file with another schema than this program's.
func (db *DB) checkSchema() error {
	files, err := fs.Glob(migrations, "migrations/*.sql") // sorted
	if err != nil {
		return err
	}
	number, _, _ := strings.Cut(filepath.Base(files[len(files)-1]), "_")
	known, err := strconv.ParseInt(number, 10, 64)
	if err != nil {
		return fmt.Errorf("migration %s: its name does not begin with a number", files[len(files)-1])
	}
	has := int64(0)
	err = db.w.query(`SELECT coalesce(max(version_id), 0) FROM goose_db_version WHERE is_applied`, func(row []driver.Value) error {
		return scanner(row)(&has)
	})
	switch {
	case err != nil:
		return fmt.Errorf("read the schema version: %w", err)
	case has > known:
		return fmt.Errorf("its schema has version %d, this program knows versions up to %d: a newer symphony wrote it; "+
			"run that version or a newer one, nothing was changed", has, known)
	case has < known:
		return fmt.Errorf("%w (%d, this program has %d): the next server that opens it brings it up to date", ErrOldSchema, has, known)
	}
	return nil
}

// CountRooms returns how many rooms there are.
func (db *DB) CountRooms(ctx context.Context) (n int64, err error) {
	err = db.read.QueryRowContext(ctx, `SELECT count(*) FROM room`).Scan(&n)
	return n, explain(err)
}

// loadWhole is load for a DB that only looks, whose index is as old as the DB: it searches the journal. What it reads is
// of one moment.
func (db *DB) loadWhole(ctx context.Context, id string) (info store.Room, updates [][]byte, err error) {
	sqlTx, err := db.read.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return store.Room{}, nil, explain(err)
	}
	defer func() { _ = sqlTx.Rollback() }() // it changed nothing
	tx := momentTx{readTx{db}, sqlTx}
	r, err := records.Find(ctx, tx, id, false)
	if err != nil {
		return store.Room{}, nil, explain(err)
	}
	updates, damage, err := db.salvage(ctx, tx, r, r.Through)
	if err == nil && len(damage) > 0 {
		err = damage[0]
	}
	if err != nil {
		return store.Room{}, nil, err
	}
	last := r.Through + uint64(len(updates))
	return r.Public(records.JournalStats{Last: last}), updates, nil
}

// momentTx is a readTx that sees everything as it was at one moment.
type momentTx struct {
	readTx
	tx *sql.Tx
}

func (t momentTx) Query(ctx context.Context, query string, row func(scan func(dest ...any) error) error, args ...any) error {
	rows, err := t.tx.QueryContext(ctx, query, args...)
	return each(rows, err, row)
}

// errLooking is the error of every write of a DB that only looks.
var errLooking = errors.New("the catalog was opened to be looked at only")
