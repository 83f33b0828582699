package sqlite

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/symphony-rtc/symphony/internal/room"
	"github.com/symphony-rtc/symphony/internal/store/journal"
	"github.com/symphony-rtc/symphony/internal/store/records"
)

// Salvage implements store.Catalog. It goes through the whole journal, not only what the index has of the room: rows
// that the newest snapshot covers are there until their segment goes, and help where that snapshot is damaged.
func (db *DB) Salvage(ctx context.Context, id string, after uint64) (updates [][]byte, damage []error, err error) {
	r, err := db.room(ctx, id)
	if errors.Is(err, room.ErrCorrupt) {
		damage = append(damage, err)
	} else if err != nil {
		return nil, nil, err
	}
	updates, more, err := db.salvage(ctx, readTx{db}, r, after)
	return updates, append(damage, more...), err
}

func (db *DB) salvage(ctx context.Context, tx records.Tx, r records.Row, after uint64) (updates [][]byte, damage []error, err error) {
	void := int64(0)
	err = tx.Query(ctx, `SELECT n FROM void WHERE room = ?`, func(scan func(...any) error) error { return scan(&void) }, r.Num)
	if err != nil {
		return nil, nil, explain(err)
	}
	next := after + 1
	err = tx.Query(ctx, `SELECT n, room, data FROM journal WHERE n > ? ORDER BY n`, func(scan func(...any) error) error {
		var n, num int64
		var data []byte
		if err := scan(&n, &num, &data); err != nil {
			return err
		}
		pieces, err := split(n, num, data)
		if err != nil {
			damage = append(damage, err)
		}
		for _, p := range pieces {
			if !slices.Contains(p.nums, r.Num) || p.err == nil && p.info.Last < next {
				continue
			}
			good, err := updates, p.err
			if err == nil {
				good, err = journal.AppendUpdates(updates, data[p.off:p.off+p.size], p.info, next-1)
			}
			if err != nil {
				damage = append(damage, damagedRow(n, r.ID, err))
				continue
			}
			if p.info.First > next {
				damage = append(damage, records.Missing(next, p.info.First-1, r.ID))
			}
			updates, next = good, p.info.Last+1
		}
		return nil
	}, void)
	if err != nil {
		return nil, nil, fmt.Errorf("read the journal: %w", explain(err))
	}
	if next <= r.LastSeq {
		damage = append(damage, records.Missing(next, r.LastSeq, r.ID))
	}
	return updates, damage, nil
}
