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
	"time"

	"github.com/pressly/goose/v3"

	"github.com/symphony-rtc/symphony/internal/store"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Options of Open. The zero value of each field means its default.
type Options struct {
	// Window is how long a commit waits for more updates after the first; 5 ms by default. Longer means fewer and
	// larger commits, and later acknowledgements.
	Window time.Duration
	// BatchBytes ends the window early when so much waits; 1 MiB by default.
	BatchBytes int
	// Observe hears of every commit. May be nil.
	Observe store.Observer
}

// DB is a store.Catalog in a SQLite file. The file belongs to one process at a time; the caller sees to that.
type DB struct {
	window     time.Duration
	batchBytes int
	observe    store.Observer

	read  *sql.DB // admin reads and loads; cannot write
	index *index

	checkpointer *checkpointer

	// Of the committer's goroutine.
	w        *conn
	nextRow  int64
	nextRoom int64

	damaged []error // found at start, one for each room that cannot be used

	blocks sync.Pool // of *block

	mu      sync.Mutex // short; never held during I/O
	dirty   []*claim   // that have blocks to commit
	ops     []*op
	settle  []chan struct{}
	pending int // bytes appended since the committer last looked
	closed  bool

	wake  chan struct{} // there is something to commit
	hurry chan struct{} // and it should not wait for the window
	quit  chan struct{}
	done  chan struct{}
	fail  error // why the last commits failed before the committer ended; valid after done
}

var _ store.Catalog = (*DB)(nil)

// ErrClosed is returned by what is asked of a closed DB.
var ErrClosed = errors.New("the store is closed")

// Open opens or creates the file, brings its schema up to date, recovers what a crash left, and starts the committer.
// Errors wrap room.ErrCorrupt if the file fails its checks.
func Open(ctx context.Context, path string, o Options) (*DB, error) {
	db := &DB{
		window: o.Window, batchBytes: o.BatchBytes, observe: o.Observe, index: newIndex(),
		wake: make(chan struct{}, 1), hurry: make(chan struct{}, 1),
		quit: make(chan struct{}), done: make(chan struct{}),
	}
	if db.window <= 0 {
		db.window = 5 * time.Millisecond
	}
	if db.batchBytes <= 0 {
		db.batchBytes = 1 << 20
	}
	db.blocks.New = func() any { return &block{data: make([]byte, blockHeader, 512)} }
	if err := db.open(ctx, path); err != nil {
		return nil, fmt.Errorf("open the catalog %s: %w", path, explain(err))
	}
	go db.run()
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
	db.mu.Lock()
	was := db.closed
	db.closed = true
	db.mu.Unlock()
	if !was {
		close(db.quit)
	}
	<-db.done
	if was {
		return nil
	}
	err := errors.Join(db.fail, db.checkpointer.close(), db.read.Close())
	// The last connection to close moves the log into the file and removes it.
	if e := db.w.close(); e != nil {
		err = errors.Join(err, fmt.Errorf("close the catalog: %w", explain(e)))
	}
	return err
}

// Damaged returns what the checks at start found: an error for each room that cannot be opened because its journal does
// not hold together. All wrap room.ErrCorrupt. The rooms are left as they are.
func (db *DB) Damaged() []error { return db.damaged }

// Settled implements store.Catalog.
func (db *DB) Settled() <-chan struct{} {
	c := make(chan struct{})
	db.mu.Lock()
	db.settle = append(db.settle, c)
	db.mu.Unlock()
	return c
}
