package storetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/symphony-rtc/symphony/internal/room"
	"github.com/symphony-rtc/symphony/internal/store"
)

// damageObject changes a byte in the middle of an object, the only way objects allow: another one under its key.
func (w *world) damageObject(key string) {
	w.t.Helper()
	ctx := context.Background()
	object, err := w.s.Objects().Get(ctx, key)
	must(w.t, err)
	object[len(object)/2] ^= 0x10
	must(w.t, w.s.Objects().Delete(ctx, key))
	must(w.t, w.s.Objects().Put(ctx, key, object))
}

// refused opens a room that must be refused as damaged, and returns the error.
func (w *world) refused(id string) error {
	w.t.Helper()
	_, _, err := w.s.Open(context.Background(), id, NewRecorder())
	if !errors.Is(err, room.ErrCorrupt) {
		w.t.Fatalf("Open of a damaged room: %v", err)
	}
	return err
}

// salvaged checks what Salvage finds.
func (w *world) salvaged(id string, last uint64, snapshot string, journal ...string) {
	w.t.Helper()
	got, err := w.s.Salvage(context.Background(), id)
	must(w.t, err)
	if got.LastSeq != last || string(got.Snapshot) != snapshot {
		w.t.Fatalf("salvaged %q and last number %d, want %q and %d", got.Snapshot, got.LastSeq, snapshot, last)
	}
	// What the newest snapshot covered may still be in the journal, or not: it has to end with journal and be in order.
	var updates []string
	for _, u := range got.Journal {
		updates = append(updates, string(u))
	}
	if n := len(updates) - len(journal); n < 0 || !slices.Equal(updates[n:], journal) || !slices.IsSorted(updates) {
		w.t.Fatalf("salvaged the updates %q, want %q at the end", updates, journal)
	}
}

func testDamaged(t *testing.T, w *world) {
	ctx := context.Background()
	if _, err := w.s.Salvage(ctx, "none"); !errors.Is(err, store.ErrNoRoom) {
		t.Fatalf("Salvage of no room: %v", err)
	}
	if err := w.s.Repair(ctx, "none", nil); !errors.Is(err, store.ErrNoRoom) {
		t.Fatalf("Repair of no room: %v", err)
	}
	if err := w.s.Quarantine(ctx, "none", "x"); !errors.Is(err, store.ErrNoRoom) {
		t.Fatalf("Quarantine of no room: %v", err)
	}
	for _, id := range []string{"bad", "good"} {
		r := w.room(id)
		for i := uint64(1); i <= 6; i++ {
			r.Write(fmt.Sprint("update ", i))
			r.Sync()
			if i == 2 || i == 4 {
				r.save(i, fmt.Sprint("snapshot ", i))
			}
		}
		r.release()
	}
	info, err := w.s.Room(ctx, "bad")
	must(t, err)
	w.damageObject(info.SnapshotKey)

	if err := w.refused("bad"); errors.Is(err, store.ErrQuarantined) || !strings.Contains(err.Error(), info.SnapshotKey) {
		t.Fatalf("the first refusal says %v", err)
	}
	if err := w.refused("bad"); !errors.Is(err, store.ErrQuarantined) || !strings.Contains(err.Error(), info.SnapshotKey) {
		t.Fatalf("the second refusal says %v", err)
	}
	list, err := w.s.Rooms(ctx, "", 10)
	must(t, err)
	if len(list) != 2 || !strings.Contains(list[0].Quarantine, info.SnapshotKey) || list[0].Active || list[1].Quarantine != "" {
		t.Fatalf("the list says %+v", list)
	}
	same(t, w.room("good").stored, 2, 6, "snapshot 4", "update 5", "update 6")
	w.reopen()
	w.refused("bad")
	if err := w.s.Recheck(ctx, "bad"); !errors.Is(err, room.ErrCorrupt) {
		t.Fatalf("Recheck: %v", err)
	}
	w.salvaged("bad", 6, "snapshot 2", "update 5", "update 6")
	found, err := w.s.Examine(ctx, "bad")
	if err != nil || found.Key != info.PreviousKey || found.Through != 2 || len(found.Damage) == 0 {
		t.Fatalf("Examine: %+v, %v", found, err)
	}
	now, err := w.s.Room(ctx, "bad")
	must(t, err)
	if now.SnapshotKey != info.SnapshotKey || now.PreviousKey != info.PreviousKey {
		t.Fatalf("looking changed the room: %+v", now)
	}

	must(t, w.s.Repair(ctx, "bad", []byte("repaired")))
	repaired, err := w.s.Room(ctx, "bad")
	if err != nil || repaired.Quarantine != "" || repaired.Epoch <= now.Epoch || repaired.Generation != 1 || repaired.LastSeq != 6 ||
		repaired.Through != 6 || repaired.JournalBytes != 0 {
		t.Fatalf("after the repair: %+v, %v", repaired, err)
	}
	versions := w.versions("bad")
	if len(versions) != 1 || versions[0].Kind != store.VersionDamaged || versions[0].Key != info.SnapshotKey {
		t.Fatalf("versions after the repair: %+v", versions)
	}
	w.exactly()
	for range 2 {
		r := w.room("bad")
		if r.stored.Epoch <= repaired.Epoch {
			t.Fatalf("epoch %d after %d", r.stored.Epoch, repaired.Epoch)
		}
		same(t, r.stored, r.stored.Epoch, 6, "repaired")
		r.release()
		w.reopen()
	}
	r := w.room("bad")
	r.Write("update 7")
	r.Sync()
	r.save(7, "snapshot 7")
	r.release()
	w.exactly()
	if _, _, err := w.s.ReadVersion(ctx, "bad", 1); !errors.Is(err, room.ErrCorrupt) {
		t.Fatalf("reading the damaged version: %v", err)
	}
}

