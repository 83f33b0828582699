package records

import (
	"cmp"
	"context"
	"math"
	"slices"
	"time"

	"github.com/symphony-rtc/symphony/internal/store"
)

// RecordVisits implements store.Visits.
func (r *Records) RecordVisits(ctx context.Context, visits []store.Visit) error {
	sorted := slices.Clone(visits)
	slices.SortStableFunc(sorted, func(a, b store.Visit) int { return cmp.Compare(a.Room, b.Room) })
	return r.db.Write(ctx, func(tx Tx) error {
		for rest := sorted; len(rest) > 0; {
			n := 1
			for n < len(rest) && rest[n].Room == rest[0].Room {
				n++
			}
			if err := recordVisits(ctx, tx, rest[:n]); err != nil {
				return err
			}
			rest = rest[n:]
		}
		return nil
	})
}

// recordVisits records visits of one room.
func recordVisits(ctx context.Context, tx Tx, visits []store.Visit) error {
	var num, epoch int64
	err := tx.Query(ctx, `SELECT num, epoch FROM room WHERE id = ? `+tx.Lock(), func(scan func(...any) error) error {
		return scan(&num, &epoch)
	}, blob(visits[0].Room))
	if err != nil || num == 0 {
		return err
	}
	joins := int64(0)
	for _, v := range visits {
		added, err := tx.Exec(ctx, `INSERT INTO visit (room, connection, epoch, protocol, joined, ended, reason) VALUES (?,?,?,?,?,?,?) `+
			`ON CONFLICT (room, connection) DO NOTHING`,
			num, v.Connection, int64(v.Epoch), v.Protocol, toMillis(v.Joined), toMillis(v.Left), blob(v.Reason))
		if err != nil {
			return err
		}
		joins += added
		if added > 0 {
			continue
		}
		_, err = tx.Exec(ctx, `UPDATE visit SET epoch = ?, protocol = ?, joined = ?, ended = ?, reason = ? WHERE room = ? AND connection = ?`,
			int64(v.Epoch), v.Protocol, toMillis(v.Joined), toMillis(v.Left), blob(v.Reason), num, v.Connection)
		if err != nil {
			return err
		}
	}
	members := int64(0)
	err = tx.Query(ctx, `SELECT count(*) FROM visit WHERE room = ? AND epoch = ? AND ended = 0`, func(scan func(...any) error) error {
		return scan(&members)
	}, num, epoch)
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `UPDATE room SET joins = joins + ?, members = ?, `+
		`most_members = CASE WHEN most_members < ? THEN ? ELSE most_members END WHERE num = ?`, joins, members, members, members, num)
	return err
}

// Visits implements store.Visits.
func (r *Records) Visits(ctx context.Context, id string, before time.Time, limit int) (list []store.Visit, err error) {
	until := int64(math.MaxInt64)
	if !before.IsZero() {
		until = before.UnixMilli()
	}
	err = r.db.Read(ctx, func(tx Tx) error {
		list = nil
		return tx.Query(ctx, `SELECT connection, epoch, protocol, joined, ended, reason FROM visit `+
			`WHERE room = (SELECT num FROM room WHERE id = ?) AND joined < ? ORDER BY joined DESC, connection DESC LIMIT ?`,
			func(scan func(...any) error) error {
				v := store.Visit{Room: id}
				var epoch, joined, ended int64
				var reason []byte
				err := scan(&v.Connection, &epoch, &v.Protocol, &joined, &ended, &reason)
				v.Epoch, v.Joined, v.Left, v.Reason = uint64(epoch), fromMillis(joined), fromMillis(ended), string(reason)
				list = append(list, v)
				return err
			}, blob(id), until, int64(limit))
	})
	return list, err
}

// forgetAtOnce is how many visits one ForgetVisits removes at most.
const forgetAtOnce = 5000

// ForgetVisits implements store.Visits. A visit whose host died, so that its end was never recorded, counts as ended when it began.
func (r *Records) ForgetVisits(ctx context.Context, before time.Time) (more bool, err error) {
	err = r.db.Write(ctx, func(tx Tx) error {
		changed, err := tx.Exec(ctx, `DELETE FROM visit WHERE (room, connection) IN (SELECT v.room, v.connection FROM visit AS v `+
			`JOIN room ON room.num = v.room WHERE (v.ended > 0 AND v.ended < ?) OR `+
			`(v.ended = 0 AND v.joined < ? AND (room.active = 0 OR room.epoch <> v.epoch)) LIMIT ?)`,
			before.UnixMilli(), before.UnixMilli(), int64(forgetAtOnce))
		more = changed == forgetAtOnce
		return err
	})
	return more, err
}
