package sqlite

import (
	"context"
	"errors"
	"fmt"

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
	tx := readTx{db}
	void := int64(0)
	err = tx.Query(ctx, `SELECT n FROM void WHERE room = ?`, func(scan func(...any) error) error { return scan(&void) }, r.Num)
	if err != nil {
		return nil, nil, explain(err)
	}
	next := after + 1
	err = tx.Query(ctx, `SELECT n, data FROM journal WHERE room = ? AND n > ? ORDER BY n`, func(scan func(...any) error) error {
		var n int64
		var data []byte
		if err := scan(&n, &data); err != nil {
			return err
		}
		info, err := journal.CheckBlock(data, n, r.Num)
		if err == nil && info.Last < next {
			return nil
		}
		good := updates
		if err == nil {
			good, err = journal.AppendUpdates(updates, data, info, next-1)
		}
		if err != nil {
			damage = append(damage, damagedRow(n, id, err))
			return nil
		}
		if info.First > next {
			damage = append(damage, records.Missing(next, info.First-1, id))
		}
		updates, next = good, info.Last+1
		return nil
	}, r.Num, void)
	if err != nil {
		return nil, nil, fmt.Errorf("read the journal: %w", explain(err))
	}
	if next <= r.LastSeq {
		damage = append(damage, records.Missing(next, r.LastSeq, id))
	}
	return updates, damage, nil
}
