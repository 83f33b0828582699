package embedded

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/symphony-rtc/symphony/internal/room"
	"github.com/symphony-rtc/symphony/internal/store/storetest"
)

const (
	damageRooms = 30
	damages     = 60 // bytes that are changed, one at a time
)

// damageable makes a data directory whose rooms have snapshots and journal rows, and returns what each room holds.
func damageable(t *testing.T, dir string) []room.Stored {
	t.Helper()
	s := openDir(t, dir)
	for i := range damageRooms {
		r := storetest.OpenRoom(t, s, fmt.Sprint("room ", i))
		for u := range 12 {
			r.Write(fmt.Sprintf("update %d of room %d, and some more text to damage", u, i))
			if u == 4 && i%3 > 0 {
				r.Sync()
				if err := r.Save(context.Background(), 5, bytes.Repeat([]byte{byte(i)}, 300)); err != nil {
					t.Fatal(err)
				}
			}
			if u%4 == 0 {
				r.Sync()
			}
		}
		r.Sync()
		if err := r.Release(context.Background()); err != nil {
			t.Fatal(err)
		}
	}
	var all []room.Stored
	for i := range damageRooms {
		stored, err := s.Read(context.Background(), fmt.Sprint("room ", i))
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, stored)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	return all
}

// TestDamagedCatalog changes one byte at a random place of the database file, many times. Every room must come back
// as it was, or be refused with room.ErrCorrupt, or all of them with the file: never as something else.
func TestDamagedCatalog(t *testing.T) {
	master := t.TempDir()
	want := damageable(t, master)
	good, err := os.ReadFile(filepath.Join(master, catalogFile))
	if err != nil {
		t.Fatal(err)
	}
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rnd := rand.New(rand.NewPCG(seed, 0))
	harmless, refusedRooms, refusedFiles := 0, 0, 0
	for range damages {
		dir := t.TempDir()
		if err := os.CopyFS(dir, os.DirFS(master)); err != nil {
			t.Fatal(err)
		}
		at, flip := rnd.IntN(len(good)), byte(1+rnd.IntN(255))
		bad := bytes.Clone(good)
		bad[at] ^= flip
		if err := os.WriteFile(filepath.Join(dir, catalogFile), bad, 0o600); err != nil {
			t.Fatal(err)
		}
		where := fmt.Sprintf("byte %d changed by %#x", at, flip)
		s, err := Open(dir, Options{})
		if err != nil {
			// Damage to the goose table reads as an unknown schema; everything else is called corrupt.
			now, e := os.ReadFile(filepath.Join(dir, catalogFile))
			if e != nil || !bytes.Equal(now, bad) {
				t.Fatalf("%s: a refused file was changed (%v)", where, e)
			}
			refusedFiles++
			continue
		}
		var corrupt atomic.Bool
		var wg sync.WaitGroup
		for i := range want {
			wg.Go(func() {
				id := fmt.Sprint("room ", i)
				_, stored, err := s.Open(context.Background(), id, storetest.NewRecorder())
				switch {
				case errors.Is(err, room.ErrCorrupt):
					corrupt.Store(true)
				case err != nil:
					t.Errorf("%s: %s: %v", where, id, err)
				case !sameContent(stored, want[i]):
					t.Errorf("%s: %s came back as something else:\n%+v\nwant\n%+v", where, id, stored, want[i])
				}
			})
		}
		wg.Wait()
		if corrupt.Load() {
			refusedRooms++
		} else {
			harmless++
		}
		if err := s.Close(); err != nil {
			t.Fatalf("%s: Close: %v", where, err)
		}
	}
	t.Logf("%d harmless, %d refused single rooms, %d refused the file", harmless, refusedRooms, refusedFiles)
	if refusedRooms+refusedFiles == 0 {
		t.Errorf("no damage reached a check")
	}
}

// sameContent compares what matters of two states; opening raises the epoch.
func sameContent(a, b room.Stored) bool {
	if !bytes.Equal(a.Snapshot, b.Snapshot) || a.LastSeq != b.LastSeq || a.Generation != b.Generation || len(a.Journal) != len(b.Journal) {
		return false
	}
	for i := range a.Journal {
		if !bytes.Equal(a.Journal[i], b.Journal[i]) {
			return false
		}
	}
	return true
}

// TestDamagedSnapshot changes one byte of a snapshot file, at every place of its header and at some of its body, and
// also cuts and removes it. The room must be refused, the file stay as it is, and the other rooms work.
func TestDamagedSnapshot(t *testing.T) {
	dir := t.TempDir()
	want := damageable(t, dir)
	s := openDir(t, dir)
	defer func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}()
	info, err := s.Room(context.Background(), "room 1")
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, snapshots, filepath.FromSlash(info.SnapshotKey))
	good, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	check := func(what string, bad []byte) {
		t.Helper()
		_, _, err := s.Open(context.Background(), "room 1", storetest.NewRecorder())
		if !errors.Is(err, room.ErrCorrupt) {
			t.Fatalf("%s: %v, want ErrCorrupt", what, err)
		}
		for _, part := range []string{"room 1", info.SnapshotKey, "backup"} {
			if !bytes.Contains([]byte(err.Error()), []byte(part)) {
				t.Fatalf("%s: %q does not mention %s", what, err, part)
			}
		}
		now, err := os.ReadFile(file)
		if bad == nil && !errors.Is(err, fs.ErrNotExist) || bad != nil && !bytes.Equal(now, bad) {
			t.Fatalf("%s: the damaged file was changed", what)
		}
		info, err := s.Room(context.Background(), "room 1")
		if noted := strings.Contains(info.Quarantine, info.SnapshotKey); err != nil || noted != (bad != nil) { // a missing one is not
			t.Fatalf("%s: the quarantine says %q, %v", what, info.Quarantine, err)
		}
		if err := s.Recheck(context.Background(), "room 1"); !errors.Is(err, room.ErrCorrupt) {
			t.Fatalf("%s: Recheck: %v", what, err)
		}
		if err := s.Quarantine(context.Background(), "room 1", ""); err != nil { // so that the next damage is noticed by itself
			t.Fatal(err)
		}
	}
	for at := 0; at < len(good); at++ {
		if at > 80 && at%37 != 0 {
			continue
		}
		bad := bytes.Clone(good)
		bad[at] ^= byte(1 + rand.IntN(255))
		if err := os.WriteFile(file, bad, 0o600); err != nil {
			t.Fatal(err)
		}
		check(fmt.Sprintf("byte %d changed", at), bad)
	}
	for _, size := range []int{0, 7, 47, 50, len(good) - 1} {
		if err := os.WriteFile(file, good[:size], 0o600); err != nil {
			t.Fatal(err)
		}
		check(fmt.Sprintf("cut to %d bytes", size), good[:size])
	}
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	check("removed", nil)
	r := storetest.OpenRoom(t, s, "room 2")
	if !sameContent(r.Stored(), want[2]) {
		t.Fatal("another room suffered")
	}
	if err := os.WriteFile(file, good, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := s.Recheck(context.Background(), "room 1"); err != nil { // repaired
		t.Fatal(err)
	}
	r = storetest.OpenRoom(t, s, "room 1")
	if !sameContent(r.Stored(), want[1]) {
		t.Fatal("the repaired room is not as it was")
	}
}
