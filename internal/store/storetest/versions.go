package storetest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/symphony-rtc/symphony/internal/store"
)

// versions lists all versions of a room, three at a time.
func (w *world) versions(id string) []store.Version {
	w.t.Helper()
	var all []store.Version
	for before := uint64(0); ; {
		list, err := w.s.Versions(context.Background(), id, before, 3)
		must(w.t, err)
		if len(list) == 0 {
			return all
		}
		all = append(all, list...)
		before = all[len(all)-1].Number
	}
}

// numbers are those of the versions of a room, newest first.
func (w *world) numbers(id string) []uint64 {
	w.t.Helper()
	var all []uint64
	for _, v := range w.versions(id) {
		all = append(all, v.Number)
	}
	return all
}

// referenced returns the keys of all objects that something points to.
func (w *world) referenced() map[string]bool {
	w.t.Helper()
	keys := make(map[string]bool)
	for after := ""; ; {
		list, err := w.s.Rooms(context.Background(), after, 100)
		must(w.t, err)
		if len(list) == 0 {
			delete(keys, "")
			return keys
		}
		for _, r := range list {
			keys[r.SnapshotKey], keys[r.PreviousKey] = true, true
			for _, v := range w.versions(r.ID) {
				keys[v.Key] = true
			}
			after = r.ID
		}
	}
}

// exactly waits until the objects are those that something points to. One that is missing fails the test at once.
func (w *world) exactly() {
	w.t.Helper()
	want := slices.Sorted(maps.Keys(w.referenced()))
	var have []string
	eventually(w.t, "objects that nothing points to to be removed", func() bool {
		have = listObjects(w.t, w.s.Objects())
		for _, key := range want {
			if !slices.Contains(have, key) {
				w.t.Fatalf("object %s is gone", key)
			}
		}
		return len(have) == len(want)
	})
}

func (w *world) wantVersion(id string, number uint64, snapshot string) store.Version {
	w.t.Helper()
	v, got, err := w.s.ReadVersion(context.Background(), id, number)
	if err != nil || string(got) != snapshot || v.Room != id || v.Number != number {
		w.t.Fatalf("version %d of %s: %+v with %q, %v; want %q", number, id, v, got, err, snapshot)
	}
	return v
}

func testVersions(t *testing.T, w *world) {
	ctx := context.Background()
	if _, err := w.s.Keep(ctx, "a", store.VersionManual, ""); !errors.Is(err, store.ErrNoRoom) {
		t.Fatalf("Keep of no room: %v", err)
	}
	r := w.room("a")
	if _, err := w.s.Keep(ctx, "a", store.VersionManual, ""); !errors.Is(err, store.ErrNoVersion) {
		t.Fatalf("Keep of a room without a snapshot: %v", err)
	}
	for i := uint64(1); i <= 8; i++ {
		r.Write(fmt.Sprint("update ", i))
		r.Sync()
		r.save(i, fmt.Sprint("snapshot ", i))
		label := ""
		if i == 2 {
			label = "zwei \x00 \xff é"
		}
		before := w.clock.now().Add(-time.Second)
		v, err := w.s.Keep(ctx, "a", store.VersionManual, label)
		must(t, err)
		info, err := w.s.Room(ctx, "a")
		must(t, err)
		if v.Created.Before(before) || v.Created.After(w.clock.now().Add(time.Second)) {
			t.Errorf("version %d was made at %v", i, v.Created)
		}
		want := store.Version{Room: "a", Number: i, Created: v.Created, Kind: store.VersionManual, Label: label, Epoch: 1, Generation: 1,
			Through: i, Key: info.SnapshotKey, Bytes: info.SnapshotBytes}
		if diff := cmp.Diff(want, v); diff != "" {
			t.Fatalf("Keep (-want +got):\n%s", diff)
		}
		if got := w.wantVersion("a", i, fmt.Sprint("snapshot ", i)); !cmp.Equal(got, v) {
			t.Fatalf("Keep returned %+v, stored is %+v", v, got)
		}
	}
	if _, err := w.s.Keep(ctx, "a", store.VersionManual, "the same again"); err != nil {
		t.Fatal(err)
	}
	r.release()
	w.reopen()
	if got := w.numbers("a"); !slices.Equal(got, []uint64{9, 8, 7, 6, 5, 4, 3, 2, 1}) {
		t.Fatalf("versions %v", got)
	}
	w.exactly()
	for _, number := range []uint64{0, 10, 1 << 62} {
		if _, _, err := w.s.ReadVersion(ctx, "a", number); !errors.Is(err, store.ErrNoVersion) {
			t.Errorf("version %d: %v", number, err)
		}
		if err := w.s.Label(ctx, "a", number, "x"); !errors.Is(err, store.ErrNoVersion) {
			t.Errorf("Label of version %d: %v", number, err)
		}
		if err := w.s.Drop(ctx, "a", number); !errors.Is(err, store.ErrNoVersion) {
			t.Errorf("Drop of version %d: %v", number, err)
		}
	}
	if err := w.s.Drop(ctx, "none", 1); !errors.Is(err, store.ErrNoVersion) {
		t.Errorf("Drop in no room: %v", err)
	}
	must(t, w.s.Label(ctx, "a", 3, "three"))
	must(t, w.s.Label(ctx, "a", 2, ""))
	if two, three := w.wantVersion("a", 2, "snapshot 2"), w.wantVersion("a", 3, "snapshot 3"); two.Label != "" || three.Label != "three" {
		t.Fatalf("labels %q and %q", two.Label, three.Label)
	}
	for _, number := range []uint64{9, 8, 4} { // two of the newest snapshot, and one of its own
		must(t, w.s.Drop(ctx, "a", number))
		w.exactly()
	}
	if got := w.numbers("a"); !slices.Equal(got, []uint64{7, 6, 5, 3, 2, 1}) {
		t.Fatalf("versions %v", got)
	}
	r = w.room("a")
	same(t, r.stored, 2, 8, "snapshot 8")
	r.save(8, "snapshot 8 again")
	v, err := w.s.Keep(ctx, "a", store.VersionManual, "")
	if err != nil || v.Number != 10 || v.Epoch != 2 {
		t.Fatalf("the number of a dropped version came back: %+v, %v", v, err)
	}
	w.exactly()
}

