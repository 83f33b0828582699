package sqlite

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"

	"github.com/symphony-rtc/symphony/internal/store/records"
)

// writeTx is a records.Tx: one operation within the committer's transaction.
type writeTx struct {
	db     *DB
	fences []fenced
	after  []func() // once it is durable
}

type fenced struct {
	num   int64
	epoch uint64
}

// Fence implements records.Fencer.
func (t *writeTx) Fence(num int64, epoch uint64) { t.fences = append(t.fences, fenced{num, epoch}) }

func (t *writeTx) Exec(_ context.Context, query string, args ...any) (int64, error) {
	return t.db.w.exec(query, args...)
}

func (t *writeTx) Query(_ context.Context, query string, row func(scan func(dest ...any) error) error, args ...any) error {
	return t.db.w.query(query, func(values []driver.Value) error { return row(scanner(values)) }, args...)
}

func (t *writeTx) Lock() string { return "" }

func (t *writeTx) NewRoom(context.Context) (int64, error) {
	t.db.nextRoom++
	return t.db.nextRoom - 1, nil
}

func (t *writeTx) Journal(_ context.Context, num int64) (records.JournalStats, error) {
	return t.db.index.stats(num), t.db.index.damaged(num)
}

// DropJournal implements records.Tx. The rows themselves go later, a segment at a time; that they do not count is
// known from room.through, or from the table void.
func (t *writeTx) DropJournal(_ context.Context, num int64, through uint64) error {
	if through != records.Everything {
		t.after = append(t.after, func() { t.db.index.cover(num, through) })
		return nil
	}
	t.after = append(t.after, func() { t.db.index.drop(num) })
	_, err := t.db.w.exec(`INSERT INTO void (room, n) VALUES (?,?) ON CONFLICT (room) DO UPDATE SET n = excluded.n`, num, t.db.nextRow-1)
	return err
}

var _ records.Fencer = (*writeTx)(nil)

// write runs f as part of the next commit: all it does is undone if it fails, and the rest of the commit is not
// concerned. With hurry the commit does not wait for its window.
func (db *DB) write(ctx context.Context, hurry bool, f func(tx *writeTx, now int64) error) error {
	return db.do(ctx, hurry, func(w *conn, now int64) (func(), error) {
		if _, err := w.exec(`SAVEPOINT op`); err != nil {
			return nil, err
		}
		tx := &writeTx{db: db}
		if err := f(tx, now); err != nil {
			if !endsTransaction(err) {
				_, undo := w.exec(`ROLLBACK TO op`)
				_, release := w.exec(`RELEASE op`)
				err = errors.Join(err, undo, release)
			}
			return nil, err
		}
		_, err := w.exec(`RELEASE op`)
		if err == nil {
			for _, f := range tx.fences {
				db.pending[f.num] = f.epoch
			}
		}
		return func() {
			for _, f := range tx.after {
				f()
			}
		}, err
	})
}

// recordsDB is the records.DB of a catalog.
type recordsDB struct{ *DB }

func (db recordsDB) Write(ctx context.Context, f func(tx records.Tx) error) error {
	return db.write(ctx, true, func(tx *writeTx, _ int64) error { return f(tx) })
}

func (db recordsDB) Read(ctx context.Context, f func(tx records.Tx) error) error {
	return explain(f(readTx{db.DB}))
}

// readTx is a records.Tx that only reads, each query for itself, beside the committer.
type readTx struct{ db *DB }

var errReadOnly = errors.New("this transaction only reads")

func (t readTx) Query(ctx context.Context, query string, row func(scan func(dest ...any) error) error, args ...any) error {
	rows, err := t.db.read.QueryContext(ctx, query, args...)
	return each(rows, err, row)
}

// each calls row for the rows of a query, whose error err is.
func each(rows *sql.Rows, err error, row func(scan func(dest ...any) error) error) error {
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

func (t readTx) Exec(context.Context, string, ...any) (int64, error) { return 0, errReadOnly }
func (t readTx) NewRoom(context.Context) (int64, error)              { return 0, errReadOnly }
func (t readTx) DropJournal(context.Context, int64, uint64) error    { return errReadOnly }
func (t readTx) Lock() string                                        { return "" }
func (t readTx) Journal(_ context.Context, num int64) (records.JournalStats, error) {
	return t.db.index.stats(num), t.db.index.damaged(num)
}
