package records

import (
	"context"
	"errors"
	"math"
	"time"

	"github.com/symphony-rtc/symphony/internal/room"
	"github.com/symphony-rtc/symphony/internal/store"
)

const versionColumns = `number, created, kind, label, epoch, generation, through, key, bytes`

func scanVersion(id string, scan func(dest ...any) error) (store.Version, error) {
	v := store.Version{Room: id}
	var label []byte
	var number, created, epoch, generation, through int64
	err := scan(&number, &created, &v.Kind, &label, &epoch, &generation, &through, &v.Key, &v.Bytes)
	v.Number, v.Created, v.Label = uint64(number), fromMillis(created), string(label)
	v.Epoch, v.Generation, v.Through = uint64(epoch), uint64(generation), uint64(through)
	return v, err
}

// keep makes the row's newest snapshot a version.
func keep(ctx context.Context, tx Tx, row *Row, kind, label string, now int64) (store.Version, error) {
	row.Versions++
	v := store.Version{
		Room: row.ID, Number: row.Versions, Created: fromMillis(now), Kind: kind, Label: label, Epoch: row.SnapshotEpoch,
		Generation: row.Generation, Through: row.Through, Key: row.SnapshotKey, Bytes: row.SnapshotBytes,
	}
	_, err := tx.Exec(ctx, `INSERT INTO version (room, number, created, kind, label, epoch, generation, through, key, bytes) `+
		`VALUES (?,?,?,?,?,?,?,?,?,?)`, row.Num, int64(v.Number), now, kind, blob(label), int64(v.Epoch), int64(v.Generation),
		int64(v.Through), v.Key, v.Bytes)
	if err == nil {
		_, err = tx.Exec(ctx, `UPDATE room SET versions = ? WHERE num = ?`, int64(row.Versions), row.Num)
	}
	return v, err
}

// keepScheduled makes the newest snapshot an automatic version if the one before is at least so many milliseconds old. The
// creation of a room counts as its first.
func keepScheduled(ctx context.Context, tx Tx, row *Row, every, now int64) error {
	last := row.Created
	err := tx.Query(ctx, `SELECT created FROM version WHERE room = ? AND kind = ? ORDER BY number DESC LIMIT 1`,
		func(scan func(...any) error) error { return scan(&last) }, row.Num, store.VersionAutomatic)
	if err != nil || now-last < every {
		return err
	}
	_, err = keep(ctx, tx, row, store.VersionAutomatic, "", now)
	return err
}

// unreferenced returns those of the keys that nothing in the catalog points to any more: not the room's row, given as it is
// now, nor its versions.
func unreferenced(ctx context.Context, tx Tx, row *Row, keys ...string) ([]string, error) {
	var free []string
	for _, key := range keys {
		if key == "" || key == row.SnapshotKey || key == row.PreviousKey {
			continue
		}
		used := false
		err := tx.Query(ctx, `SELECT 1 FROM version WHERE room = ? AND key = ? LIMIT 1`, func(func(...any) error) error {
			used = true
			return nil
		}, row.Num, key)
		if err != nil {
			return nil, err
		}
		if !used {
			free = append(free, key)
		}
	}
	return free, nil
}

// Keep implements store.Versions.
func (r *Records) Keep(ctx context.Context, id, kind, label string) (v store.Version, err error) {
	err = r.db.Write(ctx, func(tx Tx) error {
		row, err := Find(ctx, tx, id, true)
		if err != nil && !errors.Is(err, room.ErrCorrupt) { // a repair keeps what a damaged row points to
			return err
		}
		if row.SnapshotKey == "" {
			return store.ErrNoVersion
		}
		v, err = keep(ctx, tx, &row, kind, label, r.millis())
		return err
	})
	return v, err
}

// Versions implements store.Versions.
func (r *Records) Versions(ctx context.Context, id string, before uint64, limit int) (list []store.Version, err error) {
	if before == 0 || before > math.MaxInt64 {
		before = math.MaxInt64
	}
	err = r.db.Read(ctx, func(tx Tx) error {
		list = nil
		return tx.Query(ctx, `SELECT `+versionColumns+` FROM version WHERE room = (SELECT num FROM room WHERE id = ?) AND number < ? `+
			`ORDER BY number DESC LIMIT ?`, func(scan func(...any) error) error {
			v, err := scanVersion(id, scan)
			list = append(list, v)
			return err
		}, blob(id), int64(before), int64(limit))
	})
	return list, err
}

// Version implements store.Versions.
func (r *Records) Version(ctx context.Context, id string, number uint64) (v store.Version, err error) {
	err = r.db.Read(ctx, func(tx Tx) error {
		v = store.Version{}
		return tx.Query(ctx, `SELECT `+versionColumns+` FROM version WHERE room = (SELECT num FROM room WHERE id = ?) AND number = ?`,
			func(scan func(...any) error) (err error) {
				v, err = scanVersion(id, scan)
				return err
			}, blob(id), int64(number))
	})
	if err == nil && v.Number == 0 {
		err = store.ErrNoVersion
	}
	return v, err
}

