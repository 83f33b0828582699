package storetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/symphony-rtc/symphony/internal/room"
)

func testNew(t *testing.T, w *world) {
	same(t, w.room("a").stored, 1, 0, "")
}

func testReopen(t *testing.T, w *world) {
	r := w.room("a")
	r.Write("one", "two", "three")
	r.Sync()
	r.Write("four")
	r.Sync()
	r.release()
	same(t, w.room("a").stored, 2, 4, "", "one", "two", "three", "four")
	w.reopen()
	same(t, w.room("a").stored, 3, 4, "", "one", "two", "three", "four")
}

func testNumbers(t *testing.T, w *world) {
	for i := range 5 {
		r := w.room("a")
		if r.stored.LastSeq != uint64(i) {
			t.Fatalf("opening %d: LastSeq is %d", i, r.stored.LastSeq)
		}
		r.Write(fmt.Sprint(i))
		r.Sync()
		if i == 2 {
			r.save(3, "snapshot")
		}
		r.release()
		if i%2 == 0 {
			w.reopen()
		}
	}
	same(t, w.room("a").stored, 6, 5, "snapshot", "3", "4")
}

func testSave(t *testing.T, w *world) {
	r := w.room("a")
	r.Write("one", "two")
	r.Sync()
	r.save(2, "both")
	r.Write("three")
	r.Sync()
	r.release()
	w.reopen()
	r = w.room("a")
	same(t, r.stored, 2, 3, "both", "three")
	r.save(3, "all")
	r.release()
	same(t, w.room("a").stored, 3, 3, "all")
}

func testSaveMiddle(t *testing.T, w *world) {
	r := w.room("a")
	r.Write("one", "two", "three", "four")
	r.Sync()
	r.save(2, "half")
	r.release()
	same(t, w.room("a").stored, 2, 4, "half", "three", "four")
	w.reopen()
	same(t, w.room("a").stored, 3, 4, "half", "three", "four")
}

func testSaveNotDurable(t *testing.T, w *world) {
	r := w.room("a")
	r.Write("one")
	r.Sync()
	if err := r.Save(context.Background(), 2, []byte("future")); err == nil {
		t.Fatal("a snapshot of an update that was never appended was accepted")
	}
	r.release()
	same(t, w.room("a").stored, 2, 1, "", "one")
}

func testSaveBack(t *testing.T, w *world) {
	r := w.room("a")
	r.Write("one", "two")
	r.Sync()
	r.save(2, "both")
	if err := r.Save(context.Background(), 1, []byte("less")); err == nil {
		t.Fatal("a snapshot without update 2 replaced one with it: update 2 would be lost")
	}
	r.release()
	same(t, w.room("a").stored, 2, 2, "both")
}

func testSaveMany(t *testing.T, w *world) {
	r := w.room("a")
	for i := range 20 {
		r.Write("x")
		r.Sync()
		r.save(uint64(i+1), fmt.Sprint("snapshot ", i))
	}
	r.save(20, "the same again")
	r.release()
	w.reopen()
	same(t, w.room("a").stored, 2, 20, "the same again")
}

func testFence(t *testing.T, w *world) {
	old := w.room("a")
	old.Write("one")
	old.Sync()
	young := w.room("a")
	same(t, young.stored, 2, 1, "", "one")
	old.Write("never")
	old.WaitFenced(t)
	if n := old.Backlog(); n != 0 {
		t.Errorf("backlog of a fenced handle is %d", n)
	}
	old.Write("never either")
	if err := old.Save(context.Background(), 1, []byte("never")); !errors.Is(err, room.ErrFenced) {
		t.Fatalf("Save of an older epoch: %v, want ErrFenced", err)
	}
	if err := old.Release(context.Background()); err != nil {
		t.Fatalf("Release of a fenced handle: %v", err)
	}
	young.Write("two")
	young.Sync()
	if info, err := w.s.Room(context.Background(), "a"); err != nil || !info.Active {
		t.Fatalf("releasing a fenced handle changed the room: %+v, %v", info, err)
	}
	young.save(2, "snapshot")
	young.release()
	w.reopen()
	same(t, w.room("a").stored, 3, 2, "snapshot")
}

