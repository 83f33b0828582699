package store

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"time"

	"github.com/symphony-rtc/symphony/internal/room"
)

const (
	keepEvery = time.Hour
	// keepFirst bounds how long after the start the first round is. Hosts that start together spread theirs over it.
	keepFirst = time.Minute
	// eraseAtOnce is how many deleted rooms are looked up at a time.
	eraseAtOnce = 100
)

// keeper calls Tidy once an hour.
type keeper struct {
	cancel context.CancelFunc
	done   chan struct{}
}

func newKeeper(s *Store) *keeper {
	ctx, cancel := context.WithCancel(context.Background())
	k := &keeper{cancel: cancel, done: make(chan struct{})}
	go func() {
		defer close(k.done)
		timer := time.NewTimer(rand.N(keepFirst))
		defer timer.Stop()
		for {
			select {
			case <-timer.C:
			case <-ctx.Done():
				return
			}
			if err := s.Tidy(ctx); err != nil && ctx.Err() == nil {
				s.o.Log.Warn("what is due to be removed from storage could not be, trying again in an hour", "err", err)
			}
			timer.Reset(keepEvery - keepFirst + rand.N(2*keepFirst))
		}
	}()
	return k
}

func (k *keeper) close() {
	k.cancel()
	<-k.done
}

// Tidy ends what retention says is over: automatic versions, deleted rooms, old visits. A store does that by itself once
// an hour. Objects that become free are removed in the background.
func (s *Store) Tidy(ctx context.Context) error {
	now := s.o.Now()
	return errors.Join(s.thin(ctx, now), s.eraseDeleted(ctx, now), s.forgetVisits(ctx, now))
}

// ago is the time so long before now; the beginning of time if there is no limit.
func ago(now time.Time, d time.Duration) time.Time {
	if d < 0 {
		return time.UnixMilli(0)
	}
	return now.Add(-d)
}

func (s *Store) thin(ctx context.Context, now time.Time) error {
	keep := s.o.KeepVersions
	if keep < 0 {
		keep = math.MaxInt32
	}
	for more := true; more; {
		var free []string
		var err error
		free, more, err = s.catalog.Thin(ctx, keep, ago(now, s.o.KeepFor))
		s.janitor.remove(free...)
		if err != nil {
			return fmt.Errorf("thin out versions: %w", err)
		}
	}
	return nil
}

func (s *Store) eraseDeleted(ctx context.Context, now time.Time) error {
	before := ago(now, s.o.EraseAfter)
	for {
		ids, err := s.catalog.Deleted(ctx, before, eraseAtOnce)
		if err != nil {
			return fmt.Errorf("list deleted rooms: %w", err)
		}
		erased := 0
		for _, id := range ids {
			info, err := s.catalog.Room(ctx, id)
			switch {
			case errors.Is(err, ErrNoRoom):
				continue // another host was faster
			case err != nil && !errors.Is(err, room.ErrCorrupt):
				return fmt.Errorf("erase room %q: %w", id, err)
			case err != nil, info.Deleted.IsZero():
				continue // in doubt, or restored a moment ago
			}
			if err := s.Erase(ctx, id); err != nil && !errors.Is(err, ErrNoRoom) {
				return err
			}
			erased++
		}
		if erased == 0 {
			return nil
		}
	}
}

func (s *Store) forgetVisits(ctx context.Context, now time.Time) error {
	for more := true; more; {
		var err error
		if more, err = s.catalog.ForgetVisits(ctx, ago(now, s.o.KeepVisits)); err != nil {
			return fmt.Errorf("forget old visits: %w", err)
		}
	}
	return nil
}
