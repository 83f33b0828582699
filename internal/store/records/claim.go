package records

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"

	"github.com/symphony-rtc/symphony/internal/room"
	"github.com/symphony-rtc/symphony/internal/store"
)

// Claim is the transaction of store.Catalog's Claim: it creates the room if need be and raises its epoch. now is in
// milliseconds since 1970.
func Claim(ctx context.Context, tx Tx, id string, now int64) (Row, JournalStats, error) {
	for {
		row, err := Find(ctx, tx, id, true)
		if !errors.Is(err, store.ErrNoRoom) {
			return claim(ctx, tx, row, err, now)
		}
		row, done, err := create(ctx, tx, id, now)
		if done || err != nil {
			return row, JournalStats{}, err
		}
	}
}

// create makes a room. done is false if another host was faster.
func create(ctx context.Context, tx Tx, id string, now int64) (row Row, done bool, err error) {
	row = Row{ID: id, Created: now, LastActive: now, Active: true, Epoch: 1, Generation: 1}
	hash := sha256.Sum256([]byte(id))
	err = tx.Query(ctx, `SELECT generation, epoch FROM erased WHERE hash = ?`, func(scan func(...any) error) error {
		var generation, epoch int64
		err := scan(&generation, &epoch)
		row.Generation, row.Epoch = uint64(generation)+1, uint64(epoch)+1
		return err
	}, hash[:])
	if err != nil {
		return row, false, err
	}
	if row.Num, err = tx.NewRoom(ctx); err != nil {
		return row, false, err
	}
	if done, err = row.insert(ctx, tx); done {
		fence(tx, row.Num, row.Epoch)
	}
	return row, done, err
}

// claim opens a room that exists. bad is why its row cannot be trusted.
func claim(ctx context.Context, tx Tx, row Row, bad error, now int64) (Row, JournalStats, error) {
	none := JournalStats{}
	switch {
	case bad != nil && row.Quarantine == "":
		return row, none, bad
	case bad == nil && row.Deleted != 0:
		return row, none, room.ErrDeleted
	case row.Quarantine != "":
		return row, none, fmt.Errorf("%w, repair it: %s: %w", store.ErrQuarantined, row.Quarantine, room.ErrCorrupt)
	}
	stats, err := tx.Journal(ctx, row.Num)
	if err != nil {
		return row, none, err
	}
	if have := max(row.Through, stats.Last); row.LastSeq > have {
		return row, none, Missing(have+1, row.LastSeq, row.ID)
	}
	before := row.Epoch
	row.Epoch++
	row.Active = true
	row.LastActive = now
	row.Updated = max(row.Updated, stats.Updated)
	row.LastSeq = max(row.LastSeq, row.Through, stats.Last)
	row.Members = 0
	if err := row.update(ctx, tx, before); err != nil {
		return row, none, err
	}
	fence(tx, row.Num, row.Epoch)
	_, err = tx.Exec(ctx, `UPDATE room SET members = 0 WHERE num = ? AND members <> 0`, row.Num)
	return row, stats, err
}

// Missing is the damage of a room whose newest updates are known to have been durable and are not there.
func Missing(from, to uint64, id string) error {
	return fmt.Errorf("updates %d to %d of room %q are missing from the journal; nothing was changed, "+
		"repair the room or restore the catalog from a backup: %w", from, to, id, room.ErrCorrupt)
}

// held finds the row of a claimed room. The error is room.ErrFenced if the claim is over.
func held(ctx context.Context, tx Tx, id string, num int64, epoch uint64) (Row, error) {
	row, err := Find(ctx, tx, id, true)
	switch {
	case errors.Is(err, store.ErrNoRoom), err == nil && (row.Num != num || row.Epoch != epoch):
		err = room.ErrFenced
	}
	return row, err
}

