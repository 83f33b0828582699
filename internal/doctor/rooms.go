package doctor

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/symphony-rtc/symphony/internal/room"
	"github.com/symphony-rtc/symphony/internal/store"
)

// page is how many rooms are listed at a time.
const page = 200

// some looks at the rooms that were asked for.
func (r *run) some(ctx context.Context, s *store.Store) {
	r.of = int64(len(r.o.Rooms))
	r.work(ctx, s, func(ctx context.Context, todo chan<- string) error {
		for _, id := range r.o.Rooms {
			select {
			case todo <- id:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		return nil
	})
}

// every looks at all rooms, and reports whether it got to the end.
func (r *run) every(ctx context.Context, s *store.Store) bool {
	if n, err := s.CountRooms(ctx); err == nil {
		r.of = n
	}
	return r.work(ctx, s, func(ctx context.Context, todo chan<- string) error {
		for after := ""; ; {
			list, err := s.Rooms(ctx, after, page)
			if err != nil {
				return err
			}
			for _, info := range list {
				select {
				case todo <- info.ID:
				case <-ctx.Done():
					return ctx.Err()
				}
				after = info.ID
			}
			if len(list) < page {
				return nil
			}
		}
	})
}

// enough is how many rooms in a row cannot be read before storage counts as down.
const enough = 10

// work looks at the rooms that list sends, some at the same time. Storage that is down ends it.
func (r *run) work(parent context.Context, s *store.Store, list func(ctx context.Context, todo chan<- string) error) bool {
	ctx, cancel := context.WithCancelCause(parent)
	defer cancel(nil)
	todo := make(chan string)
	var workers sync.WaitGroup
	for range r.o.Requests {
		workers.Go(func() {
			for id := range todo {
				if ctx.Err() != nil {
					continue
				}
				err := r.look(ctx, s, id)
				if ctx.Err() == nil && r.unreadable(id, err) >= enough {
					cancel(fmt.Errorf("%d rooms in a row could not be read", enough))
				}
			}
		})
	}
	if err := list(ctx, todo); err != nil {
		cancel(err) // which counts unless it was cancelled before
	}
	close(todo)
	workers.Wait()
	switch {
	case parent.Err() != nil:
		return false
	case ctx.Err() != nil:
		r.add(checkRooms, store.Broken, fmt.Sprintf("storage could not be read, so that %s: %v", r.left(), context.Cause(ctx)), "see what the error says")
		return false
	case r.sum.Unread > 0:
		r.add(checkRooms, store.Broken, fmt.Sprintf("%d of %d rooms could not be read, %d are damaged", r.sum.Unread, r.sum.Rooms+r.sum.Unread, r.sum.Damaged),
			"see what is said about each")
	case r.sum.Damaged > 0:
		r.add(checkRooms, store.Broken, fmt.Sprintf("%d of %s are damaged", r.sum.Damaged, count(r.sum.Rooms, "room")),
			"restore the named objects from a backup, or repair the rooms with `symphony repair ROOM`")
	default:
		r.add(checkRooms, store.Fine, fmt.Sprintf("%s with %s looked at", count(r.sum.Rooms, "room"), count(r.sum.Objects, "snapshot")), "")
	}
	return true
}

// unreadable reports that a room could not be read because of err, and returns how many in a row could not.
func (r *run) unreadable(id string, err error) int {
	r.mu.Lock()
	r.failing++
	if err == nil {
		r.failing = 0
	} else {
		r.sum.Unread++
	}
	n := r.failing
	r.mu.Unlock()
	if err != nil {
		r.report(store.Finding{Check: checkRoom, State: store.Broken, Room: id, Text: fmt.Sprintf("could not be read: %v", err), Do: "see what the error says"})
	}
	return n
}

func (r *run) left() string {
	if r.of > 0 {
		return fmt.Sprintf("%d of %d rooms were not looked at", max(0, r.of-r.sum.Rooms-r.sum.Unread), r.of)
	}
	return fmt.Sprintf("not all rooms were looked at, but %d", r.sum.Rooms)
}

// rounds is how often a room is looked at that changes meanwhile: each time a host would have to store a snapshot.
const rounds = 5

// look looks at one room and reports what is wrong with it. An error says that storage could not be read.
func (r *run) look(ctx context.Context, s *store.Store, id string) error {
	info, err := s.Room(ctx, id)
	for round := 1; ; round++ {
		if errors.Is(err, store.ErrNoRoom) {
			if len(r.o.Rooms) > 0 {
				r.report(store.Finding{Check: checkRoom, State: store.Broken, Room: id, Text: "there is no such room", Do: "see GET /v1/rooms for the rooms that are there"})
			}
			return nil
		}
		if err != nil && !errors.Is(err, room.ErrCorrupt) {
			return err
		}
		e := exam{s: s, info: info}
		if err != nil {
			e.damage(err)
		}
		if err := e.all(ctx); err != nil && !errors.Is(err, store.ErrNoRoom) {
			return err
		}
		if len(e.found) > 0 && round < rounds {
			// A host may have gone on in the middle of it, or the room been erased.
			var now store.Room
			if now, err = s.Room(ctx, id); !same(info, now) || errors.Is(err, store.ErrNoRoom) {
				info = now
				continue
			}
		}
		r.finish(e)
		return nil
	}
}

// same reports whether a room's state has stayed what it was.
func same(a, b store.Room) bool {
	return a.Epoch == b.Epoch && a.Generation == b.Generation && a.SnapshotKey == b.SnapshotKey && a.Through == b.Through && a.LastSeq == b.LastSeq
}

// finish reports what was found about a room.
func (r *run) finish(e exam) {
	r.mu.Lock()
	r.sum.Rooms++
	r.sum.Objects += int64(e.objects)
	if e.damaged {
		r.sum.Damaged++
	}
	if r.progress != nil {
		r.progress(Progress{Rooms: r.sum.Rooms, Of: max(r.of, r.sum.Rooms)})
	}
	well := e.info.Quarantine != "" && !e.damaged
	if well && r.o.Fix {
		r.lift = append(r.lift, lift{e.info.ID, e.info.Quarantine})
	}
	r.mu.Unlock()
	for _, f := range e.found {
		f.Check, f.Room = checkRoom, e.info.ID
		r.report(f)
	}
	if well && !r.o.Fix {
		r.report(store.Finding{Check: checkRoom, State: store.Broken, Room: e.info.ID,
			Text: "in quarantine, though nothing is wrong with it any more. It was: " + e.info.Quarantine,
			Do:   "lift the quarantine with `symphony doctor --fix`"})
	}
}
