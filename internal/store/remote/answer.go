package remote

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/symphony-rtc/symphony/internal/ipc"
	"github.com/symphony-rtc/symphony/internal/room"
	"github.com/symphony-rtc/symphony/internal/store"
)

// args reads the arguments of a call; an error ends the connection.
type args struct {
	body []byte
	err  error
}

func (a *args) read(pointers ...any) { a.err = ipc.Unpack(a.body, pointers...) }

// run is how a call is answered.
type run = func(ctx context.Context) ([]byte, error)

// answer packs what a method returned.
func answer(err error, values ...any) ([]byte, error) {
	if err != nil {
		return nil, err
	}
	return ipc.Pack(nil, values...), nil
}

// Call implements ipc.Session.
func (s *session) Call(op uint8, body []byte) (ipc.Job, error) {
	a := &args{body: body}
	var f run
	switch op {
	case opClaim, opPoint, opRelease:
		f = s.callClaim(op, a)
	case opLoad, opRooms, opRoom, opCountRooms, opSnapshotKeys, opSalvage:
		f = s.callRead(op, a)
	case opRepair, opSettled, opClose:
		f = s.callCatalog(op, a)
	case opKeep, opVersions, opVersion, opLabel, opDrop, opThin:
		f = s.callVersions(op, a)
	case opDelete, opUndelete, opErase, opDeleted, opQuarantine:
		f = s.callLifecycle(op, a)
	case opRecordVisits, opVisits, opForgetVisits:
		f = s.callVisits(op, a)
	default:
		return ipc.Job{}, fmt.Errorf("a call of kind %d", op)
	}
	large := op == opLoad || op == opSalvage || op == opSnapshotKeys
	return ipc.Job{Run: f, Large: large}, a.err
}

func (s *session) callClaim(op uint8, a *args) run {
	var num uint64
	switch op {
	case opClaim:
		var id string
		a.read(&num, &id)
		s.highest = max(s.highest, num)
		return func(ctx context.Context) ([]byte, error) {
			c := &heldClaim{s: s, num: num}
			claim, info, err := s.catalog.Claim(ctx, id, c)
			if err != nil {
				return nil, err
			}
			c.claim, c.next = claim, info.LastSeq+1
			s.mu.Lock()
			s.claims[num] = c
			s.mu.Unlock()
			return answer(nil, info)
		}
	case opPoint:
		var p store.Pointer
		a.read(&num, &p)
		c := s.claim(num)
		return func(ctx context.Context) ([]byte, error) {
			if c == nil {
				return nil, fmt.Errorf("%w: %w", errUnknownClaim, room.ErrFenced)
			}
			free, err := c.claim.Point(ctx, p)
			return answer(err, free)
		}
	}
	a.read(&num)
	c := s.claim(num)
	return func(ctx context.Context) ([]byte, error) {
		if c == nil {
			return nil, nil
		}
		err := c.claim.Release(ctx)
		if err == nil {
			s.forget(num)
		}
		return nil, err
	}
}

func (s *session) callRead(op uint8, a *args) run {
	var id string
	switch op {
	case opRooms:
		var limit int
		a.read(&id, &limit)
		return func(ctx context.Context) ([]byte, error) {
			list, err := s.catalog.Rooms(ctx, id, limit)
			return answer(err, list)
		}
	case opRoom:
		a.read(&id)
		return func(ctx context.Context) ([]byte, error) {
			info, err := s.catalog.Room(ctx, id)
			return answer(nil, info, known.Pack(nil, err)) // a damaged record comes with its error
		}
	case opCountRooms:
		return func(ctx context.Context) ([]byte, error) {
			n, err := countRooms(ctx, s.catalog)
			return answer(err, n)
		}
	case opSnapshotKeys:
		return func(ctx context.Context) ([]byte, error) {
			var keys []string
			err := s.catalog.SnapshotKeys(ctx, func(key string) error {
				keys = append(keys, key)
				return nil
			})
			return answer(nil, keys, known.Pack(nil, err))
		}
	case opSalvage:
		var after uint64
		a.read(&id, &after)
		return func(ctx context.Context) ([]byte, error) {
			updates, damage, err := s.catalog.Salvage(ctx, id, after)
			packed := make([][]byte, len(damage))
			for i, d := range damage {
				packed[i] = known.Pack(nil, d)
			}
			return answer(err, updates, packed)
		}
	}
	a.read(&id)
	return func(ctx context.Context) ([]byte, error) {
		info, updates, err := s.catalog.Load(ctx, id)
		return answer(err, info, updates)
	}
}

