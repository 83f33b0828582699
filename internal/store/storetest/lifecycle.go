package storetest

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/symphony-rtc/symphony/internal/room"
	"github.com/symphony-rtc/symphony/internal/store"
)

// generation compares the generation, and the rest as if it were the first.
func generation(t testing.TB, got room.Stored, generation, epoch, last uint64, snapshot string, journal ...string) {
	t.Helper()
	if got.Generation != generation {
		t.Fatalf("generation is %d, want %d", got.Generation, generation)
	}
	got.Generation = 1
	same(t, got, epoch, last, snapshot, journal...)
}

// claim opens a room as those do who may replace its document.
func (w *world) claim(id string) (*opened, *store.Handle) {
	w.t.Helper()
	rec := NewRecorder()
	h, stored, err := w.s.Claim(context.Background(), id, rec)
	must(w.t, err)
	r := &opened{Recorder: rec, Handle: h, t: w.t, stored: stored, next: stored.LastSeq + 1}
	w.rooms = append(w.rooms, r)
	return r, h
}

func testReplace(t *testing.T, w *world) {
	ctx := context.Background()
	r, h := w.claim("a")
	r.Write("one")
	r.Sync()
	r.save(1, "old")
	r.Write("two")
	r.Sync()
	r.save(2, "older and newer")
	if _, err := w.s.Keep(ctx, "a", store.VersionReplaced, ""); err != nil {
		t.Fatal(err)
	}
	r.Write("three")
	r.Sync()
	must(t, h.Replace(ctx, []byte("new")))
	info, err := w.s.Room(ctx, "a")
	if err != nil || info.Generation != 2 || info.PreviousKey != "" || info.Through != 3 || info.JournalBytes != 0 {
		t.Fatalf("after Replace: %+v, %v", info, err)
	}
	w.exactly() // the previous one is gone, the version there
	if v := w.wantVersion("a", 1, "older and newer"); v.Generation != 1 || v.Kind != store.VersionReplaced {
		t.Fatalf("the state before is version %+v", v)
	}
	r.Write("four")
	r.Sync()
	r.save(4, "new with four")
	r.Write("five")
	r.Sync()
	r.release()
	w.reopen()
	old, oldHandle := w.claim("a")
	generation(t, old.stored, 2, 2, 5, "new with four", "five")
	young := w.room("a")
	if err := oldHandle.Replace(ctx, []byte("never")); !errors.Is(err, room.ErrFenced) {
		t.Fatalf("Replace by a fenced handle: %v", err)
	}
	generation(t, young.stored, 2, 3, 5, "new with four", "five")
	w.exactly()
}

func testDelete(t *testing.T, w *world) {
	ctx := context.Background()
	for _, f := range []func(context.Context, string) error{w.s.Delete, w.s.Undelete, w.s.Erase} {
		if err := f(ctx, "none"); !errors.Is(err, store.ErrNoRoom) {
			t.Fatalf("ending a room that never was: %v", err)
		}
	}
	r := w.room("a")
	r.Write("one", "two")
	r.Sync()
	r.save(1, "snapshot")
	_, err := w.s.Keep(ctx, "a", store.VersionManual, "")
	must(t, err)
	must(t, w.s.Delete(ctx, "a"))
	r.Write("never")
	r.WaitFenced(t)
	if err := r.Save(ctx, 2, []byte("never")); !errors.Is(err, room.ErrFenced) {
		t.Fatalf("Save to a deleted room: %v", err)
	}
	must(t, w.s.Delete(ctx, "a"))
	for range 2 {
		if _, _, err := w.s.Open(ctx, "a", NewRecorder()); !errors.Is(err, room.ErrDeleted) {
			t.Fatalf("Open of a deleted room: %v", err)
		}
		info, err := w.s.Room(ctx, "a")
		if err != nil || info.Deleted.IsZero() || info.Active || info.Quarantine != "" {
			t.Fatalf("a deleted room: %+v, %v", info, err)
		}
		w.reopen()
	}
	w.exactly()
	must(t, w.s.Undelete(ctx, "a"))
	must(t, w.s.Undelete(ctx, "a"))
	r = w.room("a")
	if r.stored.Epoch < 3 {
		t.Fatalf("the epoch after a deletion is %d", r.stored.Epoch)
	}
	same(t, r.stored, r.stored.Epoch, 2, "snapshot", "two")
	w.wantVersion("a", 1, "snapshot")
}

