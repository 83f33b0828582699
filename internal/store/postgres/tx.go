package postgres

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/symphony-rtc/symphony/internal/store/records"
)

const (
	// commitTimeout bounds how long a commit of the pool's connections may take. It does not depend on the caller's
	// patience: whoever gives up in the middle of a commit does not know what became of it.
	commitTimeout = 10 * time.Second
	// attempts is how often a transaction is tried that the server gives up because of others.
	attempts = 5
)

// uncertainError says that a transaction may have been committed or not: the connection was lost in between. Whoever
// locks one of the rows that it wrote afterwards knows: the server decides before it gives up the lock.
type uncertainError struct{ err error }

func (e *uncertainError) Error() string {
	return fmt.Sprintf("it is not known whether the transaction was committed: %v", e.err)
}
func (e *uncertainError) Unwrap() error { return e.err }

func isUncertain(err error) bool {
	var e *uncertainError
	return errors.As(err, &e)
}

// givenUp reports whether the server has given up a transaction because of others, so that it may be repeated:
// serialization_failure or deadlock_detected.
func givenUp(err error) bool {
	var answer *pgconn.PgError
	return errors.As(err, &answer) && (answer.Code == "40001" || answer.Code == "40P01")
}

// write runs f in a transaction in which each statement sees what was committed before that statement began. f may run
// more than once. The error of a commit without an answer is uncertain.
func (db *DB) write(ctx context.Context, f func(tx *roomTx, now int64) error) (err error) {
	for range attempts {
		err = db.pool.with(ctx, func(c *pgx.Conn) error {
			tx, err := c.BeginTx(ctx, pgx.TxOptions{IsoLevel: pgx.ReadCommitted, AccessMode: pgx.ReadWrite})
			if err != nil {
				return err
			}
			if err := f(&roomTx{Tx: tx}, db.now().UnixMilli()); err != nil {
				ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), lookFor)
				defer cancel()
				_ = tx.Rollback(ctx) // a connection on which that fails is not used again
				return err
			}
			return commit(ctx, tx)
		})
		if !givenUp(err) {
			break
		}
	}
	return err
}

func commit(ctx context.Context, tx pgx.Tx) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), commitTimeout)
	defer cancel()
	err := tx.Commit(ctx)
	var answer *pgconn.PgError
	switch {
	case err == nil:
		return nil
	case errors.Is(err, pgx.ErrTxCommitRollback), errors.As(err, &answer) && answer.SeverityUnlocalized == "ERROR":
		return fmt.Errorf("commit: %w", err)
	}
	return &uncertainError{err}
}

// read runs f in a transaction that sees the database as it was at one moment. f may run more than once.
func (db *DB) read(ctx context.Context, f func(tx *roomTx) error) error {
	return db.pool.with(ctx, func(c *pgx.Conn) error {
		return pgx.BeginTxFunc(ctx, c, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}, func(tx pgx.Tx) error {
			return f(&roomTx{Tx: tx})
		})
	})
}

// recordsDB is the records.DB of a catalog.
type recordsDB struct{ db *DB }

func (r recordsDB) Write(ctx context.Context, f func(tx records.Tx) error) error {
	return r.db.write(ctx, func(tx *roomTx, _ int64) error { return f(tx) })
}

func (r recordsDB) Read(ctx context.Context, f func(tx records.Tx) error) error {
	return r.db.read(ctx, func(tx *roomTx) error { return f(tx) })
}

// roomTx is a records.Tx.
type roomTx struct {
	pgx.Tx
	// ends says that the transaction ends the epoch of the room it is about, so that nothing may be added to the
	// journal between the look at it and the end of the transaction.
	ends bool
}

var _ records.Tx = (*roomTx)(nil)

// texts has the queries of records as Postgres wants them.
var texts sync.Map

func text(query string) string {
	if known, ok := texts.Load(query); ok {
		return known.(string)
	}
	written := records.Placeholders(query)
	texts.Store(query, written)
	return written
}

func (t *roomTx) Exec(ctx context.Context, query string, args ...any) (int64, error) {
	tag, err := t.Tx.Exec(ctx, text(query), args...)
	return tag.RowsAffected(), err
}

func (t *roomTx) Query(ctx context.Context, query string, row func(scan func(dest ...any) error) error, args ...any) error {
	rows, err := t.Tx.Query(ctx, text(query), args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := row(rows.Scan); err != nil {
			return err
		}
	}
	return rows.Err()
}

func (t *roomTx) Lock() string { return "FOR UPDATE" }

func (t *roomTx) NewRoom(ctx context.Context) (num int64, err error) {
	err = t.QueryRow(ctx, `SELECT nextval('room_num')`).Scan(&num)
	return num, err
}

// Journal implements records.Tx. The sum is of what the snapshot does not cover. If this transaction ends the room's
// epoch it passes the fence first: then every commit of that epoch is over, and the sum, a statement of its own, sees
// it, and none follows.
func (t *roomTx) Journal(ctx context.Context, num int64) (records.JournalStats, error) {
	if t.ends {
		if _, err := t.Tx.Exec(ctx, `SELECT 1 FROM fence WHERE num = $1 FOR NO KEY UPDATE`, num); err != nil {
			return records.JournalStats{}, err
		}
	}
	var s records.JournalStats
	var last int64
	err := t.QueryRow(ctx, `SELECT `+statsColumns+` FROM journal j WHERE room = $1 AND last > (SELECT through FROM room WHERE num = $1)`, num).
		Scan(&s.Bytes, &last, &s.Updated)
	s.Last = uint64(last)
	return s, err
}

// DropJournal implements records.Tx. What the newest snapshot covers and the one before does not stays, for the case
// that the newest one turns out to be damaged.
func (t *roomTx) DropJournal(ctx context.Context, num int64, through uint64) error {
	if through == records.Everything {
		_, err := t.Tx.Exec(ctx, `DELETE FROM journal WHERE room = $1`, num)
		return err
	}
	_, err := t.Tx.Exec(ctx, `DELETE FROM journal WHERE room = $1 AND last <=
		(SELECT CASE previous_key WHEN '' THEN $2 ELSE least($2, previous_through) END FROM room WHERE num = $1)`, num, int64(through))
	return err
}
