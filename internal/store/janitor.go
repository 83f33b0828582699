package store

import (
	"context"
	"fmt"
	"sync"
)

// janitor removes snapshot objects that nobody needs any more, in the background and one at a time. What it does not
// get to before the process ends is found by CleanOrphans at the next start.
type janitor struct {
	catalog Catalog
	objects Objects
	ctx     context.Context
	cancel  context.CancelFunc
	done    chan struct{}

	mu   sync.Mutex
	todo []chore
	wake chan struct{}
}

// chore is one object to remove. With room set it is removed only if the catalog's pointer is certainly elsewhere.
type chore struct{ room, key string }

func newJanitor(catalog Catalog, objects Objects) *janitor {
	j := &janitor{catalog: catalog, objects: objects, done: make(chan struct{}), wake: make(chan struct{}, 1)}
	j.ctx, j.cancel = context.WithCancel(context.Background())
	go j.run()
	return j
}

// remove queues an object that no catalog row can point to, now or after a crash.
func (j *janitor) remove(key string) { j.add(chore{key: key}) }

// removeIfUnused queues an object whose catalog write failed. Such a write can still surface after a crash, so the
// janitor waits until the catalog is sure, and looks.
func (j *janitor) removeIfUnused(room, key string) { j.add(chore{room: room, key: key}) }

func (j *janitor) add(c chore) {
	j.mu.Lock()
	j.todo = append(j.todo, c)
	j.mu.Unlock()
	select {
	case j.wake <- struct{}{}:
	default:
	}
}

func (j *janitor) close() {
	j.cancel()
	<-j.done
}

func (j *janitor) run() {
	defer close(j.done)
	var doubtful []chore
	var settled <-chan struct{} // nil, which blocks, while nothing is doubtful
	for {
		select {
		case <-j.ctx.Done():
			return
		case <-j.wake:
			var more []chore
			j.mu.Lock()
			more, j.todo = j.todo, nil
			j.mu.Unlock()
			for _, c := range more {
				if c.room == "" {
					j.delete(c)
				} else {
					doubtful = append(doubtful, c)
					settled = j.catalog.Settled()
				}
			}
		case <-settled:
			for _, c := range doubtful {
				if info, err := j.catalog.Room(j.ctx, c.room); err == nil && info.SnapshotKey != c.key {
					j.delete(c)
				}
			}
			doubtful, settled = nil, nil
		}
	}
}

// delete removes an object. A failure leaves an orphan for the next start, which is all that is lost.
func (j *janitor) delete(c chore) { _ = j.objects.Delete(j.ctx, c.key) }

// CleanOrphans removes the objects that look like snapshots and that no room points to: what a crash between storing
// an object and pointing to it, or between pointing and removing the previous one, leaves behind. It must run before
// the first Save. It returns how many it removed.
func (s *Store) CleanOrphans(ctx context.Context) (int, error) {
	used := make(map[string]struct{})
	err := s.catalog.SnapshotKeys(ctx, func(key string) error {
		used[key] = struct{}{}
		return nil
	})
	if err != nil {
		return 0, fmt.Errorf("list the snapshots in use: %w", err)
	}
	removed := 0
	err = s.objects.List(ctx, func(key string) error {
		if _, ok := used[key]; ok || !IsSnapshotKey(key) {
			return nil
		}
		removed++
		return s.objects.Delete(ctx, key)
	})
	if err != nil {
		return removed, fmt.Errorf("remove snapshots that no room points to: %w", err)
	}
	return removed, nil
}
