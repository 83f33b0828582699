// Package storetest is the conformance suite of stores: a store.Store with any Catalog and any Objects must pass it.
package storetest

import (
	"bytes"
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/symphony-rtc/symphony/internal/room"
	"github.com/symphony-rtc/symphony/internal/store"
)

// Store is what the suite tests: a *store.Store, or something around one.
type Store interface {
	room.Store
	store.Reader
	Claim(ctx context.Context, id string, events room.JournalEvents) (*store.Handle, room.Stored, error)
	Examine(ctx context.Context, id string) (store.Salvaged, error)
	Recheck(ctx context.Context, id string) error
	Repair(ctx context.Context, id string, snapshot []byte) error
	Quarantine(ctx context.Context, id, reason string) error

	Keep(ctx context.Context, id, kind, label string) (store.Version, error)
	Versions(ctx context.Context, id string, before uint64, limit int) ([]store.Version, error)
	ReadVersion(ctx context.Context, id string, number uint64) (store.Version, []byte, error)
	Label(ctx context.Context, id string, number uint64, label string) error
	Drop(ctx context.Context, id string, number uint64) error

	Delete(ctx context.Context, id string) error
	Undelete(ctx context.Context, id string) error
	Erase(ctx context.Context, id string) error
	Tidy(ctx context.Context) error

	Joined(v store.Visit)
	Left(v store.Visit)
	Visits(ctx context.Context, id string, before time.Time, limit int) ([]store.Visit, error)

	Objects() store.Objects
	CleanOrphans(ctx context.Context, age time.Duration) (int, error)
	Close() error
}

// Opener opens the store at a place: a directory of the test's own, empty at first, which may also just serve as a
// name. What is stored there outlives Close. The options are for store.New; their clock, Now, is for the catalog, too
// (journal.Options, records.New). It fails the test if it cannot.
type Opener func(t testing.TB, place string, o store.Options) Store

// Run runs the whole suite.
func Run(t *testing.T, open Opener) {
	for _, c := range []struct {
		name string
		test func(*testing.T, *world)
	}{
		{"a new room is empty", testNew},
		{"updates survive a reopening in order", testReopen},
		{"numbers continue where they ended", testNumbers},
		{"a snapshot replaces what it covers", testSave},
		{"a snapshot through the middle of a commit", testSaveMiddle},
		{"a snapshot needs durable updates", testSaveNotDurable},
		{"a snapshot never goes back", testSaveBack},
		{"snapshots one after the other", testSaveMany},
		{"an older handle is fenced", testFence},
		{"a fenced room disturbs no other", testFenceOthers},
		{"releasing ends a handle", testRelease},
		{"a release waits for durability", testReleaseBacklog},
		{"ids are data", testIDs},
		{"ids that are refused", testBadIDs},
		{"large values", testLarge},
		{"empty update and empty snapshot", testEmpty},
		{"many rooms at once", testMany},
		{"opening one room in many places", testOpenRace},
		{"reading while a host writes and saves", testReadWhileWriting},
		{"the list of rooms", testList},
		{"what is known about a room", testInfo},
		{"a context that is over", testContext},
		{"closing makes everything durable", testClose},
		{"a random history agrees with a model", testModel},
		{"versions are kept, listed, named and dropped", testVersions},
		{"keeping versions while saves race", testKeepRace},
		{"automatic versions", testAutomatic},
		{"retention of versions", testThin},
		{"another document takes a room's place", testReplace},
		{"deleting and restoring", testDelete},
		{"erasing", testErase},
		{"erasing a room that is open", testEraseOpen},
		{"deleted rooms are erased when their time is over", testEraseDue},
		{"visits", testVisits},
		{"old visits are forgotten", testForget},
		{"a damaged snapshot", testDamaged},
		{"a missing snapshot comes back", testMissing},
		{"salvage out of a version", testSalvageVersion},
		{"a repair fences", testRepairFences},
		{"objects are there exactly while something points to them", testReferences},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := &world{t: t, open: open, place: t.TempDir(), clock: &clock{}}
			w.o = store.Options{Now: w.clock.now}
			w.s = open(t, w.place, w.o)
			defer func() { w.close() }()
			c.test(t, w)
		})
	}
}

