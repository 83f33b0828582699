package services

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// JournalInOrder looks into a database whether the journal of each room is without a gap and its epochs only rise: a host that wrote
// after another one had taken the room over would have left a number twice, a gap or a lower epoch. An error names how many rows do not
// continue the one before them.
func (p *PostgresServer) JournalInOrder(database string) (rows int, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	c, err := pgx.Connect(ctx, p.URL(database))
	if err != nil {
		return 0, err
	}
	defer c.Close(ctx)
	var wrong int
	err = c.QueryRow(ctx, `SELECT count(*), count(*) FILTER (WHERE before.last IS NOT NULL AND (j.first <> before.last + 1 OR j.epoch < before.epoch))
		FROM journal j LEFT JOIN LATERAL (SELECT last, epoch FROM journal b WHERE b.room = j.room AND b.first < j.first ORDER BY b.first DESC LIMIT 1) before ON true`).
		Scan(&rows, &wrong)
	if err == nil && wrong > 0 {
		err = fmt.Errorf("%d of %d rows of the journal do not continue the one before them", wrong, rows)
	}
	return rows, err
}
