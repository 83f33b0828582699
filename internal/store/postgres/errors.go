package postgres

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/symphony-rtc/symphony/internal/room"
)

// advice says what to do about errors of the server, by SQLSTATE.
// Source: postgresql.org/docs/current/errcodes-appendix.html.
var advice = map[string]string{
	"28P01": "check user and password in the database's URL",
	"28000": "check user and password in the database's URL, and that the server's pg_hba.conf lets this user in from here",
	"3D000": "create the database (createdb NAME) or correct its name in the URL",
	"3F000": "the schema that search_path names is missing: create it (CREATE SCHEMA NAME) or correct the URL",
	"42501": "the user lacks a right: docs/storage.md lists the ones that are needed",
	"42P01": "a table is missing: run `symphony migrate`",
	"42703": "a column is missing: run `symphony migrate`",
	"53100": "the server's disk is full: free some space",
	"53300": "the server has no connection left: raise its max_connections, or let each host use fewer",
	"57P03": "the server is starting or stopping: try again in a moment",
	"25006": "this server cannot be written to: connect to the primary",
	"55P03": "another transaction holds a room's row for long: a host or a person with psql has stopped in the middle of one",
}

// explain adds what a person can do about an error, and room.ErrCorrupt where that is what it means.
func explain(err error) error {
	var answer *pgconn.PgError
	if errors.As(err, &answer) {
		switch answer.Code {
		case "XX001", "XX002": // data_corrupted, index_corrupted
			return fmt.Errorf("%w: the database is damaged, restore it from a backup: %w", err, room.ErrCorrupt)
		}
		if hint := advice[answer.Code]; hint != "" {
			return fmt.Errorf("%w; %s", err, hint)
		}
		return err
	}
	var failed *pgconn.ConnectError
	var unfit *unfitError
	if errors.As(err, &failed) && !errors.As(err, &unfit) && !errors.Is(err, context.Canceled) {
		return fmt.Errorf("%w; check that PostgreSQL runs there and can be reached from here", err)
	}
	return err
}
