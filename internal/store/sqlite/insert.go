package sqlite

import (
	"database/sql/driver"
	"strings"
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

// insert writes the batch's blocks, as far as maxCommit allows, and lists them in b.stored. It returns the number for
// the next row.
func (db *DB) insert(b *batch, now int64) (next int64, err error) {
	next = db.nextRow
	bytes := 0
	for _, block := range b.blocks {
		if bytes > maxCommit {
			break
		}
		bytes += block.bytes
		s := stored{b: block}
		if !block.claim.fenced {
			s.n = next
			next++
			block.seal(s.n, now)
		}
		b.stored = append(b.stored, s)
	}
	todo := b.stored
	for len(todo) > 0 {
		statement, group := insertOne, todo[:1]
		if len(todo) >= insertRows {
			statement, group = insertMany, todo[:insertRows]
		}
		todo = todo[len(group):]
		changed, err := db.w.exec(statement, b.arguments(group)...)
		if err != nil {
			return 0, err
		}
		if changed == int64(len(group)) {
			continue
		}
		for i := range group { // some room is fenced: which?
			if err := db.inserted(&group[i]); err != nil {
				return 0, err
			}
		}
	}
	return next, nil
}

// arguments are those of the insert statement. A block that is known to be fenced gets an epoch that no room has.
func (b *batch) arguments(group []stored) []any {
	b.args = b.args[:0]
	for _, s := range group {
		epoch := int64(s.b.claim.epoch)
		if s.n == 0 {
			epoch = 0
		}
		b.args = append(b.args, s.n, s.b.claim.num, s.b.data, epoch)
	}
	return b.args
}

// inserted sets s.n to 0 if the row was refused.
func (db *DB) inserted(s *stored) error {
	found := false
	err := db.w.query(`SELECT 1 FROM journal WHERE n = ?`, func([]driver.Value) error {
		found = true
		return nil
	}, s.n)
	if !found {
		s.n = 0
	}
	return err
}
