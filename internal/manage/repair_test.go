package manage

import (
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/symphony-rtc/symphony/internal/room"
	"github.com/symphony-rtc/symphony/internal/store"
	"github.com/symphony-rtc/symphony/protocol"
)

// twoSnapshots makes a room with key a in the snapshot before, b in the newest, and leaves it stored.
func (w *world) twoSnapshots(id string) {
	w.t.Helper()
	a := join(w.t, w.host, id, 1)
	for _, key := range []string{"a", "b"} {
		a.mustWrite(w.t, key)
		if err := w.host.Flush(w.t.Context(), id); err != nil {
			w.t.Fatal(err)
		}
	}
	a.leave()
	w.stop()
	w.start()
}

// TestRepairSnapshot damages the newest snapshot: the room can be read as far as it goes, not written, until it is repaired.
func TestRepairSnapshot(t *testing.T) {
	w := newWorld(t)
	w.twoSnapshots("demo")
	w.twoSnapshots("other")
	if _, err := w.Repair(t.Context(), "demo"); !errors.Is(err, ErrHealthy) {
		t.Fatalf("a healthy room: %v", err)
	}
	w.damage("demo")
	reader := join(t, w.host, "demo", 2)
	if err := reader.write("x", "x"); !isClosed(err, protocol.CloseUnavailable) {
		t.Errorf("writing to a damaged room: %v", err)
	}
	info := must(w.store.Room(t.Context(), "demo"))(t)
	if !strings.Contains(info.Quarantine, "snapshot") {
		t.Errorf("quarantine: %q", info.Quarantine)
	}
	for name, err := range map[string]error{
		"keep":   second(w.Keep(t.Context(), "demo", "")),
		"create": w.Create(t.Context(), "demo", nil),
	} {
		if !errors.Is(err, room.ErrQuarantined) {
			t.Errorf("%s: %v", name, err)
		}
	}
	doc, damage, err := w.Salvage(t.Context(), "demo")
	if err != nil || len(damage) != 2 || len(keysOf(t, doc)) != 1 {
		t.Errorf("salvaged with damage %v, %v", damage, err)
	}

	done := must(w.Repair(t.Context(), "demo"))(t)
	if done.Rechecked || len(done.Damage) != 2 || done.Through != 1 || done.Newest != 2 || done.Updates != 0 {
		t.Errorf("repaired: %+v", done)
	}
	if reader.code != protocol.CloseRestarting {
		t.Errorf("the reader was closed with %d", reader.code)
	}
	w.wantKeys("demo", "a")
	w.wantKeys("other", "a", "b")

	// The client that wrote what is lost still has it, and brings it back.
	author := join(t, w.host, "demo", 1)
	if author.generation(t) != 1 {
		t.Errorf("generation %d", author.generation(t))
	}
	author.clock = 1
	author.mustWrite(t, "b")
	w.wantKeys("demo", "a", "b")
	if list := must(w.store.Versions(t.Context(), "demo", 0, 10))(t); len(list) != 1 || list[0].Kind != store.VersionDamaged {
		t.Errorf("the damaged snapshot is not kept: %+v", list)
	}
	if _, _, err := w.Version(t.Context(), "demo", 1); !errors.Is(err, room.ErrCorrupt) {
		t.Errorf("the damaged version: %v", err)
	}
	if _, err := w.Repair(t.Context(), "demo"); !errors.Is(err, ErrHealthy) {
		t.Errorf("repaired again: %v", err)
	}
}

func second[T any](_ T, err error) error { return err }

// TestRepairJournal damages an update in the journal: what comes before and after it is there.
func TestRepairJournal(t *testing.T) {
	w := newWorld(t)
	for i, id := range []string{"demo", "other"} {
		h, _, err := w.store.Claim(t.Context(), id, nobody{})
		if err != nil {
			t.Fatal(err)
		}
		for n, key := range []string{"a", "b", "c"} {
			h.Append(uint64(n+1), setKey(uint64(10*i+n), 0, key, "value of "+key+id[:i]))
			eventually(t, "the update is durable", func() bool { return h.Backlog() == 0 })
		}
	}
	w.stop()
	w.damageText("\x0avalue of b\x00")
	w.start()
	if done := must(w.Repair(t.Context(), "demo"))(t); len(done.Damage) == 0 || done.Updates != 2 || done.Newest != 3 {
		t.Errorf("repaired: %+v", done)
	}
	w.wantKeys("demo", "a", "c")
	join(t, w.host, "demo", 1).mustWrite(t, "d")
	w.wantKeys("demo", "a", "c", "d")
	if n := len(w.keys("other")); n != 3 {
		t.Errorf("the other room has %d keys", n)
	}
	w.stop()
	w.start()
	w.wantKeys("demo", "a", "c", "d")
}

// TestRepairTakesWhatIsInMemory repairs a room whose stored snapshot rots while the room is open and fine.
func TestRepairTakesWhatIsInMemory(t *testing.T) {
	w := newWorld(t)
	w.twoSnapshots("demo")
	a := join(t, w.host, "demo", 2)
	w.damage("demo")
	done := must(w.Repair(t.Context(), "demo"))(t)
	if len(done.Damage) != 2 || a.code != protocol.CloseRestarting {
		t.Errorf("repaired %+v, the member was closed with %d", done, a.code)
	}
	w.wantKeys("demo", "a", "b")

	b := join(t, w.host, "demo", 3)
	w.damage("demo")
	b.mustWrite(t, "c") // ending the room stores a good snapshot
	if done := must(w.Repair(t.Context(), "demo"))(t); !done.Rechecked {
		t.Errorf("repaired %+v", done)
	}
	w.wantKeys("demo", "a", "b", "c")
}

// TestRepairAfterTheFileIsBack puts a damaged snapshot back as it was, as from a backup.
func TestRepairAfterTheFileIsBack(t *testing.T) {
	w := newWorld(t)
	w.twoSnapshots("demo")
	path := w.object(must(w.store.Room(t.Context(), "demo"))(t).SnapshotKey)
	backup := must(os.ReadFile(path))(t)
	w.damage("demo")
	join(t, w.host, "demo", 2).leave()
	if must(w.store.Room(t.Context(), "demo"))(t).Quarantine == "" {
		t.Error("a damaged snapshot was not noticed")
	}
	if err := os.WriteFile(path, backup, 0o600); err != nil {
		t.Fatal(err)
	}
	if done := must(w.Repair(t.Context(), "demo"))(t); !done.Rechecked || len(done.Damage) != 0 {
		t.Errorf("repaired: %+v", done)
	}
	w.wantKeys("demo", "a", "b")
	join(t, w.host, "demo", 2).mustWrite(t, "c")
}

// TestRepairWithoutTheFile repairs a room whose newest snapshot is gone.
func TestRepairWithoutTheFile(t *testing.T) {
	w := newWorld(t)
	w.twoSnapshots("demo")
	if err := os.Remove(w.object(must(w.store.Room(t.Context(), "demo"))(t).SnapshotKey)); err != nil {
		t.Fatal(err)
	}
	if done := must(w.Repair(t.Context(), "demo"))(t); len(done.Damage) == 0 {
		t.Errorf("repaired: %+v", done)
	}
	w.wantKeys("demo", "a")
	join(t, w.host, "demo", 2).mustWrite(t, "c")
}
