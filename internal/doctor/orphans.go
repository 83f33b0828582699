package doctor

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"slices"
	"strings"
	"time"

	"github.com/symphony-rtc/symphony/internal/room"
	"github.com/symphony-rtc/symphony/internal/store"
)

// examples is how many names a finding gives.
const examples = 3

// keySet holds keys as 8 bytes each. It may take a key for one that it holds, which only spares an orphan.
type keySet struct {
	seed   maphash.Seed
	hashes []uint64
}

func (k *keySet) add(key string) error {
	k.hashes = append(k.hashes, maphash.String(k.seed, key))
	return nil
}

func (k *keySet) has(key string) bool {
	_, found := slices.BinarySearch(k.hashes, maphash.String(k.seed, key))
	return found
}

// sample is a number of names of which some are kept.
type sample struct {
	n     int64
	names []string
}

func (s *sample) add(name string) {
	s.n++
	if len(s.names) < examples {
		s.names = append(s.names, name)
	}
}

func (s *sample) String() string {
	text := strings.Join(s.names, ", ")
	if s.n > int64(len(s.names)) {
		text += ", ..."
	}
	return text
}

// objects looks for objects that nothing refers to, and for such as are not ours.
func (r *run) objects(ctx context.Context, s *store.Store) {
	orphans, foreign, others, err := strays(ctx, s, nil)
	switch {
	case ctx.Err() != nil:
		return
	case errors.Is(err, room.ErrCorrupt):
		r.add(checkOrphans, store.Doubtful, "not looked for, because the catalog's record of a room is damaged: "+reason(err), "repair that room first")
		return
	case err != nil:
		r.add(checkOrphans, store.Broken, fmt.Sprintf("the objects cannot be listed: %v", err), "see what the error says")
		return
	}
	r.sum.Orphans = orphans.n
	switch {
	case orphans.n == 0:
		r.add(checkOrphans, store.Fine, "none", "")
	case r.o.Fix:
		r.orphans = true
	default:
		r.add(checkOrphans, store.Doubtful, fmt.Sprintf("%s that nothing refers to, which crashes leave: %v", count(orphans.n, "object"), &orphans),
			"remove them with `symphony doctor --fix`; they only take up space")
	}
	if others.n > 0 {
		r.add(checkOrphans, store.Doubtful, fmt.Sprintf("%s of rooms that this catalog does not know: %v", count(others.n, "snapshot"), &others),
			"is this the right catalog for this place, and the only one? symphony never removes them; they may also be left of rooms that were erased")
	}
	if foreign.n > 0 {
		r.add(checkForeign, store.Doubtful, fmt.Sprintf("%s of other names than symphony's: %v", count(foreign.n, "object"), &foreign),
			"symphony leaves them alone; give it a directory, bucket or prefix of its own")
	}
}

// strays finds the objects that look like snapshots, are an hour old and not in use, and calls found with each; those with
// foreign names; and snapshots of rooms that the catalog does not know, which may be another installation's.
func strays(ctx context.Context, s *store.Store, found func(key string) error) (orphans, foreign, others sample, err error) {
	used, names := keySet{seed: maphash.MakeSeed()}, keySet{seed: maphash.MakeSeed()}
	if err := s.SnapshotKeys(ctx, used.add); err != nil {
		return orphans, foreign, others, err
	}
	if err := s.RoomIDs(ctx, func(id string) error { return names.add(store.KeyName(id)) }); err != nil {
		return orphans, foreign, others, err
	}
	slices.Sort(used.hashes)
	slices.Sort(names.hashes)
	aged, ok := s.Objects().(store.AgedObjects)
	if !ok {
		return orphans, foreign, others, fmt.Errorf("the ages of objects are not known here: %w", errors.ErrUnsupported)
	}
	err = aged.ListAged(ctx, func(key string, age time.Duration) error {
		switch {
		case !store.IsSnapshotKey(key):
			foreign.add(key)
		case age < store.OrphanAge || used.has(key):
		case !names.has(store.NameOf(key)):
			others.add(key)
		default:
			orphans.add(key)
			if found != nil {
				return found(key)
			}
		}
		return nil
	})
	return orphans, foreign, others, err
}
