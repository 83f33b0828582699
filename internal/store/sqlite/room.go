package sqlite

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"math"
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
}

// roomColumns are the columns in the order of roomRow.values and of scan.
const roomColumns = `num, id, created, updated, last_active, active, epoch, generation, snapshot_key, snapshot_bytes, through, last_seq, sum`

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// sum is the CRC-32C over the fields that decide what the room's document is: num, created, epoch, generation, through
// and last_seq as 8 bytes little endian, the length of the id as 8 bytes, the id, and the snapshot's key. Not in it are
// the fields that a restart changes for all rooms at once.
func (r *roomRow) sum() int64 {
	var b []byte
	for _, v := range []uint64{uint64(r.num), uint64(r.created), r.epoch, r.generation, r.through, r.lastSeq, uint64(len(r.id))} {
		b = binary.LittleEndian.AppendUint64(b, v)
	}
	b = append(b, r.id...)
	b = append(b, r.snapshotKey...)
	return int64(crc32.Checksum(b, castagnoli))
}

// values are the arguments of a statement that writes all columns.
func (r *roomRow) values() []any {
	return []any{r.num, []byte(r.id), r.created, r.updated, r.lastActive, b2i(r.active), int64(r.epoch), int64(r.generation),
		r.snapshotKey, r.snapshotBytes, int64(r.through), int64(r.lastSeq), r.sum()}
}

func b2i(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

// scanRoom reads a row of roomColumns through scan and checks it. An error wraps room.ErrCorrupt and names the row.
func scanRoom(scan func(dest ...any) error) (roomRow, error) {
	var r roomRow
	var id []byte
	var key []byte
	var epoch, generation, through, lastSeq, sum int64
	err := scan(&r.num, &id, &r.created, &r.updated, &r.lastActive, &r.active, &epoch, &generation, &key,
		&r.snapshotBytes, &through, &lastSeq, &sum)
	if err != nil {
		return r, err
	}
	r.id, r.snapshotKey = string(id), string(key)
	r.epoch, r.generation, r.through, r.lastSeq = uint64(epoch), uint64(generation), uint64(through), uint64(lastSeq)
	if sum != r.sum() {
		return r, fmt.Errorf("the catalog's row %d of room %q fails its checksum; nothing was changed, restore the data directory from a backup: %w",
			r.num, r.id, room.ErrCorrupt)
	}
	return r, nil
}

// public merges the row with what the index of the journal knows.
func (r *roomRow) public(j journalStats) store.Room {
	return store.Room{
		ID: r.id, Created: fromMillis(r.created), Updated: fromMillis(max(r.updated, j.updated)),
		LastActive: fromMillis(r.lastActive), Active: r.active, Epoch: r.epoch, Generation: r.generation,
		SnapshotKey: r.snapshotKey, SnapshotBytes: r.snapshotBytes, JournalBytes: j.bytes,
		Through: r.through, LastSeq: max(r.lastSeq, r.through, j.last),
	}
}

func fromMillis(ms int64) time.Time {
	if ms == 0 || ms == math.MinInt64 {
		return time.Time{}
	}
	return time.UnixMilli(ms)
}
