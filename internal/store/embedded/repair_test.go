package embedded

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/symphony-rtc/symphony/internal/room"
	"github.com/symphony-rtc/symphony/internal/store/storetest"
)

// damageFile changes the first letter of each text in the catalog file of a closed store.
func damageFile(t *testing.T, dir string, texts ...string) {
	t.Helper()
	file := filepath.Join(dir, catalogFile)
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range texts {
		if bytes.Count(b, []byte(text)) != 1 {
			t.Fatalf("%q is %d times in the file", text, bytes.Count(b, []byte(text)))
		}
		b = bytes.Replace(b, []byte(text), []byte("#"+text[1:]), 1)
	}
	if err := os.WriteFile(file, b, 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestRepairJournal damages journal rows: the room is refused and listed as in quarantine, what is good is salvaged, and
// after a repair the rows are no trouble any more, with and without a restart in between.
func TestRepairJournal(t *testing.T) {
	for _, damaged := range [][]string{{"text 2 of bad"}, {"text 5 of bad"}, {"text 1 of bad", "text 3 of bad", "text 5 of bad"}} {
		for _, restart := range []bool{false, true} {
			repairJournal(t, damaged, restart)
		}
	}
}

func repairJournal(t *testing.T, damaged []string, restart bool) {
	ctx := context.Background()
	dir := t.TempDir()
	s := openDir(t, dir)
	for _, id := range []string{"bad", "good"} {
		r := storetest.OpenRoom(t, s, id)
		for i := range 5 {
			r.Write(fmt.Sprintf("text %d of %s", i+1, id))
			r.Sync()
		}
		if err := r.Release(ctx); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	damageFile(t, dir, damaged...)
	s = openDir(t, dir)
	info, err := s.Room(ctx, "bad")
	if err != nil || !strings.Contains(info.Quarantine, "journal row") {
		t.Fatalf("the room is listed as %+v, %v", info, err)
	}
	if _, _, err := s.Open(ctx, "bad", storetest.NewRecorder()); !errors.Is(err, room.ErrCorrupt) {
		t.Fatalf("Open: %v", err)
	}
	found, err := s.Examine(ctx, "bad")
	if err != nil || len(found.Journal) != 5-len(damaged) || len(found.Damage) < len(damaged) {
		t.Fatalf("%v damaged: salvaged %q with damage %v, %v", damaged, found.Journal, found.Damage, err)
	}
	for _, u := range found.Journal {
		if !strings.HasPrefix(string(u), "text ") || !strings.HasSuffix(string(u), " of bad") {
			t.Errorf("salvaged %q", u)
		}
	}
	if err := s.Repair(ctx, "bad", []byte("repaired")); err != nil {
		t.Fatal(err)
	}
	for round := range uint64(3) {
		if round > 0 || restart {
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			s = openDir(t, dir)
		}
		got := storetest.OpenRoom(t, s, "good").Stored()
		if len(got.Journal) != 5 {
			t.Fatalf("the good room has %d updates", len(got.Journal))
		}
		r := storetest.OpenRoom(t, s, "bad")
		if got := r.Stored(); string(got.Snapshot) != "repaired" || got.LastSeq != 5+round || uint64(len(got.Journal)) != round {
			t.Fatalf("round %d: the repaired room is %+v", round, got)
		}
		r.Write("more")
		r.Sync()
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(filepath.Join(dir, catalogFile))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(b, []byte("text 4 of good")) {
		t.Error("a row of the good room is gone")
	}
}

// TestEraseLeavesNoTrouble erases rooms whose journal rows are still there, and starts again and again.
func TestEraseLeavesNoTrouble(t *testing.T) {
	ctx := context.Background()
	dir := t.TempDir()
	s := openDir(t, dir)
	for i := range 10 {
		r := storetest.OpenRoom(t, s, fmt.Sprint(i))
		r.Write("one", "two")
		r.Sync()
	}
	for i := range 9 {
		if err := s.Erase(ctx, fmt.Sprint(i)); err != nil {
			t.Fatal(err)
		}
	}
	for round := range uint64(3) {
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		s = openDir(t, dir)
		if list, err := s.Rooms(ctx, "", 100); err != nil || len(list) != 1+min(int(round), 1) || list[len(list)-1].Quarantine != "" {
			t.Fatalf("start %d: %+v, %v", round, list, err)
		}
		r := storetest.OpenRoom(t, s, "9")
		if got := r.Stored(); got.LastSeq != 2 || len(got.Journal) != 2 {
			t.Fatalf("start %d: %+v", round, got)
		}
		r = storetest.OpenRoom(t, s, "0") // a new one, whose number must not be that of an erased one
		if got := r.Stored(); got.Generation != 2 || got.LastSeq != round || uint64(len(got.Journal)) != round {
			t.Fatalf("start %d: the new room is %+v", round, got)
		}
		r.Write("new")
		r.Sync()
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}
