package store

import (
	"context"
	"errors"
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

// chore is one object to remove. With room set it is removed only if the catalog certainly does not point to it.
type chore struct{ room, key string }

func newJanitor(catalog Catalog, objects Objects) *janitor {
	j := &janitor{catalog: catalog, objects: objects, done: make(chan struct{}), wake: make(chan struct{}, 1)}
	j.ctx, j.cancel = context.WithCancel(context.Background())
	go j.run()
	return j
}

// remove queues objects that no catalog row can point to, now or after a crash.
func (j *janitor) remove(keys ...string) {
	for _, key := range keys {
		j.add(chore{key: key})
	}
}

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
				if used, err := j.used(c); err == nil && !used {
					j.delete(c)
				}
			}
			doubtful, settled = nil, nil
		}
	}
}

// delete removes an object. A failure leaves an orphan for the next start, which is all that is lost.
func (j *janitor) delete(c chore) { _ = j.objects.Delete(j.ctx, c.key) }

// used reports whether the room of a doubtful chore points to its object.
func (j *janitor) used(c chore) (bool, error) {
	info, err := j.catalog.Room(j.ctx, c.room)
	if errors.Is(err, ErrNoRoom) {
		return false, nil
	}
	if err != nil || info.SnapshotKey == c.key || info.PreviousKey == c.key {
		return true, err
	}
	used := false
	err = eachVersion(j.ctx, j.catalog, c.room, func(v Version) (bool, error) {
		used = v.Key == c.key
		return used, nil
	})
	return used, err
}
