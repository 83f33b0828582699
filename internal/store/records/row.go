package records

import (
	"context"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"math"
	"time"

	"github.com/symphony-rtc/symphony/internal/room"
	"github.com/symphony-rtc/symphony/internal/store"
)

// Row is one row of the table room. Times are milliseconds since 1970.
type Row struct {
	Num             int64
	ID              string
	Created         int64
	Updated         int64
	LastActive      int64
	Active          bool
	Epoch           uint64
	Generation      uint64
	SnapshotKey     string
	SnapshotBytes   int64
	SnapshotEpoch   uint64 // of the host that wrote the newest snapshot; 0 if a version of symphony did that had no such column
	Through         uint64
	PreviousKey     string
	PreviousThrough uint64
	LastSeq         uint64
	Deleted         int64  // when; 0 if it is not
	Versions        uint64 // number of the newest version ever
	Quarantine      string
	Members         int64
	MostMembers     int64
	Joins           int64
}

// Columns are the columns of the table room in the order that Scan reads.
const Columns = `num, id, created, updated, last_active, active, epoch, generation, snapshot_key, snapshot_bytes, snapshot_epoch, ` +
	`through, previous_key, previous_through, last_seq, deleted, versions, quarantine, members, most_members, joins, sum`

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// sum is the CRC-32C over the fields that decide what the room's document is: num, created, epoch, generation, through
// and last_seq as 8 bytes little endian, the length of the id as 8 bytes, the id, and the snapshot's key; then, unless
// all of them are empty, deleted and previous_through as 8 bytes and the previous snapshot's key. Not in it are what a
// restart changes for all rooms at once, what must be written although the sum is wrong, and counts.
func (r *Row) sum() int64 {
	var b []byte
	for _, v := range []uint64{uint64(r.Num), uint64(r.Created), r.Epoch, r.Generation, r.Through, r.LastSeq, uint64(len(r.ID))} {
		b = binary.LittleEndian.AppendUint64(b, v)
	}
	b = append(b, r.ID...)
	b = append(b, r.SnapshotKey...)
	if r.Deleted != 0 || r.PreviousThrough != 0 || r.PreviousKey != "" {
		b = binary.LittleEndian.AppendUint64(b, uint64(r.Deleted))
		b = binary.LittleEndian.AppendUint64(b, r.PreviousThrough)
		b = append(b, r.PreviousKey...)
	}
	return int64(crc32.Checksum(b, castagnoli))
}

// Scan reads a row of Columns and checks it. If the row fails its checksum it is returned as it is, with an error that
// wraps room.ErrCorrupt and names it.
func Scan(scan func(dest ...any) error) (Row, error) {
	var r Row
	var id, quarantine []byte
	var active, epoch, generation, snapshotEpoch, through, previousThrough, lastSeq, versions, sum int64
	err := scan(&r.Num, &id, &r.Created, &r.Updated, &r.LastActive, &active, &epoch, &generation, &r.SnapshotKey, &r.SnapshotBytes,
		&snapshotEpoch, &through, &r.PreviousKey, &previousThrough, &lastSeq, &r.Deleted, &versions, &quarantine, &r.Members,
		&r.MostMembers, &r.Joins, &sum)
	if err != nil {
		return Row{}, err
	}
	r.ID, r.Quarantine, r.Active = string(id), string(quarantine), active != 0
	r.Epoch, r.Generation, r.SnapshotEpoch = uint64(epoch), uint64(generation), uint64(snapshotEpoch)
	r.Through, r.PreviousThrough, r.LastSeq, r.Versions = uint64(through), uint64(previousThrough), uint64(lastSeq), uint64(versions)
	if sum != r.sum() {
		return r, fmt.Errorf("the catalog's row %d of room %q fails its checksum; nothing was changed, repair the room or restore "+
			"the catalog from a backup: %w", r.Num, r.ID, room.ErrCorrupt)
	}
	return r, nil
}

