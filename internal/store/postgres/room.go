package postgres

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"time"

	"github.com/symphony-rtc/symphony/internal/room"
	"github.com/symphony-rtc/symphony/internal/store"
)

// roomRow is one row of the table room.
type roomRow struct {
	num           int64
	id            string
	created       int64 // times in milliseconds since 1970
	updated       int64
	lastActive    int64
	active        bool
	epoch         uint64
	generation    uint64
	snapshotKey   string
	snapshotBytes int64
	through       uint64
	lastSeq       uint64
	host          int64
}

// roomColumns are the columns in the order of scanRoom.
const roomColumns = `r.num, r.id, r.created, r.updated, r.last_active, r.active, r.epoch, r.generation, r.snapshot_key,
	r.snapshot_bytes, r.through, r.last_seq, r.sum, r.host`

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// sum is the checksum of docs/storage.md.
func (r *roomRow) sum() int64 {
	var b []byte
	for _, v := range []uint64{uint64(r.num), uint64(r.created), r.epoch, r.generation, r.through, r.lastSeq, uint64(len(r.id))} {
		b = binary.LittleEndian.AppendUint64(b, v)
	}
	b = append(b, r.id...)
	b = append(b, r.snapshotKey...)
	return int64(crc32.Checksum(b, castagnoli))
}

// scanRoom reads a row of roomColumns, and what follows in the query into more. An error that wraps room.ErrCorrupt
// comes with the row as it is.
func scanRoom(scan func(dest ...any) error, more ...any) (roomRow, error) {
	var r roomRow
	var id []byte
	var active, epoch, generation, through, lastSeq, sum int64
	err := scan(append([]any{&r.num, &id, &r.created, &r.updated, &r.lastActive, &active, &epoch,
		&generation, &r.snapshotKey, &r.snapshotBytes, &through, &lastSeq, &sum, &r.host}, more...)...)
	if err != nil {
		return r, err
	}
	r.id, r.active = string(id), active != 0
	r.epoch, r.generation, r.through, r.lastSeq = uint64(epoch), uint64(generation), uint64(through), uint64(lastSeq)
	if sum != r.sum() {
		return r, fmt.Errorf("the catalog's row %d of room %q fails its checksum; nothing was changed, restore the database from a backup: %w",
			r.num, r.id, room.ErrCorrupt)
	}
	return r, nil
}

// journalStats sums up the rows of a room's journal that no snapshot covers.
type journalStats struct {
	bytes   int64
	last    uint64 // newest update, 0 without rows
	updated int64  // time of the newest row, milliseconds
}

// public merges the row with its journal.
func (r *roomRow) public(j journalStats) store.Room {
	return store.Room{
		ID: r.id, Created: fromMillis(r.created), Updated: fromMillis(max(r.updated, j.updated)),
		LastActive: fromMillis(r.lastActive), Active: r.active, Epoch: r.epoch, Generation: r.generation,
		SnapshotKey: r.snapshotKey, SnapshotBytes: r.snapshotBytes, JournalBytes: j.bytes,
		Through: r.through, LastSeq: max(r.lastSeq, r.through, j.last),
	}
}

func fromMillis(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms)
}

// missing is the damage of a room whose updates are known to have been durable and are not there.
func missing(from, to uint64, id string) error {
	return fmt.Errorf("updates %d to %d of room %q are missing from the journal; nothing was changed, "+
		"restore the database from a backup: %w", from, to, id, room.ErrCorrupt)
}
