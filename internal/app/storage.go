package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"path/filepath"
	"strings"

	"github.com/symphony-rtc/symphony/internal/room"
	"github.com/symphony-rtc/symphony/internal/store"
	"github.com/symphony-rtc/symphony/internal/store/embedded"
	"github.com/symphony-rtc/symphony/internal/store/journal"
	"github.com/symphony-rtc/symphony/internal/store/objects"
	"github.com/symphony-rtc/symphony/internal/store/postgres"
	"github.com/symphony-rtc/symphony/internal/store/remote"
)

// storage is an open store.
type storage struct {
	*store.Store
	close func() error
	lost  <-chan struct{} // closed when the store is lost for good, and why says how; nil if that cannot be
	why   func() error
}

// openStore opens what rooms are kept in, as the configuration says.
func openStore(ctx context.Context, config Config, observe store.Observer, log *slog.Logger) (*storage, error) {
	options := storeOptions(config, observe, log)
	if config.Storage.Catalog == "" {
		e, err := openEmbedded(ctx, config, embedded.Options{Window: config.Journal.Window, Observe: observe, Log: log, Store: options})
		if err != nil {
			return nil, err
		}
		return &storage{Store: e.Store, close: e.Close}, nil
	}
	place, err := openSnapshots(ctx, config)
	if err != nil {
		return nil, err
	}
	if strings.HasPrefix(config.Storage.Catalog, "unix:") { // of the supervisor, which does what is due by time
		options.Passive = true
		catalog, err := remote.Dial(ctx, config.Storage.Catalog)
		if err != nil {
			return nil, errors.Join(err, place.Close())
		}
		s := store.New(catalog, place, options)
		return &storage{s, func() error { return errors.Join(s.Close(), place.Close()) }, catalog.Done(), catalog.Err}, nil
	}
	catalog, err := postgres.Open(ctx, config.Storage.Catalog, postgres.Options{
		Journal:   journal.Options{Window: config.Journal.Window, Observe: observe},
		NoMigrate: !config.Storage.Migrate,
		Log:       log,
	})
	if err != nil {
		return nil, errors.Join(err, place.Close())
	}
	s := store.New(catalog, place, options)
	return &storage{Store: s, close: func() error { return errors.Join(s.Close(), place.Close()) }}, nil
}

func storeOptions(config Config, observe store.Observer, log *slog.Logger) store.Options {
	return store.Options{
		KeepEvery: config.History.Every, KeepVersions: config.History.Versions, KeepFor: config.History.Age,
		EraseAfter: config.History.Deleted, KeepVisits: config.History.Visits, Observe: observe, Log: log,
	}
}

func openEmbedded(ctx context.Context, config Config, o embedded.Options) (*embedded.Store, error) {
	if config.Storage.Snapshots != "" {
		place, err := openSnapshots(ctx, config)
		if err != nil {
			return nil, err
		}
		o.Objects = place // the store closes it, also if it cannot be opened
	}
	return embedded.Open(config.Data, o)
}

// openSnapshots opens the place of snapshots; without a setting it is in the data directory.
func openSnapshots(ctx context.Context, config Config) (objects.Place, error) {
	where := config.Storage.Snapshots
	if where == "" {
		dir, err := filepath.Abs(filepath.Join(config.Data, "snapshots"))
		if err != nil {
			return nil, fmt.Errorf("the data directory: %w", err)
		}
		where = (&url.URL{Scheme: "file", Path: dir}).String()
	}
	return objects.Open(ctx, where, objects.Options{})
}

// where says for people what rooms are kept in, without passwords.
func (s Storage) where(data string) string {
	if absolute, err := filepath.Abs(data); err == nil {
		data = absolute
	}
	switch {
	case s.Catalog == "" && s.Snapshots == "":
		return data
	case s.Catalog == "":
		return data + ", snapshots in " + withoutPassword(s.Snapshots)
	case s.Snapshots == "":
		return withoutPassword(s.Catalog) + ", snapshots in " + filepath.Join(data, "snapshots")
	}
	return withoutPassword(s.Catalog) + ", snapshots in " + withoutPassword(s.Snapshots)
}

func withoutPassword(text string) string {
	u, err := url.Parse(text)
	if err != nil {
		return "a place whose URL cannot be read"
	}
	u.RawQuery = ""
	return u.Redacted()
}

// visits records who comes and goes in the store.
type visits struct{ store *store.Store }

func (v visits) Joined(visit room.Visit) { v.store.Joined(record(visit)) }
func (v visits) Left(visit room.Visit)   { v.store.Left(record(visit)) }

func record(v room.Visit) store.Visit {
	protocol := "yjs"
	if v.Symphony {
		protocol = "symphony.v1"
	}
	return store.Visit{
		Room: v.Room, Connection: v.Connection, Epoch: v.Epoch, Protocol: protocol,
		Joined: v.Joined, Left: v.Left, Reason: v.Reason,
	}
}