func testMissing(t *testing.T, w *world) {
	ctx := context.Background()
	r := w.room("a")
	r.Write("update 1", "update 2")
	r.Sync()
	r.save(1, "snapshot")
	r.release()
	info, err := w.s.Room(ctx, "a")
	must(t, err)
	object, err := w.s.Objects().Get(ctx, info.SnapshotKey)
	must(t, err)
	must(t, w.s.Objects().Delete(ctx, info.SnapshotKey))
	w.refused("a")
	w.salvaged("a", 2, "", "update 2")
	must(t, w.s.Objects().Put(ctx, info.SnapshotKey, object))
	r = w.room("a") // which was in no quarantine: a wrong bucket would lead every room there
	same(t, r.stored, r.stored.Epoch, 2, "snapshot", "update 2")
	r.release()

	must(t, w.s.Objects().Delete(ctx, info.SnapshotKey))
	w.refused("a")
	must(t, w.s.Repair(ctx, "a", []byte("repaired")))
	if list := w.versions("a"); len(list) > 0 {
		t.Fatalf("a version without an object: %+v", list)
	}
	w.exactly()
	r = w.room("a")
	same(t, r.stored, r.stored.Epoch, 2, "repaired")
}

func testSalvageVersion(t *testing.T, w *world) {
	ctx := context.Background()
	r, h := w.claim("a")
	for i := uint64(1); i <= 6; i++ {
		r.Write(fmt.Sprint("update ", i))
		r.Sync()
		if i == 2 {
			must(t, h.Replace(ctx, []byte("another document")))
		} else {
			r.save(i, fmt.Sprint("snapshot ", i))
		}
		if i == 1 || i == 3 || i == 4 {
			_, err := w.s.Keep(ctx, "a", store.VersionManual, "")
			must(t, err)
		}
	}
	r.release()
	info, err := w.s.Room(ctx, "a")
	must(t, err)
	w.damageObject(info.SnapshotKey)
	w.salvaged("a", 6, "snapshot 5")
	w.damageObject(info.PreviousKey)
	w.salvaged("a", 6, "snapshot 4")
	versions := w.versions("a")
	w.damageObject(versions[0].Key)
	w.salvaged("a", 6, "snapshot 3")
	w.damageObject(versions[1].Key)
	w.salvaged("a", 6, "") // the one that is left is another document
	w.refused("a")
	must(t, w.s.Repair(ctx, "a", []byte("anew")))
	r = w.room("a")
	generation(t, r.stored, 2, r.stored.Epoch, 6, "anew")
	w.exactly()
}

func testRepairFences(t *testing.T, w *world) {
	ctx := context.Background()
	old := w.room("a")
	old.Write("update 1")
	old.Sync()
	old.save(1, "snapshot")
	must(t, w.s.Quarantine(ctx, "a", "somebody says so"))
	if err := w.refused("a"); !strings.Contains(err.Error(), "somebody says so") {
		t.Fatalf("the refusal says %v", err)
	}
	must(t, w.s.Repair(ctx, "a", []byte("repaired")))
	old.Write("never")
	old.WaitFenced(t)
	if err := old.Save(ctx, 1, []byte("never")); !errors.Is(err, room.ErrFenced) {
		t.Fatalf("Save after a repair: %v", err)
	}
	info, err := w.s.Room(ctx, "a")
	if err != nil || info.PreviousKey == "" || len(w.versions("a")) > 0 {
		t.Fatalf("a good snapshot is the previous one after a repair: %+v, %v", info, err)
	}
	r := w.room("a")
	same(t, r.stored, r.stored.Epoch, 1, "repaired")
	w.exactly()
}