// Point is the transaction of store.Claim's Point, for the room num with that id, claimed with that epoch. durable is its newest durable
// update. It drops the covered journal rows through tx.
func Point(ctx context.Context, tx Tx, id string, num int64, epoch uint64, p store.Pointer, durable uint64, now int64) (free []string, err error) {
	row, err := held(ctx, tx, id, num, epoch)
	switch {
	case err != nil:
		return nil, err
	case p.Through > durable || p.Through < row.Through:
		return nil, fmt.Errorf("a snapshot through update %d cannot follow one through %d, with updates durable up to %d",
			p.Through, row.Through, durable)
	case p.Replace && p.Through != durable:
		return nil, fmt.Errorf("the document cannot be replaced as of update %d while updates are durable up to %d", p.Through, durable)
	}
	stats, err := tx.Journal(ctx, num)
	if err != nil {
		return nil, err
	}
	news := p.Replace || p.Through > row.Through || row.SnapshotKey == ""
	candidates := []string{row.SnapshotKey, row.PreviousKey}
	row.PreviousKey, row.PreviousThrough = row.SnapshotKey, row.Through
	if p.Replace || row.SnapshotKey == "" { // what is older is another document
		row.PreviousKey, row.PreviousThrough = "", 0
	}
	if p.Replace {
		row.Generation = max(row.Generation+1, p.Generation)
	}
	row.SnapshotKey, row.SnapshotBytes, row.SnapshotEpoch, row.Through = p.Key, p.Bytes, epoch, p.Through
	row.LastActive = now
	row.Updated = max(row.Updated, stats.Updated)
	if p.Replace {
		row.Updated = now
	}
	row.LastSeq = durable
	if err := row.update(ctx, tx, epoch); err != nil {
		return nil, err
	}
	if news && p.KeepEvery > 0 {
		if err := keepScheduled(ctx, tx, &row, p.KeepEvery.Milliseconds(), now); err != nil {
			return nil, err
		}
	}
	if err := tx.DropJournal(ctx, num, p.Through); err != nil {
		return nil, err
	}
	return unreferenced(ctx, tx, &row, candidates...)
}

// Release is the transaction of store.Claim's Release. The error is room.ErrFenced if the claim is over already.
func Release(ctx context.Context, tx Tx, id string, num int64, epoch uint64, durable uint64, now int64) error {
	row, err := held(ctx, tx, id, num, epoch)
	if err != nil {
		return err
	}
	stats, err := tx.Journal(ctx, num)
	if err != nil {
		return err
	}
	row.Active = false
	row.LastActive = now
	row.Updated = max(row.Updated, stats.Updated)
	row.LastSeq = durable
	return row.update(ctx, tx, epoch)
}

// Repair is the transaction of store.Catalog's Repair.
func Repair(ctx context.Context, tx Tx, id string, p store.Pointer, damaged bool, now int64) (free []string, err error) {
	row, err := Find(ctx, tx, id, true)
	if err != nil && !errors.Is(err, room.ErrCorrupt) {
		return nil, err
	}
	stats, err := tx.Journal(ctx, row.Num)
	if err != nil && !errors.Is(err, room.ErrCorrupt) {
		return nil, err
	}
	if last := max(row.LastSeq, row.Through, stats.Last); p.Through < last {
		return nil, fmt.Errorf("it went on to update %d after %d was read; try again", last, p.Through)
	}
	candidates := []string{row.SnapshotKey, row.PreviousKey}
	if !damaged && row.SnapshotKey != "" {
		row.PreviousKey, row.PreviousThrough = row.SnapshotKey, row.Through
	}
	before := row.Epoch
	row.Epoch++
	row.SnapshotKey, row.SnapshotBytes, row.SnapshotEpoch = p.Key, p.Bytes, row.Epoch
	row.Through, row.LastSeq = p.Through, p.Through
	row.Active = false
	row.LastActive = now
	row.Updated = max(row.Updated, stats.Updated)
	if p.Replace {
		row.Generation = max(row.Generation+1, p.Generation)
		row.PreviousKey, row.PreviousThrough = "", 0
	}
	if err := row.update(ctx, tx, before); err != nil {
		return nil, err
	}
	fence(tx, row.Num, 0)
	if _, err := tx.Exec(ctx, `UPDATE room SET quarantine = ? WHERE num = ?`, blob(""), row.Num); err != nil {
		return nil, err
	}
	if err := tx.DropJournal(ctx, row.Num, Everything); err != nil {
		return nil, err
	}
	return unreferenced(ctx, tx, &row, candidates...)
}
