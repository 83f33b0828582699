package app

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"github.com/symphony-rtc/symphony/internal/doctor"
	"github.com/symphony-rtc/symphony/internal/store"
	"github.com/symphony-rtc/symphony/internal/store/embedded"
	"github.com/symphony-rtc/symphony/internal/store/journal"
	"github.com/symphony-rtc/symphony/internal/store/objects"
	"github.com/symphony-rtc/symphony/internal/store/postgres"
)

// ForDoctor returns the storage that a server with this configuration uses, for a doctor. log hears of recovery when
// the storage is opened to be changed.
func ForDoctor(config Config, log *slog.Logger) doctor.Storage {
	d := forDoctor{config, log}
	s := doctor.Storage{Place: d.place, Look: d.lookEmbedded, Change: d.changeEmbedded}
	if config.Storage.Catalog != "" {
		s.Look = func(ctx context.Context) (*doctor.Opened, error) { return d.openPostgres(ctx, d.placeToLook) }
		s.Change = func(ctx context.Context) (*doctor.Opened, error) { return d.openPostgres(ctx, d.placeToChange) }
	}
	s.Check = d.check
	return s
}

type forDoctor struct {
	config Config
	log    *slog.Logger
}

func (d forDoctor) check(ctx context.Context) []store.Finding {
	var found []store.Finding
	if d.config.Storage.Catalog != "" {
		found = postgres.Check(ctx, d.config.Storage.Catalog, d.config.Storage.Migrate, time.Now)
	}
	if d.config.Storage.Catalog == "" || d.config.Storage.Snapshots == "" {
		found = append(found, embedded.CheckDirectory(d.config.Data)...)
	}
	return found
}

// place opens the place of snapshots, but makes no directory for it.
func (d forDoctor) place(ctx context.Context) (objects.Place, error) {
	if dir, ok := d.directory(); ok {
		if _, err := os.Stat(dir); err != nil {
			return nil, err
		}
	}
	return openSnapshots(ctx, d.config)
}

// directory is where snapshots are, if that is a directory.
func (d forDoctor) directory() (dir string, ok bool) {
	if d.config.Storage.Snapshots == "" {
		return filepath.Join(d.config.Data, "snapshots"), true
	}
	u, err := url.Parse(d.config.Storage.Snapshots)
	if err != nil || u.Scheme != "file" {
		return "", false
	}
	if u.Opaque == "" {
		return u.Path, true
	}
	dir, err = url.PathUnescape(u.Opaque)
	return dir, err == nil
}

func (d forDoctor) placeToLook(ctx context.Context) (objects.Place, error) {
	place, err := d.place(ctx)
	if errors.Is(err, fs.ErrNotExist) {
		return nowhere{}, nil
	}
	return place, err
}

func (d forDoctor) placeToChange(ctx context.Context) (objects.Place, error) {
	return openSnapshots(ctx, d.config)
}

func (d forDoctor) lookEmbedded(ctx context.Context) (*doctor.Opened, error) {
	place, err := d.placeToLook(ctx)
	if err != nil {
		return nil, err
	}
	s, err := embedded.Look(ctx, d.config.Data, embedded.Options{Objects: place, Log: d.log})
	if errors.Is(err, embedded.ErrOldSchema) {
		err = fmt.Errorf("%w: %w", doctor.ErrOldSchema, err)
	}
	if err != nil {
		return nil, err
	}
	return &doctor.Opened{Store: s.Store, Close: s.Close}, nil
}

func (d forDoctor) changeEmbedded(ctx context.Context) (*doctor.Opened, error) {
	s, err := openEmbedded(ctx, d.config, embedded.Options{Log: d.log, Repair: true, Store: store.Options{Passive: true}})
	if err != nil {
		return nil, err
	}
	return &doctor.Opened{Store: s.Store, Close: s.Close}, nil
}

// openPostgres opens the catalog as a guest among the servers.
func (d forDoctor) openPostgres(ctx context.Context, open func(ctx context.Context) (objects.Place, error)) (*doctor.Opened, error) {
	schema, err := postgres.Status(ctx, d.config.Storage.Catalog)
	if err != nil {
		return nil, err
	}
	if schema.Has < schema.Current {
		return nil, fmt.Errorf("%w: version %d, this program has %d", doctor.ErrOldSchema, schema.Has, schema.Current)
	}
	place, err := open(ctx)
	if err != nil {
		return nil, err
	}
	catalog, err := postgres.Open(ctx, d.config.Storage.Catalog, postgres.Options{
		Journal: journal.Options{Window: d.config.Journal.Window}, NoMigrate: true, Guest: true,
	})
	if err != nil {
		return nil, errors.Join(err, place.Close())
	}
	s := store.New(catalog, place, store.Options{Passive: true, Log: d.log})
	return &doctor.Opened{Store: s, Close: func() error { return errors.Join(s.Close(), place.Close()) }}, nil
}

// nowhere is a directory of snapshots that does not exist.
type nowhere struct{}

func (nowhere) Put(context.Context, string, ...[]byte) error {
	return fmt.Errorf("the directory of snapshots: %w", fs.ErrNotExist)
}
func (nowhere) Get(_ context.Context, key string) ([]byte, error) {
	return nil, fmt.Errorf("snapshot %s: %w", key, store.ErrNoObject)
}
func (nowhere) List(context.Context, func(string) error) error                    { return nil }
func (nowhere) ListAged(context.Context, func(string, time.Duration) error) error { return nil }
func (nowhere) Delete(context.Context, string) error                              { return nil }
func (nowhere) Close() error                                                      { return nil }