func (s *session) callCatalog(op uint8, a *args) run {
	switch op {
	case opSettled:
		settled := s.catalog.Settled() // now, which is after what was asked before
		return func(ctx context.Context) ([]byte, error) {
			select {
			case <-settled:
				return nil, nil
			case <-ctx.Done():
				return nil, ctx.Err()
			}
		}
	case opClose:
		return func(ctx context.Context) ([]byte, error) { return nil, s.releaseAll(ctx, true) }
	}
	var id string
	var p store.Pointer
	var damaged bool
	a.read(&id, &p, &damaged)
	return func(ctx context.Context) ([]byte, error) {
		free, err := s.catalog.Repair(ctx, id, p, damaged)
		return answer(err, free)
	}
}

func (s *session) callVersions(op uint8, a *args) run {
	var id, label string
	var number uint64
	switch op {
	case opKeep:
		var kind string
		a.read(&id, &kind, &label)
		return func(ctx context.Context) ([]byte, error) {
			v, err := s.catalog.Keep(ctx, id, kind, label)
			return answer(err, v)
		}
	case opVersions:
		var limit int
		a.read(&id, &number, &limit)
		return func(ctx context.Context) ([]byte, error) {
			list, err := s.catalog.Versions(ctx, id, number, limit)
			return answer(err, list)
		}
	case opVersion:
		a.read(&id, &number)
		return func(ctx context.Context) ([]byte, error) {
			v, err := s.catalog.Version(ctx, id, number)
			return answer(err, v)
		}
	case opLabel:
		a.read(&id, &number, &label)
		return func(ctx context.Context) ([]byte, error) { return nil, s.catalog.Label(ctx, id, number, label) }
	case opThin:
		var keep int
		var before time.Time
		a.read(&keep, &before)
		return func(ctx context.Context) ([]byte, error) {
			free, more, err := s.catalog.Thin(ctx, keep, before)
			return answer(nil, free, more, known.Pack(nil, err)) // what was done before the error is done
		}
	}
	a.read(&id, &number)
	return func(ctx context.Context) ([]byte, error) {
		free, err := s.catalog.Drop(ctx, id, number)
		return answer(err, free)
	}
}

func (s *session) callLifecycle(op uint8, a *args) run {
	var id string
	switch op {
	case opErase:
		a.read(&id)
		return func(ctx context.Context) ([]byte, error) {
			free, err := s.catalog.Erase(ctx, id)
			return answer(err, free)
		}
	case opDeleted:
		var before time.Time
		var limit int
		a.read(&before, &limit)
		return func(ctx context.Context) ([]byte, error) {
			ids, err := s.catalog.Deleted(ctx, before, limit)
			return answer(err, ids)
		}
	case opQuarantine:
		var reason string
		a.read(&id, &reason)
		return func(ctx context.Context) ([]byte, error) { return nil, s.catalog.Quarantine(ctx, id, reason) }
	case opDelete:
		a.read(&id)
		return func(ctx context.Context) ([]byte, error) { return nil, s.catalog.Delete(ctx, id) }
	}
	a.read(&id)
	return func(ctx context.Context) ([]byte, error) { return nil, s.catalog.Undelete(ctx, id) }
}

func (s *session) callVisits(op uint8, a *args) run {
	var id string
	var before time.Time
	switch op {
	case opRecordVisits:
		var visits []store.Visit
		a.read(&visits)
		return func(ctx context.Context) ([]byte, error) { return nil, s.catalog.RecordVisits(ctx, visits) }
	case opVisits:
		var limit int
		a.read(&id, &before, &limit)
		return func(ctx context.Context) ([]byte, error) {
			list, err := s.catalog.Visits(ctx, id, before, limit)
			return answer(err, list)
		}
	}
	a.read(&before)
	return func(ctx context.Context) ([]byte, error) {
		more, err := s.catalog.ForgetVisits(ctx, before)
		return answer(err, more)
	}
}

func countRooms(ctx context.Context, catalog store.Catalog) (int64, error) {
	if c, ok := catalog.(interface {
		CountRooms(ctx context.Context) (int64, error)
	}); ok {
		return c.CountRooms(ctx)
	}
	return 0, errors.ErrUnsupported
}