func testFenceOthers(t *testing.T, w *world) {
	var old, others []*opened
	for i := range 20 {
		old = append(old, w.room(name(i)))
		others = append(others, w.room(name(i+100)))
	}
	for i := range old {
		w.room(name(i))
	}
	for i := range old {
		old[i].Write("never")
		others[i].Write("kept")
	}
	for i := range old {
		others[i].Sync()
		old[i].WaitFenced(t)
	}
	for i := range old {
		same(t, w.room(name(i)).stored, 3, 0, "")
		same(t, w.room(name(i+100)).stored, 2, 1, "", "kept")
	}
}

func testRelease(t *testing.T, w *world) {
	r := w.room("a")
	r.Write("one")
	r.Sync()
	r.release()
	r.release()
	info, err := w.s.Room(context.Background(), "a")
	if err != nil || info.Active {
		t.Fatalf("after Release: %+v, %v", info, err)
	}
	young := w.room("a")
	r.release() // must not touch the new handle's room
	if info, err = w.s.Room(context.Background(), "a"); err != nil || !info.Active {
		t.Fatalf("after releasing an old handle again: %+v, %v", info, err)
	}
	young.release()
}

func testReleaseBacklog(t *testing.T, w *world) {
	r := w.room("a")
	r.Write("one")
	if err := r.Release(context.Background()); err != nil {
		r.Sync() // refused, and still usable
		r.release()
	}
	same(t, w.room("a").stored, 2, 1, "", "one")
}

func testIDs(t *testing.T, w *world) {
	ids := []string{
		"..", ".", "/", "../../etc/passwd", "a/b", "a", "A", "\x00", "a\x00", "a\x00b", " ", "'; DROP TABLE room; --",
		"%00", "%", "_", "*", "?", "#", "CON", "\\", "a\nb", "ü", "u\u0308", "日本語", "👩‍👩‍👧", "\uFEFF",
		strings.Repeat("x", 255), strings.Repeat("x", 254), strings.Repeat("/", 255), strings.Repeat("é", 127),
		"\U0010FFFF", "rooms", "LOCK",
	}
	for i, id := range ids {
		r := w.room(id)
		same(t, r.stored, 1, 0, "")
		r.Write("journal " + id)
		r.Sync()
		if i%2 == 0 {
			r.save(1, "snapshot "+id)
		}
		r.release()
	}
	w.reopen()
	for i, id := range ids {
		if i%2 == 0 {
			same(t, w.room(id).stored, 2, 1, "snapshot "+id)
		} else {
			same(t, w.room(id).stored, 2, 1, "", "journal "+id)
		}
		info, err := w.s.Room(context.Background(), id)
		if err != nil || info.ID != id {
			t.Fatalf("Room(%q) = %+v, %v", id, info, err)
		}
	}
}

func testBadIDs(t *testing.T, w *world) {
	for _, id := range []string{"", strings.Repeat("x", 256)} {
		if _, _, err := w.s.Open(context.Background(), id, NewRecorder()); err == nil {
			t.Errorf("an id of %d bytes was accepted", len(id))
		}
	}
}

func testLarge(t *testing.T, w *world) {
	update, snapshot := filled(10<<20, 1), filled(50<<20, 2)
	r := w.room("a")
	r.Append(1, update)
	r.Append(2, []byte("small"))
	r.next = 3
	r.Sync()
	r.release()
	r = w.room("a")
	if len(r.stored.Journal) != 2 || !bytes.Equal(r.stored.Journal[0], update) || string(r.stored.Journal[1]) != "small" {
		t.Fatalf("a large update came back otherwise")
	}
	if err := r.Save(context.Background(), 2, snapshot); err != nil {
		t.Fatal(err)
	}
	r.release()
	w.reopen()
	r = w.room("a")
	if !bytes.Equal(r.stored.Snapshot, snapshot) || len(r.stored.Journal) != 0 {
		t.Fatalf("a large snapshot came back otherwise")
	}
}

func testEmpty(t *testing.T, w *world) {
	r := w.room("a")
	r.Write("", "x", "")
	r.Sync()
	r.release()
	r = w.room("a")
	if j := r.stored.Journal; len(j) != 3 || len(j[0]) != 0 || string(j[1]) != "x" || len(j[2]) != 0 {
		t.Fatalf("journal came back as %q", j)
	}
	r.save(3, "")
	r.release()
	r = w.room("a")
	if r.stored.Snapshot == nil || len(r.stored.Snapshot) != 0 || len(r.stored.Journal) != 0 || r.stored.LastSeq != 3 {
		t.Fatalf("an empty snapshot came back as %#v", r.stored)
	}
}
