// Package postgres is the store.Catalog for several hosts: rooms and journal in a PostgreSQL database. What the rooms
// of a process append in the last few milliseconds is one statement on a connection of its own; everything else runs
// in short transactions on other connections. docs/storage.md describes tables, transactions and the fence.
package postgres

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/symphony-rtc/symphony/internal/store"
	"github.com/symphony-rtc/symphony/internal/store/journal"
	"github.com/symphony-rtc/symphony/internal/store/records"
)

// Options of Open. The zero value of each field means its default.
type Options struct {
	Journal journal.Options // its clock is the catalog's
	// Conns is how many connections may be open besides the two that always are; 10 by default.
	Conns int
	// NoMigrate refuses a database whose schema is not up to date, instead of changing it.
	NoMigrate bool
	// Guest is for a process that claims no rooms: it gets no number among the hosts, and closes no dead ones' rooms.
	Guest bool
	Log   *slog.Logger // hears of changes of the schema and of doubtful settings; nil for silence
}

// DB is a store.Catalog in a PostgreSQL database, which any number of processes may have open.
type DB struct {
	*records.Records
	journal   *journal.Journal
	committer *committer
	pool      *pool
	host      *host
	doubts    doubts
	now       func() time.Time
	closing   sync.Once
}

var _ store.Catalog = (*DB)(nil)

// Open connects to the database at url (postgres://user:password@host:port/database) and brings its schema up to date
// or, with NoMigrate, refuses one that is not. Once it is open, the loss of connections is survived: what appends is
// repeated, the rest fails until the server answers again. The errors say what to do.
func Open(ctx context.Context, url string, o Options) (*DB, error) {
	db, err := open(ctx, url, o)
	if err != nil {
		return nil, fmt.Errorf("open the catalog in PostgreSQL: %w", err)
	}
	return db, nil
}

func open(ctx context.Context, url string, o Options) (*DB, error) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Conns <= 0 {
		o.Conns = 10
	}
	if o.Journal.Now == nil {
		o.Journal.Now = time.Now
	}
	config, err := parse(url)
	if err != nil {
		return nil, err
	}
	if err := prepare(ctx, config, o); err != nil {
		return nil, err
	}
	host := noHost()
	if !o.Guest {
		if host, err = newHost(ctx, config, buryAfter); err != nil {
			return nil, err
		}
	}
	db := &DB{committer: &committer{config: config, log: o.Log}, pool: newPool(config, o.Conns), host: host, now: o.Journal.Now}
	db.Records = records.New(recordsDB{db}, db.now)
	db.journal = journal.New(db.committer, o.Journal)
	return db, nil
}

// prepare brings the schema up to date and looks at the server's settings.
func prepare(ctx context.Context, config *pgx.ConnConfig, o Options) error {
	c, err := connect(ctx, config)
	if err != nil {
		return err
	}
	defer hangUp(c)
	schema, err := status(ctx, c)
	if err != nil {
		return err
	}
	if err := schema.check(); err != nil {
		if o.NoMigrate || schema.Has > schema.Current {
			return err
		}
		if err := migrate(ctx, c, o.Log); err != nil {
			return err
		}
	}
	var fsync, pages string
	if err := c.QueryRow(ctx, `SELECT current_setting('fsync'), current_setting('full_page_writes')`).Scan(&fsync, &pages); err != nil {
		return fmt.Errorf("read the server's settings: %w", err)
	}
	if fsync != "on" || pages != "on" {
		o.Log.Warn("the database server may lose or damage everything when its machine fails: set fsync and full_page_writes to on",
			"fsync", fsync, "full_page_writes", pages)
	}
	return nil
}

// Close implements store.Catalog.
func (db *DB) Close() error {
	err := db.journal.Close()
	db.closing.Do(func() {
		db.committer.close()
		db.leave()
		db.pool.close()
		db.host.close()
	})
	if err != nil && !errors.Is(err, journal.ErrClosed) {
		return fmt.Errorf("close the catalog in PostgreSQL: %w", err)
	}
	return nil
}

// leave marks inactive the rooms that were not released. If that fails another host will find them.
func (db *DB) leave() {
	if db.host.num == 0 { // a guest
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), lookFor)
	defer cancel()
	_ = db.pool.with(ctx, func(c *pgx.Conn) error {
		_, err := c.Exec(ctx, leave, int64(db.host.num))
		return err
	})
}

// Backlog implements store.Catalog.
func (db *DB) Backlog() int { return db.journal.Backlog() }

// Settled implements store.Catalog. The channel is closed once every transaction is decided whose outcome a lost
// connection left open. That may be never: if nobody uses the room again.
func (db *DB) Settled() <-chan struct{} { return db.doubts.settled() }