func testErase(t *testing.T, w *world) {
	ctx := context.Background()
	other := w.room("other")
	other.Write("kept")
	other.Sync()
	other.save(1, "kept")
	epoch := uint64(0)
	for round := uint64(1); round <= 3; round++ {
		r := w.room("a")
		generation(t, r.stored, round, r.stored.Epoch, 0, "")
		if r.stored.Epoch <= epoch {
			t.Fatalf("epoch %d follows %d", r.stored.Epoch, epoch)
		}
		epoch = r.stored.Epoch
		for i := uint64(1); i <= 4; i++ {
			r.Write(fmt.Sprint(round, "/", i))
			r.Sync()
			if i < 4 {
				r.save(i, fmt.Sprint(round, "/", i))
			}
			if i < 3 {
				_, err := w.s.Keep(ctx, "a", store.VersionManual, "named")
				must(t, err)
			}
		}
		w.s.Joined(store.Visit{Room: "a", Connection: "1", Epoch: epoch, Joined: w.clock.now()})
		eventually(t, "a visit", func() bool {
			list, err := w.s.Visits(ctx, "a", time.Time{}, 10)
			must(t, err)
			return len(list) == 1
		})
		r.release()
		if round == 2 {
			must(t, w.s.Delete(ctx, "a"))
		}
		must(t, w.s.Erase(ctx, "a"))
		if _, err := w.s.Room(ctx, "a"); !errors.Is(err, store.ErrNoRoom) {
			t.Fatalf("an erased room: %v", err)
		}
		if list := w.versions("a"); len(list) > 0 {
			t.Fatalf("an erased room has versions %v", list)
		}
		if list, err := w.s.Visits(ctx, "a", time.Time{}, 10); err != nil || len(list) > 0 {
			t.Fatalf("an erased room has visits %v, %v", list, err)
		}
		w.exactly()
		if round != 1 {
			w.reopen()
		}
	}
	if err := w.s.Erase(ctx, "a"); !errors.Is(err, store.ErrNoRoom) {
		t.Fatalf("erasing it again: %v", err)
	}
	other = w.room("other")
	same(t, other.stored, other.stored.Epoch, 1, "kept")
}

func testEraseOpen(t *testing.T, w *world) {
	ctx := context.Background()
	old := w.room("a")
	old.Write("one")
	old.Sync()
	old.save(1, "snapshot")
	old.Write("two")
	old.Sync()
	must(t, w.s.Erase(ctx, "a"))
	young := w.room("a")
	generation(t, young.stored, 2, young.stored.Epoch, 0, "")
	old.Write("never")
	old.WaitFenced(t)
	if err := old.Save(ctx, 2, []byte("never")); !errors.Is(err, room.ErrFenced) {
		t.Fatalf("Save to an erased room: %v", err)
	}
	must(t, old.Release(ctx))
	young.Write("mine")
	young.Sync()
	w.exactly()
	w.reopen()
	young = w.room("a")
	generation(t, young.stored, 2, young.stored.Epoch, 1, "", "mine")
}

func testEraseDue(t *testing.T, w *world) {
	ctx := context.Background()
	for _, id := range []string{"deleted", "restored", "live"} {
		r := w.room(id)
		r.Write("one")
		r.Sync()
		r.save(1, "snapshot")
		r.release()
		if id != "live" {
			must(t, w.s.Delete(ctx, id))
		}
	}
	w.clock.advance(29 * 24 * time.Hour)
	must(t, w.s.Tidy(ctx))
	if info, err := w.s.Room(ctx, "deleted"); err != nil || info.Deleted.IsZero() {
		t.Fatalf("a room that was deleted 29 days ago: %+v, %v", info, err)
	}
	must(t, w.s.Undelete(ctx, "restored"))
	w.clock.advance(2 * 24 * time.Hour)
	must(t, w.s.Tidy(ctx))
	if _, err := w.s.Room(ctx, "deleted"); !errors.Is(err, store.ErrNoRoom) {
		t.Fatalf("a room that was deleted 31 days ago: %v", err)
	}
	for _, id := range []string{"restored", "live"} {
		r := w.room(id)
		same(t, r.stored, r.stored.Epoch, 1, "snapshot")
	}
	w.exactly()
}
