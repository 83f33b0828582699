package services

import (
	"context"
	"fmt"
	"testing"

	"github.com/jackc/pgx/v5"
)

// KeepJournal makes a database that has Symphony's tables keep a copy of each row that ever got into the journal, which snapshots drop
// again.
func (p *PostgresServer) KeepJournal(t testing.TB, database string) {
	t.Helper()
	for _, statement := range []string{
		`CREATE TABLE journal_kept AS SELECT room, first, last, epoch FROM journal WITH NO DATA`,
		`CREATE INDEX ON journal_kept (room, first)`,
		`CREATE FUNCTION keep_journal() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
			INSERT INTO journal_kept VALUES (NEW.room, NEW.first, NEW.last, NEW.epoch); RETURN NULL; END $$`,
		`CREATE TRIGGER keep_journal AFTER INSERT ON journal FOR EACH ROW EXECUTE FUNCTION keep_journal()`,
	} {
		p.Exec(t, database, statement)
	}
}

// JournalInOrder looks into a database whether the journal of each room is without a gap and its epochs only rise: a host that wrote
// after another one had taken the room over would have left a number twice, a gap or a lower epoch. An error says how many rows do not
// continue the one before them. With KeepJournal, all rows that there ever were are looked at.
func (p *PostgresServer) JournalInOrder(database string) (rows int, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	c, err := pgx.Connect(ctx, p.URL(database))
	if err != nil {
		return 0, err
	}
	defer c.Close(ctx)
	table := "journal"
	err = c.QueryRow(ctx, `SELECT coalesce(to_regclass('journal_kept')::text, 'journal')`).Scan(&table)
	if err != nil {
		return 0, err
	}
	var wrong int
	err = c.QueryRow(ctx, `SELECT count(*), count(*) FILTER (WHERE last_before IS NOT NULL AND (first <> last_before + 1 OR epoch < epoch_before))
		FROM (SELECT first, epoch, lag(last) OVER w AS last_before, lag(epoch) OVER w AS epoch_before
			FROM `+table+` WINDOW w AS (PARTITION BY room ORDER BY first, last)) j`).Scan(&rows, &wrong)
	if err == nil && wrong > 0 {
		err = fmt.Errorf("%d of %d rows of the journal do not continue the one before them", wrong, rows)
	}
	return rows, err
}

// OpenedMoreOften counts the rooms whose ids begin with a prefix, and those of them that were opened more often than n times.
func (p *PostgresServer) OpenedMoreOften(database, prefix string, n int) (rooms, above int, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	c, err := pgx.Connect(ctx, p.URL(database))
	if err != nil {
		return 0, 0, err
	}
	defer c.Close(ctx)
	err = c.QueryRow(ctx, `SELECT count(*), count(*) FILTER (WHERE epoch > $2) FROM room WHERE substring(id FROM 1 FOR length($1::bytea)) = $1`,
		[]byte(prefix), n).
		Scan(&rooms, &above)
	return rooms, above, err
}