// Find reads a room's row by its id; with lock nobody else changes it until tx ends. The error is store.ErrNoRoom if there
// is none; a row that fails its checksum comes with an error that wraps room.ErrCorrupt.
func Find(ctx context.Context, tx Tx, id string, lock bool) (Row, error) {
	query := `SELECT ` + Columns + ` FROM room WHERE id = ?`
	if lock {
		query += ` ` + tx.Lock()
	}
	var row Row
	var bad error
	found := false
	err := tx.Query(ctx, query, func(scan func(...any) error) (err error) {
		if row, bad = Scan(scan); row.Num != 0 {
			found = true
			return nil
		}
		return bad
	}, blob(id))
	switch {
	case err != nil:
		return Row{}, err
	case !found:
		return Row{}, store.ErrNoRoom
	}
	return row, bad
}

// insert writes a new row unless there is one with its id.
func (r *Row) insert(ctx context.Context, tx Tx) (done bool, err error) {
	changed, err := tx.Exec(ctx, `INSERT INTO room (num, id, created, updated, last_active, active, epoch, generation, snapshot_key, snapshot_bytes, `+
		`snapshot_epoch, through, previous_key, previous_through, last_seq, deleted, versions, quarantine, members, most_members, joins, sum) `+
		`VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?) ON CONFLICT (id) DO NOTHING`,
		r.Num, blob(r.ID), r.Created, r.Updated, r.LastActive, flag(r.Active), int64(r.Epoch), int64(r.Generation), r.SnapshotKey, r.SnapshotBytes,
		int64(r.SnapshotEpoch), int64(r.Through), r.PreviousKey, int64(r.PreviousThrough), int64(r.LastSeq), r.Deleted, int64(r.Versions),
		blob(r.Quarantine), r.Members, r.MostMembers, r.Joins, r.sum())
	return changed == 1, err
}

// update writes what changes in a row, except the counts, the number of the newest version and the quarantine. The row's epoch in the table must be
// fence, else the error is room.ErrFenced.
func (r *Row) update(ctx context.Context, tx Tx, fence uint64) error {
	changed, err := tx.Exec(ctx, `UPDATE room SET updated = ?, last_active = ?, active = ?, epoch = ?, generation = ?, snapshot_key = ?, `+
		`snapshot_bytes = ?, snapshot_epoch = ?, through = ?, previous_key = ?, previous_through = ?, last_seq = ?, deleted = ?, sum = ? `+
		`WHERE num = ? AND epoch = ?`,
		r.Updated, r.LastActive, flag(r.Active), int64(r.Epoch), int64(r.Generation), r.SnapshotKey,
		r.SnapshotBytes, int64(r.SnapshotEpoch), int64(r.Through), r.PreviousKey, int64(r.PreviousThrough), int64(r.LastSeq), r.Deleted, r.sum(),
		r.Num, int64(fence))
	if err == nil && changed == 0 {
		err = room.ErrFenced
	}
	return err
}

// Public merges the row with its journal's sum.
func (r *Row) Public(j JournalStats) store.Room {
	info := store.Room{
		ID: r.ID, Created: fromMillis(r.Created), Updated: fromMillis(max(r.Updated, j.Updated)),
		LastActive: fromMillis(r.LastActive), Active: r.Active, Epoch: r.Epoch, Generation: r.Generation,
		SnapshotKey: r.SnapshotKey, SnapshotBytes: r.SnapshotBytes, JournalBytes: j.Bytes,
		Through: r.Through, LastSeq: max(r.LastSeq, r.Through, j.Last),
		PreviousKey: r.PreviousKey, PreviousThrough: r.PreviousThrough,
		Deleted: fromMillis(r.Deleted), Quarantine: r.Quarantine,
		MostMembers: int(r.MostMembers), Joins: r.Joins,
	}
	if r.Active {
		info.Members = int(r.Members)
	}
	return info
}

func blob(s string) []byte { return append([]byte{}, s...) }

func flag(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

func fromMillis(ms int64) time.Time {
	if ms == 0 || ms == math.MinInt64 {
		return time.Time{}
	}
	return time.UnixMilli(ms)
}

// toMillis is the opposite of fromMillis.
func toMillis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}