// world is one store under test.
type world struct {
	t     *testing.T
	open  Opener
	place string
	o     store.Options
	clock *clock
	s     Store // nil while closed
	rooms []*opened
}

// opened is a room with its handle and events.
type opened struct {
	*Recorder
	room.Handle
	t      testing.TB
	stored room.Stored
	next   uint64
}

func (w *world) close() {
	w.t.Helper()
	if w.s == nil {
		return
	}
	if err := w.s.Close(); err != nil {
		w.t.Errorf("Close: %v", err)
	}
	w.s = nil
	for _, r := range w.rooms {
		r.Check(w.t)
	}
	w.rooms = nil
}

func (w *world) reopen() {
	w.t.Helper()
	w.close()
	w.s = w.open(w.t, w.place, w.o)
}

// clock is the time, and what a test adds to it.
type clock struct{ ahead atomic.Int64 }

func (c *clock) now() time.Time { return time.Now().Add(time.Duration(c.ahead.Load())) }

func (c *clock) advance(d time.Duration) { c.ahead.Add(int64(d)) }

// room opens a room.
func (w *world) room(id string) *opened {
	w.t.Helper()
	r := OpenRoom(w.t, w.s, id)
	w.rooms = append(w.rooms, r)
	return r
}

// OpenRoom opens a room with a Recorder or fails the test.
func OpenRoom(t testing.TB, s room.Store, id string) *opened {
	t.Helper()
	rec := NewRecorder()
	h, stored, err := s.Open(context.Background(), id, rec)
	if err != nil {
		t.Fatalf("Open(%q): %v", id, err)
	}
	return &opened{Recorder: rec, Handle: h, t: t, stored: stored, next: stored.LastSeq + 1}
}

// Write appends updates.
func (r *opened) Write(updates ...string) {
	for _, u := range updates {
		b := []byte(u)
		r.Append(r.next, b)
		clear(b) // the store must have copied it
		r.next++
	}
}

// Sync waits until everything written is durable.
func (r *opened) Sync() {
	r.t.Helper()
	if r.next-1 > r.stored.LastSeq {
		r.WaitCommitted(r.t, r.next-1)
	}
	if n := r.Backlog(); n != 0 {
		r.t.Fatalf("backlog is %d with everything durable", n)
	}
}

// Stored is what Open returned.
func (r *opened) Stored() room.Stored { return r.stored }

func (r *opened) save(through uint64, snapshot string) {
	r.t.Helper()
	if err := r.Save(context.Background(), through, []byte(snapshot)); err != nil {
		r.t.Fatalf("Save through %d: %v", through, err)
	}
}

func (r *opened) release() {
	r.t.Helper()
	if err := r.Release(context.Background()); err != nil {
		r.t.Fatalf("Release: %v", err)
	}
}

// same compares what is stored with what should be. Journal and snapshot are compared as bytes.
func same(t testing.TB, got room.Stored, epoch, last uint64, snapshot string, journal ...string) {
	t.Helper()
	want := room.Stored{Epoch: epoch, Generation: 1, LastSeq: last}
	if snapshot != "" {
		want.Snapshot = []byte(snapshot)
	}
	for _, u := range journal {
		want.Journal = append(want.Journal, []byte(u))
	}
	if len(got.Journal) == 0 {
		got.Journal = nil
	}
	if diff := cmp.Diff(want, got); diff != "" {
		if len(diff) > 2000 {
			diff = diff[:2000]
		}
		t.Fatalf("stored room (-want +got):\n%s", diff)
	}
}

// filled makes n bytes that depend on seed.
func filled(n int, seed byte) []byte {
	b := bytes.Repeat([]byte{seed}, n)
	for i := range b {
		b[i] += byte(i * 7)
	}
	return b
}

// eventually waits until ok, or fails the test.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for until := time.Now().Add(patience); !ok(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(until) {
			t.Fatalf("waited %v for %s", patience, what)
		}
	}
}

// must fails the test on an error.
func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func name(i int) string { return fmt.Sprintf("room-%04d", i) }
