package postgres

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/symphony-rtc/symphony/internal/room"
	"github.com/symphony-rtc/symphony/internal/store"
	"github.com/symphony-rtc/symphony/internal/store/journal"
)

// statsColumns sum up the journal of room r, in the order of journalStats.
const statsColumns = `coalesce(sum(octet_length(j.data)), 0)::bigint, coalesce(max(j.last), 0), coalesce(max(j.millis), 0)`

// readStats sums up a room's journal as it is now.
func readStats(ctx context.Context, tx pgx.Tx, row *roomRow) (journalStats, error) {
	var s journalStats
	var last int64
	err := tx.QueryRow(ctx, `SELECT `+statsColumns+` FROM journal j WHERE room = $1 AND last > $2`, row.num, int64(row.through)).
		Scan(&s.bytes, &last, &s.updated)
	s.last = uint64(last)
	return s, err
}

// described is a query for rooms with what their journals hold, all at one moment.
const described = `SELECT ` + roomColumns + `, s.* FROM room r
	CROSS JOIN LATERAL (SELECT ` + statsColumns + ` FROM journal j WHERE j.room = r.num AND j.last > r.through) s `

// describe runs a query that begins with described. A row that fails its checksum is listed as it is unless strict.
func (db *DB) describe(ctx context.Context, strict bool, query string, args ...any) ([]store.Room, error) {
	var list []store.Room
	err := db.pool.with(ctx, func(c *pgx.Conn) error {
		rows, err := c.Query(ctx, query, args...)
		if err != nil {
			return err
		}
		defer rows.Close()
		list = list[:0]
		var holders []int64 // of each room, 0 for nobody
		hosts := make(map[int64]bool)
		for rows.Next() {
			var s journalStats
			var last int64
			r, err := scanRoom(rows.Scan, &s.bytes, &last, &s.updated)
			if err != nil && (strict || !errors.Is(err, room.ErrCorrupt)) {
				return err
			}
			s.last = uint64(last)
			if !r.active {
				r.host = 0
			} else if r.host != int64(db.host.num) {
				hosts[r.host] = false
			}
			list, holders = append(list, r.public(s)), append(holders, r.host)
		}
		if err := rows.Err(); err != nil {
			return err
		}
		if err := living(ctx, c, hosts); err != nil {
			return err
		}
		for i, h := range holders {
			list[i].Active = h == int64(db.host.num) || hosts[h]
		}
		return nil
	})
	return list, err
}

// Rooms implements store.Reader. A row that fails its checksum is listed as it is; opening the room says what is wrong.
func (db *DB) Rooms(ctx context.Context, after string, limit int) ([]store.Room, error) {
	list, err := db.describe(ctx, false, described+`WHERE r.id > $1 ORDER BY r.id LIMIT $2`, []byte(after), limit)
	if err != nil {
		return nil, fmt.Errorf("list rooms: %w", err)
	}
	return list, nil
}

// Room implements store.Reader.
func (db *DB) Room(ctx context.Context, id string) (store.Room, error) {
	list, err := db.describe(ctx, true, described+`WHERE r.id = $1`, []byte(id))
	if err != nil {
		return store.Room{}, err
	}
	if len(list) == 0 {
		return store.Room{}, store.ErrNoRoom
	}
	return list[0], nil
}

// SnapshotKeys implements store.Catalog.
func (db *DB) SnapshotKeys(ctx context.Context, f func(key string) error) error {
	const page = 10_000 // f may be slow, and must not keep a transaction open
	last := int64(-1)
	for {
		var keys []string
		err := db.pool.with(ctx, func(c *pgx.Conn) error {
			keys = keys[:0]
			rows, err := c.Query(ctx, `SELECT num, snapshot_key FROM room WHERE num > $1 AND snapshot_key <> '' ORDER BY num LIMIT $2`, last, page)
			if err != nil {
				return err
			}
			var key string
			_, err = pgx.ForEachRow(rows, []any{&last, &key}, func() error {
				keys = append(keys, key)
				return nil
			})
			return err
		})
		if err != nil {
			return err
		}
		for _, key := range keys {
			if err := f(key); err != nil {
				return err
			}
		}
		if len(keys) < page {
			return nil
		}
	}
}

// Load implements store.Catalog. Both statements see the database as it was at one moment.
func (db *DB) Load(ctx context.Context, id string) (store.Room, [][]byte, error) {
	var info store.Room
	var updates [][]byte
	err := db.pool.with(ctx, func(c *pgx.Conn) error {
		return pgx.BeginTxFunc(ctx, c, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}, func(tx pgx.Tx) (err error) {
			info, updates, err = load(ctx, tx, id)
			return err
		})
	})
	return info, updates, err
}

func load(ctx context.Context, tx pgx.Tx, id string) (store.Room, [][]byte, error) {
	row, err := scanRoom(tx.QueryRow(ctx, `SELECT `+roomColumns+` FROM room r WHERE id = $1`, []byte(id)).Scan)
	if errors.Is(err, pgx.ErrNoRows) {
		return store.Room{}, nil, store.ErrNoRoom
	}
	if err != nil {
		return store.Room{}, nil, err
	}
	rows, err := tx.Query(ctx, `SELECT first, data FROM journal WHERE room = $1 AND last > $2 ORDER BY first`, row.num, int64(row.through))
	if err != nil {
		return store.Room{}, nil, err
	}
	next := row.through + 1
	var stats journalStats
	var updates [][]byte
	var first int64
	var data []byte
	_, err = pgx.ForEachRow(rows, []any{&first, &data}, func() error {
		info, err := journal.CheckBlock(data, 0, row.num)
		switch {
		case err != nil:
		case info.First != uint64(first):
			err = fmt.Errorf("it says it begins with update %d", info.First)
		case info.First > next:
			err = fmt.Errorf("updates %d to %d before it are missing", next, info.First-1)
		case info.First < next && len(updates) > 0:
			err = fmt.Errorf("updates %d to %d are there twice", info.First, next-1)
		default:
			updates, err = journal.AppendUpdates(updates, data, info, row.through)
		}
		if err != nil {
			return damagedRow(first, id, err)
		}
		next = info.Last + 1
		stats = journalStats{bytes: stats.bytes + int64(len(data)), last: info.Last, updated: info.Millis}
		return nil
	})
	if err == nil && row.lastSeq >= next {
		err = missing(next, row.lastSeq, id)
	}
	if err != nil {
		return store.Room{}, nil, err
	}
	return row.public(stats), updates, nil
}

func damagedRow(first int64, id string, err error) error {
	return fmt.Errorf("the journal row of room %q that begins with update %d cannot be used: %w; nothing was changed, "+
		"restore the database from a backup: %w", id, first, err, room.ErrCorrupt)
}
