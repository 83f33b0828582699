package records

import (
	"context"
	"crypto/sha256"
	"errors"
	"time"

	"github.com/symphony-rtc/symphony/internal/room"
	"github.com/symphony-rtc/symphony/internal/store"
)

// Delete implements store.Lifecycle.
func (r *Records) Delete(ctx context.Context, id string) error {
	return r.db.Write(ctx, func(tx Tx) error {
		row, err := Find(ctx, tx, id, true)
		if err != nil || row.Deleted != 0 {
			return err
		}
		before := row.Epoch
		row.Epoch++
		row.Active = false
		row.Deleted = r.millis()
		fence(tx, row.Num, 0)
		return row.update(ctx, tx, before)
	})
}

// Undelete implements store.Lifecycle.
func (r *Records) Undelete(ctx context.Context, id string) error {
	return r.db.Write(ctx, func(tx Tx) error {
		row, err := Find(ctx, tx, id, true)
		if err != nil || row.Deleted == 0 {
			return err
		}
		row.Deleted = 0
		return row.update(ctx, tx, row.Epoch)
	})
}

// Erase implements store.Lifecycle.
func (r *Records) Erase(ctx context.Context, id string) (free []string, err error) {
	err = r.db.Write(ctx, func(tx Tx) error {
		row, err := Find(ctx, tx, id, true)
		if err != nil && !errors.Is(err, room.ErrCorrupt) {
			return err
		}
		keys := []string{row.SnapshotKey, row.PreviousKey}
		err = tx.Query(ctx, `SELECT key FROM version WHERE room = ?`, func(scan func(...any) error) error {
			var key string
			err := scan(&key)
			keys = append(keys, key)
			return err
		}, row.Num)
		if err != nil {
			return err
		}
		free = distinct(keys)
		for _, statement := range []string{
			`DELETE FROM version WHERE room = ?`, `DELETE FROM visit WHERE room = ?`, `DELETE FROM room WHERE num = ?`,
		} {
			if _, err := tx.Exec(ctx, statement, row.Num); err != nil {
				return err
			}
		}
		hash := sha256.Sum256([]byte(id))
		_, err = tx.Exec(ctx, `INSERT INTO erased (hash, generation, epoch) VALUES (?,?,?) `+
			`ON CONFLICT (hash) DO UPDATE SET generation = excluded.generation, epoch = excluded.epoch`,
			hash[:], int64(row.Generation), int64(row.Epoch))
		if err != nil {
			return err
		}
		fence(tx, row.Num, 0)
		return tx.DropJournal(ctx, row.Num, Everything)
	})
	return free, err
}

// Deleted implements store.Lifecycle.
func (r *Records) Deleted(ctx context.Context, before time.Time, limit int) (ids []string, err error) {
	err = r.db.Read(ctx, func(tx Tx) error {
		ids = nil
		return tx.Query(ctx, `SELECT id FROM room WHERE deleted > 0 AND deleted < ? ORDER BY deleted LIMIT ?`,
			func(scan func(...any) error) error {
				var id []byte
				err := scan(&id)
				ids = append(ids, string(id))
				return err
			}, before.UnixMilli(), int64(limit))
	})
	return ids, err
}

// Quarantine implements store.Lifecycle.
func (r *Records) Quarantine(ctx context.Context, id, reason string) error {
	return r.db.Write(ctx, func(tx Tx) error {
		changed, err := tx.Exec(ctx, `UPDATE room SET quarantine = ? WHERE id = ?`, blob(reason), blob(id))
		if err == nil && changed == 0 {
			err = store.ErrNoRoom
		}
		return err
	})
}
