package postgres

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/symphony-rtc/symphony/internal/room"
	"github.com/symphony-rtc/symphony/internal/store"
	"github.com/symphony-rtc/symphony/internal/store/journal"
	"github.com/symphony-rtc/symphony/internal/store/records"
)

// statsColumns sum up journal rows j in the order of records.JournalStats.
const statsColumns = `coalesce(sum(octet_length(j.data)), 0)::bigint, coalesce(max(j.last), 0), coalesce(max(j.millis), 0)`

// described is a query for rooms with what their journals hold, all at one moment.
const described = `SELECT ` + records.Columns + `, host, j_bytes, j_last, j_millis FROM room CROSS JOIN LATERAL
	(SELECT ` + statsColumns + ` FROM journal j WHERE j.room = room.num AND j.last > room.through) AS s (j_bytes, j_last, j_millis) `

// describe runs a query that begins with described. A row that fails its checksum is listed as it is; bad says which.
func (db *DB) describe(ctx context.Context, query string, args ...any) (list []store.Room, bad error, err error) {
	err = db.pool.with(ctx, func(c *pgx.Conn) error {
		list, bad = nil, nil
		rows, err := c.Query(ctx, query, args...)
		if err != nil {
			return err
		}
		defer rows.Close()
		var holders []int64 // of each room, 0 for nobody
		hosts := make(map[int64]bool)
		for rows.Next() {
			var host, last int64
			var s records.JournalStats
			r, err := records.Scan(func(dest ...any) error { return rows.Scan(append(dest, &host, &s.Bytes, &last, &s.Updated)...) })
			if err != nil && !errors.Is(err, room.ErrCorrupt) {
				return err
			}
			bad = errors.Join(bad, err)
			s.Last = uint64(last)
			if !r.Active {
				host = 0
			} else if host != int64(db.host.num) {
				hosts[host] = false
			}
			list, holders = append(list, r.Public(s)), append(holders, host)
		}
		if err := rows.Err(); err != nil {
			return err
		}
		if err := living(ctx, c, hosts); err != nil {
			return err
		}
		for i, h := range holders {
			if h != int64(db.host.num) && !hosts[h] {
				list[i].Active, list[i].Members = false, 0
			}
		}
		return nil
	})
	return list, bad, err
}

// Rooms implements store.Reader. A row that fails its checksum is listed as it is; opening the room says what is wrong.
func (db *DB) Rooms(ctx context.Context, after string, limit int) ([]store.Room, error) {
	list, _, err := db.describe(ctx, described+`WHERE id > $1 ORDER BY id LIMIT $2`, []byte(after), limit)
	if err != nil {
		return nil, fmt.Errorf("list rooms: %w", err)
	}
	return list, nil
}

// Room implements store.Catalog.
func (db *DB) Room(ctx context.Context, id string) (store.Room, error) {
	list, bad, err := db.describe(ctx, described+`WHERE id = $1`, []byte(id))
	switch {
	case err != nil:
		return store.Room{}, err
	case len(list) == 0:
		return store.Room{}, store.ErrNoRoom
	}
	return list[0], bad
}

// SnapshotKeys implements store.Catalog.
func (db *DB) SnapshotKeys(ctx context.Context, f func(key string) error) error {
	return db.read(ctx, func(tx *roomTx) error { return records.SnapshotKeys(ctx, tx, f) })
}

// Load implements store.Catalog.
func (db *DB) Load(ctx context.Context, id string) (info store.Room, updates [][]byte, err error) {
	err = db.read(ctx, func(tx *roomTx) error {
		row, err := records.Find(ctx, tx, id, false)
		if err != nil {
			return err
		}
		j := reader{row: row, next: row.Through + 1}
		if err := j.read(ctx, tx); err != nil {
			return err
		}
		if len(j.damage) > 0 {
			return j.damage[0]
		}
		info, updates = row.Public(j.stats), j.updates
		return nil
	})
	if err != nil {
		return store.Room{}, nil, err
	}
	return info, updates, nil
}

// Salvage implements store.Catalog.
func (db *DB) Salvage(ctx context.Context, id string, after uint64) (updates [][]byte, damage []error, err error) {
	err = db.read(ctx, func(tx *roomTx) error {
		row, bad := records.Find(ctx, tx, id, false)
		if bad != nil && !errors.Is(bad, room.ErrCorrupt) {
			return bad
		}
		j := reader{row: row, next: after + 1}
		if bad != nil {
			j.damage = append(j.damage, bad)
		}
		err := j.read(ctx, tx)
		updates, damage = j.updates, j.damage
		return err
	})
	if err != nil {
		return nil, nil, fmt.Errorf("read the journal: %w", err)
	}
	return updates, damage, nil
}

// reader reads the journal of a room.
type reader struct {
	row     records.Row
	next    uint64 // number of the next update
	updates [][]byte
	stats   records.JournalStats
	damage  []error // what cannot be read or is missing
}

// read collects all updates that can be read, and what is wrong with the others.
func (j *reader) read(ctx context.Context, tx *roomTx) error {
	err := tx.Query(ctx, `SELECT first, data FROM journal WHERE room = ? AND last >= ? ORDER BY first`, func(scan func(...any) error) error {
		var first int64
		var data []byte
		if err := scan(&first, &data); err != nil {
			return err
		}
		if err := j.block(first, data); err != nil {
			j.damage = append(j.damage, fmt.Errorf("the journal row of room %q that begins with update %d cannot be used: %w; nothing was changed, "+
				"repair the room or restore the database from a backup: %w", j.row.ID, first, err, room.ErrCorrupt))
		}
		return nil
	}, j.row.Num, int64(j.next))
	if err == nil && j.next <= j.row.LastSeq {
		j.damage = append(j.damage, records.Missing(j.next, j.row.LastSeq, j.row.ID))
	}
	return err
}

func (j *reader) block(first int64, data []byte) error {
	info, err := journal.CheckBlock(data, 0, j.row.Num)
	if err == nil && info.First != uint64(first) {
		err = fmt.Errorf("it says it begins with update %d", info.First)
	}
	if err != nil || info.Last < j.next { // all of it is there already
		return err
	}
	updates, err := journal.AppendUpdates(j.updates, data, info, j.next-1)
	if err != nil {
		return err
	}
	if info.First > j.next {
		j.damage = append(j.damage, records.Missing(j.next, info.First-1, j.row.ID))
	}
	j.updates, j.next = updates, info.Last+1
	j.stats = records.JournalStats{Bytes: j.stats.Bytes + int64(len(data)), Last: info.Last, Updated: info.Millis}
	return nil
}