func testKeepRace(t *testing.T, w *world) {
	r := w.room("a")
	r.Write("x")
	r.Sync()
	r.save(1, "1")
	stop := make(chan struct{})
	var wg sync.WaitGroup
	for range 3 {
		wg.Go(func() {
			for n := 0; n < 40; n++ {
				if _, err := w.s.Keep(context.Background(), "a", store.VersionManual, ""); err != nil {
					t.Errorf("Keep: %v", err)
					return
				}
				select {
				case <-stop:
					return
				default:
				}
			}
		})
	}
	for i := uint64(2); i <= 40; i++ {
		r.Write("x")
		r.Sync()
		r.save(i, fmt.Sprint(i))
	}
	close(stop)
	wg.Wait()
	w.exactly()
	for _, v := range w.versions("a") {
		w.wantVersion("a", v.Number, fmt.Sprint(v.Through))
	}
}

func testAutomatic(t *testing.T, w *world) {
	r := w.room("a")
	through := uint64(0)
	save := func(edit bool) {
		t.Helper()
		if edit {
			r.Write("x")
			r.Sync()
			through++
		}
		r.save(through, fmt.Sprint("snapshot ", through))
	}
	check := func(want ...uint64) {
		t.Helper()
		var got []uint64
		for _, v := range w.versions("a") {
			if v.Kind != store.VersionAutomatic || v.Label != "" {
				t.Fatalf("version %+v", v)
			}
			got = append(got, v.Through)
		}
		if !slices.Equal(got, want) {
			t.Fatalf("automatic versions through %v, want %v", got, want)
		}
	}
	save(true)
	check() // a new room
	w.clock.advance(9 * time.Minute)
	save(true)
	check()
	w.clock.advance(2 * time.Minute)
	save(true)
	check(3)
	save(true)
	check(3)
	w.clock.advance(time.Hour)
	save(false) // nothing was edited
	check(3)
	save(true)
	check(5, 3)
	w.clock.advance(9 * time.Minute)
	save(true)
	check(5, 3)
	w.exactly()

	r.release()
	w.o.KeepEvery = -1
	w.reopen()
	r = w.room("a")
	w.clock.advance(time.Hour)
	save(true)
	check(5, 3)
}

func testThin(t *testing.T, w *world) {
	ctx := context.Background()
	w.o.KeepVersions, w.o.KeepFor, w.o.KeepEvery = 3, 24*time.Hour, time.Minute
	w.reopen()
	for _, id := range []string{"a", "b"} {
		r := w.room(id)
		for i := uint64(1); i <= 8; i++ {
			w.clock.advance(2 * time.Minute)
			r.Write("x")
			r.Sync()
			r.save(i, fmt.Sprint(id, i))
			if i == 4 {
				_, err := w.s.Keep(ctx, id, store.VersionManual, "") // number 5
				must(t, err)
			}
		}
		r.release()
	}
	must(t, w.s.Label(ctx, "a", 2, "named"))
	if got := w.numbers("a"); !slices.Equal(got, []uint64{9, 8, 7, 6, 5, 4, 3, 2, 1}) {
		t.Fatalf("before: %v", got)
	}
	must(t, w.s.Tidy(ctx))
	if got := w.numbers("a"); !slices.Equal(got, []uint64{9, 8, 7, 5, 2}) {
		t.Fatalf("a: %v", got)
	}
	if got := w.numbers("b"); !slices.Equal(got, []uint64{9, 8, 7, 5}) {
		t.Fatalf("b: %v", got)
	}
	w.exactly()
	w.clock.advance(25 * time.Hour)
	must(t, w.s.Tidy(ctx))
	if got := w.numbers("a"); !slices.Equal(got, []uint64{5, 2}) {
		t.Fatalf("a, a day later: %v", got)
	}
	w.exactly()
	same(t, w.room("a").stored, 2, 8, "a8")
}
