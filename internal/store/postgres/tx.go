package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// commitTimeout bounds how long a commit of the pool's connections may take. It does not depend on the caller's
// patience: whoever gives up in the middle of a commit does not know what became of it.
const commitTimeout = 10 * time.Second

// uncertain says that a transaction may have been committed or not: the connection was lost in between. Whoever locks
// one of the rows that it wrote afterwards knows: the server decides before it gives up the lock.
type uncertain struct{ err error }

func (e *uncertain) Error() string {
	return fmt.Sprintf("it is not known whether the transaction was committed: %v", e.err)
}
func (e *uncertain) Unwrap() error { return e.err }

func isUncertain(err error) bool {
	var e *uncertain
	return errors.As(err, &e)
}

// transact runs f in a transaction in which each statement sees what was committed before that statement began.
// The error of a commit without an answer is uncertain.
func (db *DB) transact(ctx context.Context, f func(tx pgx.Tx) error) error {
	return db.pool.with(ctx, func(c *pgx.Conn) error {
		tx, err := c.BeginTx(ctx, pgx.TxOptions{IsoLevel: pgx.ReadCommitted, AccessMode: pgx.ReadWrite})
		if err != nil {
			return err
		}
		if err := f(tx); err != nil {
			ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), lookFor)
			defer cancel()
			_ = tx.Rollback(ctx) // a connection on which that fails is not used again
			return err
		}
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), commitTimeout)
		defer cancel()
		if err := tx.Commit(ctx); err != nil {
			var answer *pgconn.PgError
			if errors.Is(err, pgx.ErrTxCommitRollback) || errors.As(err, &answer) && answer.SeverityUnlocalized == "ERROR" {
				return fmt.Errorf("commit: %w", err)
			}
			return &uncertain{err}
		}
		return nil
	})
}
