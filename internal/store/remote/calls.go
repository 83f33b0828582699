package remote

import (
	"context"
	"time"

	"github.com/symphony-rtc/symphony/internal/store"
)

// Load implements store.Catalog.
func (c *Catalog) Load(ctx context.Context, id string) (info store.Room, updates [][]byte, err error) {
	err = c.ask(ctx, opLoad, with(id), &info, &updates)
	return info, updates, err
}

// Rooms implements store.Catalog.
func (c *Catalog) Rooms(ctx context.Context, after string, limit int) (list []store.Room, err error) {
	err = c.ask(ctx, opRooms, with(after, limit), &list)
	return list, err
}

// Room implements store.Catalog.
func (c *Catalog) Room(ctx context.Context, id string) (info store.Room, err error) {
	var failure []byte
	if err := c.ask(ctx, opRoom, with(id), &info, &failure); err != nil {
		return store.Room{}, err
	}
	return info, unpacked(failure)
}

// unpacked is an error that came with an answer.
func unpacked(b []byte) error {
	err, ok := known.Unpack(b)
	if !ok {
		return errAnswer
	}
	return err
}

// CountRooms returns how many rooms there are, or an error that wraps errors.ErrUnsupported if the catalog cannot count.
func (c *Catalog) CountRooms(ctx context.Context) (n int64, err error) {
	err = c.ask(ctx, opCountRooms, nil, &n)
	return n, err
}

// SnapshotKeys implements store.Catalog. All keys are in memory for a moment.
func (c *Catalog) SnapshotKeys(ctx context.Context, f func(key string) error) error {
	var keys []string
	var failure []byte
	if err := c.ask(ctx, opSnapshotKeys, nil, &keys, &failure); err != nil {
		return err
	}
	for _, key := range keys {
		if err := f(key); err != nil {
			return err
		}
	}
	return unpacked(failure)
}

// Salvage implements store.Catalog.
func (c *Catalog) Salvage(ctx context.Context, id string, after uint64) (updates [][]byte, damage []error, err error) {
	var packed [][]byte
	err = c.ask(ctx, opSalvage, with(id, after), &updates, &packed)
	for _, p := range packed {
		damage = append(damage, unpacked(p))
	}
	return updates, damage, err
}

// Repair implements store.Catalog.
func (c *Catalog) Repair(ctx context.Context, id string, p store.Pointer, damaged bool) (free []string, err error) {
	err = c.ask(ctx, opRepair, with(id, p, damaged), &free)
	return free, err
}

// Keep implements store.Versions.
func (c *Catalog) Keep(ctx context.Context, id, kind, label string) (v store.Version, err error) {
	err = c.ask(ctx, opKeep, with(id, kind, label), &v)
	return v, err
}

// Versions implements store.Versions.
func (c *Catalog) Versions(ctx context.Context, id string, before uint64, limit int) (list []store.Version, err error) {
	err = c.ask(ctx, opVersions, with(id, before, limit), &list)
	return list, err
}

// Version implements store.Versions.
func (c *Catalog) Version(ctx context.Context, id string, number uint64) (v store.Version, err error) {
	err = c.ask(ctx, opVersion, with(id, number), &v)
	return v, err
}

// Label implements store.Versions.
func (c *Catalog) Label(ctx context.Context, id string, number uint64, label string) error {
	return c.ask(ctx, opLabel, with(id, number, label))
}

// Drop implements store.Versions.
func (c *Catalog) Drop(ctx context.Context, id string, number uint64) (free []string, err error) {
	err = c.ask(ctx, opDrop, with(id, number), &free)
	return free, err
}

// Thin implements store.Versions.
func (c *Catalog) Thin(ctx context.Context, keep int, before time.Time) (free []string, more bool, err error) {
	var failure []byte
	if err := c.ask(ctx, opThin, with(keep, before), &free, &more, &failure); err != nil {
		return nil, false, err
	}
	return free, more, unpacked(failure)
}

// Delete implements store.Lifecycle.
func (c *Catalog) Delete(ctx context.Context, id string) error { return c.ask(ctx, opDelete, with(id)) }

// Undelete implements store.Lifecycle.
func (c *Catalog) Undelete(ctx context.Context, id string) error {
	return c.ask(ctx, opUndelete, with(id))
}

// Erase implements store.Lifecycle.
func (c *Catalog) Erase(ctx context.Context, id string) (free []string, err error) {
	err = c.ask(ctx, opErase, with(id), &free)
	return free, err
}

// Deleted implements store.Lifecycle.
func (c *Catalog) Deleted(ctx context.Context, before time.Time, limit int) (ids []string, err error) {
	err = c.ask(ctx, opDeleted, with(before, limit), &ids)
	return ids, err
}

// Quarantine implements store.Lifecycle.
func (c *Catalog) Quarantine(ctx context.Context, id, reason string) error {
	return c.ask(ctx, opQuarantine, with(id, reason))
}

// RecordVisits implements store.Visits.
func (c *Catalog) RecordVisits(ctx context.Context, visits []store.Visit) error {
	return c.ask(ctx, opRecordVisits, with(visits))
}

// Visits implements store.Visits.
func (c *Catalog) Visits(ctx context.Context, id string, before time.Time, limit int) (list []store.Visit, err error) {
	err = c.ask(ctx, opVisits, with(id, before, limit), &list)
	return list, err
}

// ForgetVisits implements store.Visits.
func (c *Catalog) ForgetVisits(ctx context.Context, before time.Time) (more bool, err error) {
	err = c.ask(ctx, opForgetVisits, with(before), &more)
	return more, err
}
