package objects

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"github.com/symphony-rtc/symphony/internal/store"
)

// ErrOverwrites is the finding that a place does not keep Put's promise to create and never to replace. Symphony's keys
// are unique, so it can be used; the promise is a second line of defence.
var ErrOverwrites = errors.New("it overwrites existing objects: its server ignores If-None-Match")

// Step is one thing that Probe did.
type Step struct {
	Name string // "put", "put again", "get", "list", "delete"
	Took time.Duration
	Err  error
}

// Report is what Probe found.
type Report struct {
	Steps []Step // in order; those after a step without which they make no sense are left out
	Clock *Clock // nil if the place has no clock of its own, or does not tell
}

// Clock compares two clocks.
type Clock struct {
	Ahead     time.Duration // of our clock before that of the storage; negative if ours is behind
	Uncertain time.Duration // the true value is at most this far away
}

// Err returns the errors of all steps, or nil.
func (r Report) Err() error {
	var all []error
	for _, step := range r.Steps {
		if step.Err != nil {
			all = append(all, fmt.Errorf("%s: %w", step.Name, step.Err))
		}
	}
	return errors.Join(all...)
}

// errFound ends a list.
var errFound = errors.New("found")

// Probe tries out everything that Symphony does with a place, with an object of some random bytes under a key that looks like a
// snapshot's, and deletes it. If it cannot, the object is an orphan like those that crashes leave. now is our clock.
func Probe(ctx context.Context, place store.Objects, now func() time.Time) Report {
	var report Report
	step := func(name string, do func() error) bool {
		began := time.Now()
		err := do()
		report.Steps = append(report.Steps, Step{Name: name, Took: time.Since(began), Err: err})
		return err == nil
	}
	key := store.NewSnapshotKey("", 0, 0) // no room has this id
	content := make([]byte, 2000)
	rand.Read(content) // never fails (crypto/rand)
	if step("put", func() error { return place.Put(ctx, key, content) }) {
		step("put again", func() error {
			other := []byte("other")
			err := putAgain(ctx, place, key, other)
			if errors.Is(err, ErrOverwrites) {
				content = other
			}
			return err
		})
		step("get", func() error {
			got, err := place.Get(ctx, key)
			if err == nil && !bytes.Equal(got, content) {
				err = errors.New("it returns something else than was stored")
			}
			return err
		})
		step("list", func() error {
			err := place.List(ctx, func(k string) error {
				if k == key {
					return errFound
				}
				return nil
			})
			if err == nil {
				return errors.New("it does not list what was stored")
			}
			if errors.Is(err, errFound) {
				return nil
			}
			return err
		})
		step("delete", func() error {
			if err := place.Delete(ctx, key); err != nil {
				return err
			}
			if _, err := place.Get(ctx, key); !errors.Is(err, store.ErrNoObject) {
				return fmt.Errorf("a deleted object is still there (%v)", err)
			}
			return nil
		})
	}
	if clock, ok := place.(store.ObjectsWithClock); ok {
		report.Clock = compareClocks(ctx, clock, now)
	}
	return report
}

func putAgain(ctx context.Context, place store.Objects, key string, other []byte) error {
	err := place.Put(ctx, key, other)
	switch {
	case err == nil:
		return ErrOverwrites
	case errors.Is(err, store.ErrObjectExists):
		return nil
	}
	return err
}

// compareClocks returns nil if there is no answer: the steps say why.
func compareClocks(ctx context.Context, place store.ObjectsWithClock, now func() time.Time) *Clock {
	before := now()
	theirs, err := place.Clock(ctx)
	if err != nil {
		return nil
	}
	wait := now().Sub(before)
	// They gave whole seconds, some servers from a clock that they read once a second, and the answer was made at some
	// moment while we waited.
	return &Clock{
		Ahead:     before.Add(wait / 2).Sub(theirs.Add(time.Second)),
		Uncertain: wait/2 + time.Second,
	}
}
