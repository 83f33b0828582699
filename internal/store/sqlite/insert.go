package sqlite

import (
	"database/sql/driver"
	"strings"

	"github.com/symphony-rtc/symphony/internal/store/journal"
)

// insertRows is how many blocks one statement inserts. Ten together cost a third less processor time each than one by
// one; more than ten gain little (docs/storage.md has the figures).
const insertRows = 10

// insertStatement inserts so many blocks, each under the fence: only if its room still has the epoch of the host that
// wrote it. The fourth argument of each block is that epoch.
func insertStatement(rows int) string {
	return `INSERT INTO journal (n, room, data) SELECT column1, column2, column3 FROM (VALUES (?,?,?,?)` +
		strings.Repeat(`,(?,?,?,?)`, rows-1) + `) WHERE EXISTS (SELECT 1 FROM room WHERE num = column2 AND epoch = column4)`
}

var (
	insertMany = insertStatement(insertRows)
	insertOne  = insertStatement(1)
)

// insert writes the blocks. It returns their rows and the number for the next row.
func (db *DB) insert(blocks []*journal.Block, now int64) (rows []int64, next int64, err error) {
	next = db.nextRow
	rows = db.rows[:0]
	for _, b := range blocks {
		b.Refused = false
		b.Seal(next, now)
		rows = append(rows, next)
		next++
	}
	db.rows = rows
	for at := 0; at < len(blocks); {
		statement, n := insertOne, 1
		if len(blocks)-at >= insertRows {
			statement, n = insertMany, insertRows
		}
		changed, err := db.w.exec(statement, db.arguments(blocks[at:at+n], rows[at:])...)
		if err != nil {
			return nil, 0, err
		}
		for i := at; i < at+n && changed != int64(n); i++ { // some room is fenced: which?
			if blocks[i].Refused, err = db.refused(rows[i]); err != nil {
				return nil, 0, err
			}
		}
		at += n
	}
	return rows, next, nil
}

// arguments are those of the insert statement.
func (db *DB) arguments(blocks []*journal.Block, rows []int64) []any {
	db.args = db.args[:0]
	for i, b := range blocks {
		db.args = append(db.args, rows[i], b.Room.Num, b.Data, int64(b.Room.Epoch))
	}
	return db.args
}

// refused reports whether a row was not inserted.
func (db *DB) refused(n int64) (bool, error) {
	refused := true
	err := db.w.query(`SELECT 1 FROM journal WHERE n = ?`, func([]driver.Value) error {
		refused = false
		return nil
	}, n)
	return refused, err
}
