// Package embedded is the store of a program that needs no other: catalog and journal in a SQLite file and snapshots
// as files, in one data directory that belongs to one process at a time.
package embedded

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/symphony-rtc/symphony/internal/room"
	"github.com/symphony-rtc/symphony/internal/store"
	"github.com/symphony-rtc/symphony/internal/store/journal"
	"github.com/symphony-rtc/symphony/internal/store/snapdir"
	"github.com/symphony-rtc/symphony/internal/store/sqlite"
)

// The names in a data directory.
const (
	lockFile    = "LOCK"
	catalogFile = "catalog.db"
	snapshots   = "snapshots"
)

// Options of Open. The zero value of each field means its default.
type Options struct {
	Window     time.Duration  // how long a commit waits for more updates; 5 ms
	BatchBytes int            // a commit does not wait longer once so much is queued; 1 MiB
	Observe    store.Observer // for metrics; may be nil
	Log        *slog.Logger   // hears of recovery and of damage; nil for silence
	Store      store.Options  // versions and retention; Observe and Log are filled in
	Repair     bool           // it is opened to repair rooms: journal rows that snapshots cover are left, because they may help
	Objects    Objects        // where snapshots are, which the Store owns from now on; nil for the data directory
}

// Objects is a place for snapshots besides the data directory.
type Objects interface {
	store.Objects
	io.Closer
}

// Store is the embedded store. It is a room.Store and a store.Reader, safe for concurrent use.
type Store struct {
	*store.Store
	catalog store.Catalog
	objects Objects
	lock    io.Closer
	dir     string
}

// Catalog returns the catalog, for those who serve it to other processes. It ends with the Store.
func (s *Store) Catalog() store.Catalog { return s.catalog }

// Open opens the data directory, creates what is missing, and recovers from whatever ended the previous process. It
// fails if another process has the directory open, if a newer version wrote it, if the catalog is damaged (the error
// wraps room.ErrCorrupt), or if it cannot be written; the errors say what to do. Damage of single rooms is logged and
// does not keep it from opening.
func Open(dir string, o Options) (*Store, error) {
	s, err := open(dir, o)
	if err != nil {
		return nil, fmt.Errorf("open the data directory %s: %w", dir, err)
	}
	return s, nil
}

func open(dir string, o Options) (_ *Store, err error) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	dir, err = filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the directory: %w; check owner and permissions of what is above it", err)
	}
	lock, err := lockDir(filepath.Join(dir, lockFile))
	if err != nil {
		return nil, err
	}
	s := &Store{lock: lock, dir: dir, objects: o.Objects}
	defer func() {
		if err != nil {
			s.closeParts()
		}
	}()
	orphanAge := store.OrphanAge
	if o.Objects == nil {
		own, err := snapdir.Open(filepath.Join(dir, snapshots))
		if err != nil {
			return nil, err
		}
		s.objects, orphanAge = own, 0
	}
	ctx := context.Background()
	began := time.Now()
	openCatalog := sqlite.Open
	if o.Repair {
		openCatalog = sqlite.OpenForRepair
	}
	catalog, err := openCatalog(ctx, filepath.Join(dir, catalogFile), journal.Options{
		Window: o.Window, BatchBytes: o.BatchBytes, Observe: o.Observe, Now: o.Store.Now,
	})
	if err != nil {
		return nil, err
	}
	o.Store.Observe, o.Store.Log = o.Observe, o.Log
	s.catalog = catalog
	s.Store = store.New(catalog, s.objects, o.Store)
	damaged := catalog.Damaged()
	for _, damage := range damaged {
		o.Log.Error("a stored room is damaged and cannot be opened", "err", damage)
	}
	orphans := 0
	if len(damaged) == 0 { // else leave everything as it is for whoever repairs it
		orphans, err = s.CleanOrphans(ctx, orphanAge)
		if errors.Is(err, room.ErrCorrupt) { // a room's record is damaged, which its opening will say, too
			o.Log.Error("orphaned snapshots are left alone", "err", err)
		} else if err != nil {
			return nil, err
		}
	}
	o.Log.Debug("opened the store", "dir", dir, "took", time.Since(began), "orphans", orphans)
	return s, nil
}

// Close makes everything appended durable and gives the directory free. Handles must not be used any more. The error
// says how much could not be stored.
func (s *Store) Close() error {
	return s.closeParts()
}

func (s *Store) closeParts() error {
	var err error
	if s.Store != nil {
		err = s.Store.Close()
	}
	if s.objects != nil {
		err = errors.Join(err, s.objects.Close())
	}
	if err = errors.Join(err, s.lock.Close()); err != nil {
		return fmt.Errorf("close the data directory %s: %w", s.dir, err)
	}
	return nil
}
