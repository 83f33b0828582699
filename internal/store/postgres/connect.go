package postgres

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

const (
	// minServer is the oldest server that is accepted, as server_version_num counts.
	minServer = 130000
	// connectTimeout bounds a connection attempt if the URL does not say otherwise.
	connectTimeout = 10 * time.Second
)

// parse reads a connection URL. Connections made with the result are set up for this package.
func parse(url string) (*pgx.ConnConfig, error) {
	config, err := pgx.ParseConfig(url)
	if err != nil {
		return nil, fmt.Errorf("%w; the URL of a database looks like postgres://user:password@host:5432/database", err)
	}
	if config.ConnectTimeout == 0 {
		config.ConnectTimeout = connectTimeout
	}
	if config.RuntimeParams["application_name"] == "" {
		config.RuntimeParams["application_name"] = "symphony"
	}
	wanted := config.ValidateConnect // from target_session_attrs in the URL
	config.ValidateConnect = func(ctx context.Context, c *pgconn.PgConn) error {
		if wanted != nil {
			if err := wanted(ctx, c); err != nil {
				return err
			}
		}
		return setUp(ctx, c)
	}
	return config, nil
}

// sessionSetup asks what kind of server this is and makes the session independent of what server, database or role
// have as defaults:
//
//   - a commit that returns is on disk. Every other value than off waits for that, so only off is overridden;
//   - statements see what was committed before they began, which the fence by epoch rests on;
//   - a host that stops in the middle of a transaction, or vanishes, does not hold its locks for long.
const sessionSetup = `SELECT current_setting('server_version_num'), current_setting('server_version'), pg_is_in_recovery()::text,
	set_config('synchronous_commit', CASE current_setting('synchronous_commit') WHEN 'off' THEN 'on' ELSE current_setting('synchronous_commit') END, false),
	set_config('default_transaction_isolation', 'read committed', false),
	set_config('default_transaction_read_only', 'off', false),
	set_config('idle_in_transaction_session_timeout', '5s', false),
	set_config('tcp_keepalives_idle', '5', false),
	set_config('tcp_keepalives_interval', '2', false),
	set_config('tcp_keepalives_count', '3', false)`

// unfitError says that a server answers and cannot be used.
type unfitError struct{ why string }

func (e *unfitError) Error() string { return e.why }

func setUp(ctx context.Context, c *pgconn.PgConn) error {
	results, err := c.Exec(ctx, sessionSetup).ReadAll()
	if err != nil {
		return fmt.Errorf("set up the session: %w", err)
	}
	row := results[0].Rows[0]
	version, err := strconv.Atoi(string(row[0]))
	if err != nil {
		return &unfitError{fmt.Sprintf("the server has the version %q, which is no number", row[0])}
	}
	if version < minServer {
		return &unfitError{fmt.Sprintf("the server is PostgreSQL %s, this program needs %d or newer", row[1], minServer/10000)}
	}
	if string(row[2]) == "true" {
		return &unfitError{"the server is a standby, which cannot be written to: connect to the primary, " +
			"or name all servers in the URL, separated by commas"}
	}
	return nil
}

// connect makes a connection. The error says what to do.
func connect(ctx context.Context, config *pgx.ConnConfig) (*pgx.Conn, error) {
	c, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return nil, explain(err)
	}
	return c, nil
}