// Label implements store.Versions.
func (r *Records) Label(ctx context.Context, id string, number uint64, label string) error {
	return r.db.Write(ctx, func(tx Tx) error {
		changed, err := tx.Exec(ctx, `UPDATE version SET label = ? WHERE room = (SELECT num FROM room WHERE id = ?) AND number = ?`,
			blob(label), blob(id), int64(number))
		if err == nil && changed == 0 {
			err = store.ErrNoVersion
		}
		return err
	})
}

// Drop implements store.Versions.
func (r *Records) Drop(ctx context.Context, id string, number uint64) (free []string, err error) {
	err = r.db.Write(ctx, func(tx Tx) error {
		row, err := Find(ctx, tx, id, true)
		if errors.Is(err, store.ErrNoRoom) {
			return store.ErrNoVersion
		} else if err != nil {
			return err
		}
		free, err = drop(ctx, tx, &row, []int64{int64(number)})
		if err == nil && free == nil {
			err = store.ErrNoVersion
		}
		return err
	})
	return free, err
}

// drop ends versions of a locked row. The result is nil if none of them exists, and else what became free.
func drop(ctx context.Context, tx Tx, row *Row, numbers []int64) (free []string, err error) {
	var keys []string
	for _, number := range numbers {
		err := tx.Query(ctx, `SELECT key FROM version WHERE room = ? AND number = ?`, func(scan func(...any) error) error {
			var key string
			err := scan(&key)
			keys = append(keys, key)
			return err
		}, row.Num, number)
		if err != nil {
			return nil, err
		}
		if _, err := tx.Exec(ctx, `DELETE FROM version WHERE room = ? AND number = ?`, row.Num, number); err != nil {
			return nil, err
		}
	}
	if keys == nil {
		return nil, nil
	}
	free, err = unreferenced(ctx, tx, row, distinct(keys)...)
	if free == nil {
		free = []string{}
	}
	return free, err
}

// distinct leaves each key once.
func distinct(keys []string) []string {
	seen := make(map[string]bool, len(keys))
	var once []string
	for _, k := range keys {
		if k != "" && !seen[k] {
			seen[k] = true
			once = append(once, k)
		}
	}
	return once
}

// thinAtOnce is how many versions one Thin ends at most.
const thinAtOnce = 2000

// Thin implements store.Versions. Each room is a transaction of its own, so that hosts are not kept from their rooms.
func (r *Records) Thin(ctx context.Context, keep int, before time.Time) (free []string, more bool, err error) {
	type surplus struct {
		id      string
		numbers []int64
	}
	var rooms []*surplus
	found := 0
	err = r.db.Read(ctx, func(tx Tx) error {
		rooms, found = nil, 0
		return tx.Query(ctx, `SELECT room.id, v.number FROM (SELECT room, number, created, `+
			`row_number() OVER (PARTITION BY room ORDER BY number DESC) AS place FROM version WHERE kind = ? AND label = ?) AS v `+
			`JOIN room ON room.num = v.room WHERE v.place > ? OR v.created < ? ORDER BY room.id, v.number LIMIT ?`,
			func(scan func(...any) error) error {
				var id []byte
				var number int64
				if err := scan(&id, &number); err != nil {
					return err
				}
				found++
				if n := len(rooms); n == 0 || rooms[n-1].id != string(id) {
					rooms = append(rooms, &surplus{id: string(id)})
				}
				last := rooms[len(rooms)-1]
				last.numbers = append(last.numbers, number)
				return nil
			}, store.VersionAutomatic, blob(""), int64(keep), before.UnixMilli(), int64(thinAtOnce))
	})
	if err != nil {
		return nil, false, err
	}
	ended := false
	for _, s := range rooms {
		var dropped []string
		err := r.db.Write(ctx, func(tx Tx) error {
			dropped = nil
			row, err := Find(ctx, tx, s.id, true)
			if errors.Is(err, store.ErrNoRoom) || errors.Is(err, room.ErrCorrupt) {
				return nil // erased meanwhile, or nothing to decide upon
			} else if err != nil {
				return err
			}
			numbers, err := unlabelled(ctx, tx, row.Num, s.numbers)
			if err == nil {
				dropped, err = drop(ctx, tx, &row, numbers)
			}
			return err
		})
		if err != nil {
			return free, true, err
		}
		free = append(free, dropped...)
		ended = ended || dropped != nil
	}
	return free, ended && found == thinAtOnce, nil
}

// unlabelled returns those of the versions that nobody named meanwhile.
func unlabelled(ctx context.Context, tx Tx, num int64, numbers []int64) (still []int64, err error) {
	for _, number := range numbers {
		err := tx.Query(ctx, `SELECT 1 FROM version WHERE room = ? AND number = ? AND label = ?`, func(func(...any) error) error {
			still = append(still, number)
			return nil
		}, num, number, blob(""))
		if err != nil {
			return nil, err
		}
	}
	return still, nil
}
