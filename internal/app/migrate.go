package app

import (
	"context"
	"log/slog"

	"github.com/symphony-rtc/symphony/internal/store/postgres"
)

// Schema says which schema a catalog has, and which one this program works with.
type Schema struct {
	Catalog  string `json:"catalog"`          // where it is, without a password
	Embedded bool   `json:"embedded"`         // it is in the data directory and brings itself up to date when it is opened
	Server   string `json:"server,omitempty"` // version of the database server
	Has      int64  `json:"has"`              // version of the schema; 0 if there is none yet or the catalog is embedded
	Needs    int64  `json:"needs"`            // version that this program works with; 0 if the catalog is embedded
}

// SchemaOf asks the configured catalog for its schema and changes nothing. The error says what to do.
func SchemaOf(ctx context.Context, config Config) (Schema, error) {
	s := Schema{Catalog: Storage{Catalog: config.Storage.Catalog}.catalog(config.Data), Embedded: config.Storage.Catalog == ""}
	if s.Embedded {
		return s, nil
	}
	found, err := postgres.Status(ctx, config.Storage.Catalog)
	s.Server, s.Has, s.Needs = found.Server, found.Has, found.Current
	return s, err
}

// Migrate brings the schema of the configured catalog up to date, unless it is embedded. Servers may run meanwhile.
func Migrate(ctx context.Context, config Config, log *slog.Logger) error {
	if config.Storage.Catalog == "" {
		return nil
	}
	return postgres.Migrate(ctx, config.Storage.Catalog, log)
}

// catalog says for people where the catalog is, without a password.
func (s Storage) catalog(data string) string {
	if s.Catalog == "" {
		return Storage{}.where(data)
	}
	return withoutPassword(s.Catalog)
}
