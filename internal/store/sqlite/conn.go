package sqlite

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net/url"

	sqlite "modernc.org/sqlite"
	lib "modernc.org/sqlite/lib"

	"github.com/symphony-rtc/symphony/internal/room"
)

// conn is the one connection that writes. It uses the driver without database/sql, which would cost more than SQLite
// does itself for a row. Not safe for concurrent use: it belongs to the committer.
type conn struct {
	dc    driver.Conn
	stmts map[string]driver.Stmt
	args  []driver.NamedValue
}

// dsn is the data source name of the file with pragmas; path may contain anything.
func dsn(path string, pragmas ...string) string {
	q := url.Values{"_pragma": pragmas, "_error_rc": {"1"}}
	return (&url.URL{Scheme: "file", Path: path, RawQuery: q.Encode()}).String()
}

func openConn(path string, pragmas ...string) (*conn, error) {
	return openSource(dsn(path, pragmas...))
}

func openSource(dsn string) (*conn, error) {
	dc, err := (&sqlite.Driver{}).Open(dsn)
	if err != nil {
		return nil, err
	}
	return &conn{dc: dc, stmts: make(map[string]driver.Stmt)}, nil
}

func (c *conn) close() error {
	for _, s := range c.stmts {
		s.Close()
	}
	return c.dc.Close()
}

// prepared returns the compiled statement; each text is compiled once.
func (c *conn) prepared(query string) (driver.Stmt, error) {
	if s, ok := c.stmts[query]; ok {
		return s, nil
	}
	s, err := c.dc.Prepare(query)
	if err != nil {
		return nil, err
	}
	c.stmts[query] = s
	return s, nil
}

func (c *conn) bind(args []any) []driver.NamedValue {
	c.args = c.args[:0]
	for i, a := range args {
		c.args = append(c.args, driver.NamedValue{Ordinal: i + 1, Value: a})
	}
	return c.args
}

// exec runs a statement and returns the number of rows it changed.
func (c *conn) exec(query string, args ...any) (int64, error) {
	s, err := c.prepared(query)
	if err != nil {
		return 0, err
	}
	result, err := s.(driver.StmtExecContext).ExecContext(context.Background(), c.bind(args))
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}

// query calls f with every row of the result. The values are valid during the call only.
func (c *conn) query(query string, f func(row []driver.Value) error, args ...any) error {
	s, err := c.prepared(query)
	if err != nil {
		return err
	}
	rows, err := s.(driver.StmtQueryContext).QueryContext(context.Background(), c.bind(args))
	if err != nil {
		return err
	}
	row := make([]driver.Value, len(rows.Columns()))
	for {
		err := rows.Next(row)
		if errors.Is(err, io.EOF) {
			return rows.Close()
		}
		if err == nil {
			err = f(row)
		}
		if err != nil {
			rows.Close()
			return err
		}
	}
}

// run runs a statement and ignores its rows.
func (c *conn) run(query string) error {
	return c.query(query, func([]driver.Value) error { return nil })
}

// scanner makes the Scan of database/sql for a row of integers, text and blobs of the driver.
func scanner(row []driver.Value) func(dest ...any) error {
	return func(dest ...any) error {
		for i, d := range dest {
			ok := false
			switch d := d.(type) {
			case *int64:
				*d, ok = row[i].(int64)
			case *string:
				*d, ok = row[i].(string)
			case *[]byte:
				switch v := row[i].(type) {
				case []byte:
					*d, ok = v, true
				case string:
					*d, ok = []byte(v), true
				}
			}
			if !ok {
				return fmt.Errorf("column %d holds a %T: %w", i, row[i], room.ErrCorrupt)
			}
		}
		return nil
	}
}

// explain wraps an error of SQLite with what a person can do about it, and with room.ErrCorrupt where that is what
// it means.
func explain(err error) error {
	var e *sqlite.Error
	if !errors.As(err, &e) {
		return err
	}
	switch e.Code() & 0xff {
	case lib.SQLITE_CORRUPT, lib.SQLITE_NOTADB:
		return fmt.Errorf("%w: the database file is damaged, restore the data directory from a backup: %w", err, room.ErrCorrupt)
	case lib.SQLITE_FULL:
		return fmt.Errorf("%w: the disk is full, free some space", err)
	case lib.SQLITE_READONLY, lib.SQLITE_CANTOPEN, lib.SQLITE_PERM:
		return fmt.Errorf("%w: this process may not write there, check owner and permissions of the data directory", err)
	case lib.SQLITE_BUSY, lib.SQLITE_LOCKED:
		return fmt.Errorf("%w: another program has the database open and locked, close it", err)
	}
	return err
}
