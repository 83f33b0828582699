package store

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/symphony-rtc/symphony/internal/room"
)

// Handle is a room.Handle that can also replace the document.
type Handle struct {
	store *Store
	claim Claim
	id    string
	epoch uint64
	save  sync.Mutex // one Save or Replace at a time
}

var _ room.Handle = (*Handle)(nil)

// Append implements room.Handle.
func (h *Handle) Append(seq uint64, update []byte) { h.claim.Append(seq, update) }

// Backlog implements room.Handle.
func (h *Handle) Backlog() int { return h.claim.Backlog() }

// Release implements room.Handle.
func (h *Handle) Release(ctx context.Context) error {
	if err := h.claim.Release(ctx); err != nil {
		return fmt.Errorf("release room %q: %w", h.id, err)
	}
	return nil
}

// Save implements room.Handle. Saves of one handle wait for each other.
func (h *Handle) Save(ctx context.Context, through uint64, snapshot []byte) error {
	h.save.Lock()
	defer h.save.Unlock()
	began := time.Now()
	err := h.point(ctx, Pointer{Through: through, KeepEvery: max(h.store.o.KeepEvery, 0)}, snapshot)
	if err != nil {
		err = fmt.Errorf("save room %q through update %d: %w", h.id, through, err)
	}
	if h.store.o.Observe != nil {
		h.store.o.Observe.SnapshotSaved(time.Since(began), len(snapshot), err)
	}
	return err
}

// Replace makes a snapshot (a V2 update) of an unrelated document the room's state: the generation rises by one, and
// clients with a copy of the old document will not merge it into the new one. Everything appended must be durable, and
// whoever wants the state before back must have made it a version. The handle goes on with the numbers of its updates.
func (h *Handle) Replace(ctx context.Context, snapshot []byte) error {
	return h.ReplaceAs(ctx, snapshot, 0)
}

// ReplaceAs is Replace by a document that had a generation elsewhere: the room's rises to that at least, so that nobody
// merges a copy of what the document had replaced there.
func (h *Handle) ReplaceAs(ctx context.Context, snapshot []byte, generation uint64) error {
	h.save.Lock()
	defer h.save.Unlock()
	err := h.replace(ctx, snapshot, generation)
	if err != nil {
		err = fmt.Errorf("replace the document of room %q: %w", h.id, err)
	}
	return err
}

func (h *Handle) replace(ctx context.Context, snapshot []byte, generation uint64) error {
	if n := h.claim.Backlog(); n > 0 {
		return fmt.Errorf("%d bytes of updates are not durable yet", n)
	}
	return h.point(ctx, Pointer{Through: h.claim.Durable(), Replace: true, Generation: generation}, snapshot)
}

// point stores a snapshot and makes it the room's newest as p says.
func (h *Handle) point(ctx context.Context, p Pointer, snapshot []byte) error {
	if durable := h.claim.Durable(); p.Through > durable {
		return fmt.Errorf("only updates up to %d are durable", durable)
	}
	err := h.store.put(ctx, &p, h.id, h.epoch, snapshot)
	if err != nil {
		return err
	}
	free, err := h.claim.Point(ctx, p)
	switch {
	case errors.Is(err, room.ErrFenced):
		h.store.janitor.remove(p.Key)
		return err
	case err != nil:
		h.store.janitor.removeIfUnused(h.id, p.Key)
		return err
	}
	h.store.janitor.remove(free...)
	return nil
}

// put stores a snapshot as a new object and fills in its key and size.
func (s *Store) put(ctx context.Context, p *Pointer, id string, epoch uint64, snapshot []byte) error {
	p.Key = NewSnapshotKey(id, epoch, p.Through)
	header, body := encodeSnapshot(snapshotInfo{room: id, epoch: epoch, through: p.Through}, snapshot)
	p.Bytes = int64(len(header) + len(body))
	if err := s.objects.Put(ctx, p.Key, header, body); err != nil {
		s.janitor.remove(p.Key)
		return fmt.Errorf("put snapshot: %w", err)
	}
	return nil
}
