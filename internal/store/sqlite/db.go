// Package sqlite is the embedded store.Catalog: rooms and journal in one SQLite file, written by one goroutine that
// commits what all rooms appended in the last few milliseconds as one transaction. docs/storage.md has the formats.
package sqlite

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"sync"

	"github.com/pressly/goose/v3"

	"github.com/symphony-rtc/symphony/internal/store"
	"github.com/symphony-rtc/symphony/internal/store/journal"
	"github.com/symphony-rtc/symphony/internal/store/records"
)

//go:embed migrations/*.sql
var migrations embed.FS

// DB is a store.Catalog in a SQLite file. The file belongs to one process at a time; the caller sees to that.
type DB struct {
	*records.Records
	journal *journal.Journal

	read  *sql.DB // admin reads and loads; cannot write
	index *index

	checkpointer *checkpointer

	// Of the committer's goroutine.
	w        *conn
	nextRow  int64
	nextRoom int64
	fences
	places []place // scratch: of insert
	blocks []*journal.Block
	data   []byte

	looking bool    // nothing is ever written, see Look
	repair  bool    // covered rows are left, see OpenForRepair
	damaged []error // found at start, one for each room that cannot be used
	closing sync.Once
}

var _ store.Catalog = (*DB)(nil)

// Open opens or creates the file, brings its schema up to date, recovers what a crash left, and starts the committer.
// Errors wrap room.ErrCorrupt if the file fails its checks.
func Open(ctx context.Context, path string, o journal.Options) (*DB, error) {
	return start(ctx, path, o, false)
}

// OpenForRepair is Open that leaves the journal rows which snapshots cover: where a snapshot is damaged they help.
func OpenForRepair(ctx context.Context, path string, o journal.Options) (*DB, error) {
	return start(ctx, path, o, true)
}

func start(ctx context.Context, path string, o journal.Options, repair bool) (*DB, error) {
	db := &DB{index: newIndex(), fences: newFences(), repair: repair}
	if err := db.open(ctx, path); err != nil {
		return nil, fmt.Errorf("open the catalog %s: %w", path, explain(err))
	}
	db.journal = journal.New(db, o)
	db.Records = records.New(recordsDB{db}, o.Now)
	return db, nil
}

func (db *DB) open(ctx context.Context, path string) (err error) {
	// FULL makes every commit wait for the disk; busy_timeout is for the case that somebody looks at the file with the sqlite3 program.
	db.w, err = openConn(path, "busy_timeout(5000)", "journal_mode(wal)", "synchronous(full)", "wal_autocheckpoint("+checkpointPages+")")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			db.w.close()
		}
	}()
	err = db.w.query(`PRAGMA journal_mode`, func(row []driver.Value) error {
		if mode, _ := row[0].(string); mode != "wal" {
			return fmt.Errorf("its journal mode stays %v instead of wal: the file system does not support shared memory files; "+
				"use a data directory on a local disk", row[0])
		}
		return nil
	})
	if err != nil {
		return err
	}
	if err := db.check(); err != nil {
		return err
	}
	if err := migrate(ctx, path); err != nil {
		return err
	}
	if err := db.recover(); err != nil {
		return err
	}
	db.read, err = sql.Open("sqlite", dsn(path, "busy_timeout(5000)", "query_only(1)"))
	if err != nil {
		return err
	}
	db.read.SetMaxOpenConns(16)
	db.read.SetMaxIdleConns(16)
	if db.checkpointer, err = newCheckpointer(path); err != nil {
		db.read.Close()
	}
	return err
}

// migrate brings the schema up to date, or refuses a file of a newer program.
func migrate(ctx context.Context, path string) error {
	pool, err := sql.Open("sqlite", dsn(path, "busy_timeout(5000)", "synchronous(full)"))
	if err != nil {
		return err
	}
	defer pool.Close()
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return err
	}
	p, err := goose.NewProvider(goose.DialectSQLite3, pool, files, goose.WithDisableGlobalRegistry(true))
	if err != nil {
		return fmt.Errorf("prepare the schema migrations: %w", err)
	}
	has, known, err := p.GetVersions(ctx)
	if err != nil {
		return fmt.Errorf("read the schema version: %w", err)
	}
	if has > known {
		return fmt.Errorf("its schema has version %d, this program knows versions up to %d: a newer symphony wrote it; "+
			"run that version or a newer one, nothing was changed", has, known)
	}
	if _, err := p.Up(ctx); err != nil {
		return fmt.Errorf("bring the schema from version %d to %d: %w", has, known, err)
	}
	return nil
}

// Close implements store.Catalog.
func (db *DB) Close() error {
	err := db.journal.Close()
	db.closing.Do(func() {
		if db.looking {
			err = errors.Join(err, db.read.Close())
			return
		}
		err = errors.Join(err, db.checkpointer.close(), db.read.Close())
		// The last connection to close moves the log into the file and removes it.
		if e := db.w.close(); e != nil {
			err = errors.Join(err, fmt.Errorf("close the catalog: %w", explain(e)))
		}
	})
	return err
}

// Damaged returns what the checks at start found: an error for each room that cannot be opened because its journal does
// not hold together. All wrap room.ErrCorrupt. The rooms are left as they are.
func (db *DB) Damaged() []error { return db.damaged }

// Settled implements store.Catalog.
func (db *DB) Settled() <-chan struct{} { return db.journal.Settled() }

// Backlog implements store.Catalog.
func (db *DB) Backlog() int { return db.journal.Backlog() }

// do runs f with the committer's connection in the next commit.
func (db *DB) do(ctx context.Context, hurry bool, f func(w *conn, now int64) (after func(), err error)) error {
	if db.looking {
		return errLooking
	}
	return db.journal.Do(ctx, hurry, func(now int64) (func(), error) {
		after, err := f(db.w, now)
		return after, explain(err)
	})
}
