package postgres

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/symphony-rtc/symphony/internal/store"
)

// What findings of Check are about.
const (
	checkConnection = "catalog"
	checkSchema     = "schema"
	checkRights     = "permissions"
	checkDurability = "durability"
	checkClock      = "catalog's clock"
	checkLimit      = "connections"
)

// farOff is the difference of clocks from which a finding says so.
const farOff = 5 * time.Second

// Check says whether hosts can use the database at url: connection, schema, permissions, settings that endanger what is
// stored, clock. What it writes to find out is rolled back. now is this machine's clock. migrates says that a host may
// change the schema when it starts.
func Check(ctx context.Context, url string, migrates bool, now func() time.Time) []store.Finding {
	config, err := parse(url)
	if err != nil {
		return []store.Finding{{Check: checkConnection, State: store.Broken, Text: err.Error(), Do: "correct --storage-catalog"}}
	}
	c, err := connect(ctx, config)
	if err != nil {
		return []store.Finding{{Check: checkConnection, State: store.Broken, Text: oneLine(err), Do: "see what the error says"}}
	}
	defer hangUp(c)
	k := checker{c: c, migrates: migrates, now: now}
	k.add(checkConnection, store.Fine, fmt.Sprintf("PostgreSQL %s, database %s, as %s", c.PgConn().ParameterStatus("server_version"),
		config.Database, config.User), "")
	k.clock(ctx)
	k.durability(ctx)
	k.limit(ctx)
	if k.schema(ctx) {
		k.rights(ctx)
	}
	return k.found
}

// checker collects findings about one database.
type checker struct {
	c        *pgx.Conn
	migrates bool
	now      func() time.Time
	found    []store.Finding
}

func (k *checker) add(check string, state store.State, text, do string) {
	k.found = append(k.found, store.Finding{Check: check, State: state, Text: text, Do: do})
}

func (k *checker) failed(check string, err error) {
	k.add(check, store.Broken, oneLine(explain(err)), "see what the error says")
}

// oneLine is the text of an error of the driver, which lists addresses in lines.
func oneLine(err error) string { return strings.Join(strings.Fields(err.Error()), " ") }

func (k *checker) clock(ctx context.Context) {
	before := k.now()
	var theirs time.Time
	if err := k.c.QueryRow(ctx, `SELECT clock_timestamp()`).Scan(&theirs); err != nil {
		k.failed(checkClock, err)
		return
	}
	wait := k.now().Sub(before)
	off := before.Add(wait / 2).Sub(theirs)
	if off.Abs() > farOff+wait/2 {
		k.add(checkClock, store.Doubtful, fmt.Sprintf("this machine's clock is %s", ahead(off)), "set both clocks by NTP: times of rooms and retention depend on them")
		return
	}
	k.add(checkClock, store.Fine, fmt.Sprintf("agrees with this machine's to %v", max(off.Abs(), wait/2, time.Millisecond).Round(time.Millisecond)), "")
}

func ahead(off time.Duration) string {
	if off < 0 {
		return fmt.Sprintf("%v behind it", (-off).Round(time.Second))
	}
	return fmt.Sprintf("%v ahead of it", off.Round(time.Second))
}

// durability looks at what the server says with its own defaults, before sessionSetup changed them.
func (k *checker) durability(ctx context.Context) {
	rows, err := k.c.Query(ctx, `SELECT name, reset_val FROM pg_settings
		WHERE name IN ('fsync', 'full_page_writes', 'synchronous_commit') ORDER BY name`)
	if err != nil {
		k.failed(checkDurability, err)
		return
	}
	var off []string
	overridden := false
	var name, value string
	_, err = pgx.ForEachRow(rows, []any{&name, &value}, func() error {
		switch {
		case value != "off":
		case name == "synchronous_commit":
			overridden = true
		default:
			off = append(off, name)
		}
		return nil
	})
	switch {
	case err != nil:
		k.failed(checkDurability, err)
	case len(off) > 0:
		k.add(checkDurability, store.Broken, strings.Join(off, " and ")+" is off: a power failure may lose or damage everything",
			"set it to on in postgresql.conf")
	case overridden:
		k.add(checkDurability, store.Doubtful, "synchronous_commit is off by default; symphony sets it to on for its own connections, others lose commits in a crash",
			"set it to on in postgresql.conf, or leave it if nobody else writes there")
	default:
		k.add(checkDurability, store.Fine, "commits are on disk when they return", "")
	}
}

// limit looks whether there are connections left for a host.
func (k *checker) limit(ctx context.Context) {
	const host = 13 // a host's pool, committer, session and a spare one
	var most, used int
	err := k.c.QueryRow(ctx, `SELECT current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int,
		(SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend')::int`).Scan(&most, &used)
	switch {
	case err != nil:
		k.failed(checkLimit, err)
	case most-used < host:
		k.add(checkLimit, store.Doubtful, fmt.Sprintf("%d of %d in use, and a server may need %d", used, most, host), "raise max_connections")
	default:
		k.add(checkLimit, store.Fine, fmt.Sprintf("%d of %d in use", used, most), "")
	}
}

// schema reports whether the tables are those of this program.
func (k *checker) schema(ctx context.Context) bool {
	s, err := status(ctx, k.c)
	if err != nil {
		k.failed(checkSchema, err)
		return false
	}
	switch {
	case s.check() == nil:
		k.add(checkSchema, store.Fine, fmt.Sprintf("version %d, up to date", s.Has), "")
		return true
	case s.Has > s.Current:
		k.add(checkSchema, store.Broken, fmt.Sprintf("version %d; this program knows versions up to %d", s.Has, s.Current),
			"use the newer symphony that changed it")
	case k.migrates:
		k.add(checkSchema, store.Doubtful, fmt.Sprintf("version %d, this program needs %d: the next server that starts changes it", s.Has, s.Current),
			"run `symphony migrate`, or start a server")
	default:
		k.add(checkSchema, store.Broken, fmt.Sprintf("version %d, this program needs %d, and servers are told not to change it", s.Has, s.Current),
			"run `symphony migrate`")
	}
	return false
}

// trial writes to every table what hosts write. The number, the empty id and the empty hash are no room's.
const trial = `
	SET LOCAL lock_timeout = '5s';
	SELECT pg_advisory_xact_lock(x'53594d5054'::bigint);
	INSERT INTO room VALUES (-1, '', 0, 0, 0, 0, 1, 1, '', 0, 0, 0, '', 0, 0, 0, 0, '', 0, 0, 0, 0, 0);
	UPDATE room SET epoch = 2 WHERE num = -1;
	INSERT INTO journal VALUES (-1, 1, 1, 1, 0, '');
	UPDATE journal SET millis = 1 WHERE room = -1;
	DELETE FROM journal WHERE room = -1;
	INSERT INTO version VALUES (-1, 1, 0, '', '', 0, 0, 0, '', 0);
	UPDATE version SET label = 'x' WHERE room = -1;
	DELETE FROM version WHERE room = -1;
	INSERT INTO visit VALUES (-1, '', 0, '', 0, 0, '');
	UPDATE visit SET ended = 1 WHERE room = -1;
	DELETE FROM visit WHERE room = -1;
	INSERT INTO erased VALUES ('', 0, 0) ON CONFLICT (hash) DO UPDATE SET epoch = 0;
	DELETE FROM erased WHERE hash = '';
	DELETE FROM room WHERE num = -1`

// errUndo ends a trial.
var errUndo = errors.New("only a trial")

func (k *checker) rights(ctx context.Context) {
	var missing *string
	err := k.c.QueryRow(ctx, `SELECT string_agg(s, ', ') FROM unnest(ARRAY['room_num', 'host']) AS s
		WHERE NOT has_sequence_privilege(s, 'USAGE')`).Scan(&missing)
	if err == nil && missing != nil {
		k.add(checkRights, store.Broken, "the user may not use the sequences "+*missing, "GRANT USAGE ON ALL SEQUENCES IN SCHEMA ... TO ...; docs/storage.md lists the rights")
		return
	}
	if err == nil {
		err = pgx.BeginFunc(ctx, k.c, func(pgx.Tx) error {
			if _, err := k.c.PgConn().Exec(ctx, trial).ReadAll(); err != nil {
				return err
			}
			return errUndo
		})
	}
	if err != nil && !errors.Is(err, errUndo) {
		k.failed(checkRights, err)
		return
	}
	k.add(checkRights, store.Fine, "every table can be written to (tried, and rolled back)", "")
}

// CountRooms returns how many rooms there are.
func (db *DB) CountRooms(ctx context.Context) (n int64, err error) {
	err = db.pool.with(ctx, func(c *pgx.Conn) error { return c.QueryRow(ctx, `SELECT count(*) FROM room`).Scan(&n) })
	return n, err
}
