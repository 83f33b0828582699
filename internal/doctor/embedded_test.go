package doctor_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/symphony-rtc/symphony/internal/doctor"
	"github.com/symphony-rtc/symphony/internal/store"
)

func TestHealthy(t *testing.T) {
	w := embedded(t)
	sum, found := w.run(doctor.Options{})
	if sum.State != store.Fine {
		t.Errorf("an empty directory: %+v", found)
	}
	w.wantFound(found, want{"rooms", "", store.Fine, "none yet"})
	if entries, err := os.ReadDir(w.config.Data); err != nil || len(entries) > 0 {
		t.Errorf("it made %v, %v", entries, err)
	}
	w.rooms("a", "b", "c\x00d")
	before := w.files()
	for _, o := range []doctor.Options{{}, {Quick: true}, {Rooms: []string{"a"}}, {Fix: true}} {
		sum, found := w.run(o)
		if sum.State != store.Fine {
			t.Errorf("%+v: %+v%s", o, sum, describe(found))
		}
	}
	if after := w.files(); !maps.Equal(after, before) {
		t.Errorf("it changed something:\n%v\n%v", before, after)
	}
	w.wantFine(3)
	_, found = w.run(doctor.Options{Quick: true})
	w.wantFound(found, want{"catalog", "", store.Fine, "whole"})
	sum, found = w.run(doctor.Options{Rooms: []string{"b", "none"}})
	if sum.Rooms != 1 || sum.Broken != 1 {
		t.Errorf("%+v", sum)
	}
	w.wantFound(found, want{"room", "none", store.Broken, "no such room"})
	if sum, _ := w.run(doctor.Options{Quick: true}); sum.Rooms != 0 || sum.Objects != 0 {
		t.Errorf("quick, yet %+v", sum)
	}
}

// damages are done to the room "bad" in a data directory, beside "good" and "other".
var damages = map[string]struct {
	do   func(w *world)
	want []want
	good bool // the room can be opened all the same
}{
	"flipped":   {do: func(w *world) { w.newest(flip) }, want: []want{{"room", "bad", store.Broken, "checksum"}}},
	"truncated": {do: func(w *world) { w.newest(func(b []byte) []byte { return b[:len(b)/2] }) }, want: []want{{"room", "bad", store.Broken, "cannot be used"}}},
	"emptied":   {do: func(w *world) { w.newest(func([]byte) []byte { return nil }) }, want: []want{{"room", "bad", store.Broken, "less than a header"}}},
	"removed": {do: func(w *world) {
		if err := os.Remove(w.object(w.room("bad").SnapshotKey)); err != nil {
			w.t.Fatal(err)
		}
	}, want: []want{{"room", "bad", store.Broken, "no such object"}}},
	"swapped": {do: func(w *world) {
		a, b, temp := w.object(w.room("bad").SnapshotKey), w.object(w.room("other").SnapshotKey), filepath.Join(w.config.Data, "swap")
		for _, move := range [][2]string{{a, temp}, {b, a}, {temp, b}} {
			if err := os.Rename(move[0], move[1]); err != nil {
				w.t.Fatal(err)
			}
		}
	}, want: []want{{"room", "bad", store.Broken, `belongs to room "other"`}, {"room", "other", store.Broken, `belongs to room "bad"`}}},
	"previous": {good: true, do: func(w *world) { changeFile(w.t, w.object(w.room("bad").PreviousKey), flip) },
		want: []want{{"room", "bad", store.Doubtful, "spare"}}},
	"version": {good: true, do: func(w *world) { changeFile(w.t, w.object(w.version("bad")), flip) },
		want: []want{{"room", "bad", store.Broken, "version 1 of"}}},
	"journal row": {do: func(w *world) {
		w.sql(`UPDATE journal SET data = CAST(substr(data, 1, length(data) - 1) || x'7f' AS BLOB) WHERE n = (SELECT max(n) FROM journal)`)
	}, want: []want{{"room", "bad", store.Broken, "journal row"}}},
	"lost row": {do: func(w *world) { w.sql(`DELETE FROM journal WHERE n = (SELECT max(n) FROM journal)`) },
		want: []want{{"room", "bad", store.Broken, "updates 5 to 5"}}},
	"catalog row": {do: func(w *world) { w.sql(`UPDATE room SET through = through + 1 WHERE id = CAST('bad' AS BLOB)`) },
		want: []want{{"room", "bad", store.Broken, "fails its checksum"}, {"orphans", "", store.Doubtful, "not looked for"}}},
	"quarantine": {good: true, do: func(w *world) {
		w.sql(`UPDATE room SET quarantine = CAST('the moon' AS BLOB) WHERE id = CAST('bad' AS BLOB)`)
	},
		want: []want{{"room", "bad", store.Broken, "the moon"}}},
}

// newest changes the newest snapshot of the room "bad".
func (w *world) newest(f func([]byte) []byte) {
	w.t.Helper()
	changeFile(w.t, w.object(w.room("bad").SnapshotKey), f)
}

// version is the object of a room's oldest version.
func (w *world) version(id string) string {
	w.t.Helper()
	s, err := w.storage.Look(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	defer w.close(s)
	list, err := s.Versions(w.t.Context(), id, 0, 10)
	if err != nil || len(list) == 0 {
		w.t.Fatalf("versions %v, %v", list, err)
	}
	return list[len(list)-1].Key
}

// TestDamage does each damage, wants it to be found, nothing changed by looking, and the room repaired by Repair.
func TestDamage(t *testing.T) {
	for name, damage := range damages {
		t.Run(name, func(t *testing.T) {
			w := embedded(t)
			w.rooms("good", "other", "bad") // the newest journal rows are those of "bad"
			w.wantFine(3)
			damage.do(w)
			before := w.files()
			sum, found := w.run(doctor.Options{})
			if after := w.files(); !maps.Equal(after, before) {
				t.Errorf("looking changed something:\n%v\n%v", before, after)
			}
			w.wantFound(found, damage.want...)
			if want := max(damage.want[0].state, store.Fine); sum.State != want || (sum.Damaged == 0) != damage.good || sum.Rooms != 3 {
				t.Errorf("%+v%s", sum, describe(found))
			}
			for _, f := range found {
				if f.Room == "good" {
					t.Errorf("a good room: %+v", f)
				}
			}
			if damage.good {
				return
			}
			repaired := w.repair("bad", "other", "good")
			if r := repaired[0]; r.Done != doctor.DoneRepaired || len(r.Damage) == 0 || r.Newest != letters {
				t.Errorf("%+v", r)
			}
			if r := repaired[2]; r.Done != doctor.DoneHealthy {
				t.Errorf("%+v", r)
			}
			// The journal still has what the damaged snapshot had.
			missing := 0
			if name == "journal row" || name == "lost row" {
				missing = 1
			}
			if text := w.text("bad"); text != strings.Repeat("x", letters-missing) {
				t.Errorf("the repaired room says %q", text)
			}
			if sum, found := w.run(doctor.Options{}); sum.Broken != 0 || sum.Rooms != 3 {
				t.Errorf("after the repair: %+v%s", sum, describe(found))
			}
		})
	}
}

func (w *world) repair(ids ...string) []doctor.Repaired {
	w.t.Helper()
	var all []doctor.Repaired
	err := doctor.Repair(w.t.Context(), w.storage, ids, func(r doctor.Repaired) { all = append(all, r) })
	if err != nil {
		w.t.Fatal(err)
	}
	return all
}

// TestRestoredFile restores the file of a room in quarantine: only Fix lifts it.
func TestRestoredFile(t *testing.T) {
	w := embedded(t)
	w.rooms("good", "bad")
	w.newest(flip)
	s := w.change()
	if _, _, err := s.Claim(t.Context(), "bad", nil); err == nil {
		t.Fatal("it could be opened")
	}
	w.close(s)
	w.newest(flip)
	sum, found := w.run(doctor.Options{})
	w.wantFound(found, want{"room", "bad", store.Broken, "nothing is wrong with it any more"})
	if sum.State != store.Broken || sum.Damaged != 0 {
		t.Errorf("%+v", sum)
	}
	sum, found = w.run(doctor.Options{Fix: true})
	w.wantFound(found, want{"room", "bad", store.Fine, "is not any more"})
	if sum.State != store.Fine {
		t.Errorf("%+v%s", sum, describe(found))
	}
	w.wantFine(2)
	if got := w.repair("bad", "none"); got[0].Done != doctor.DoneHealthy || got[1].Done != doctor.DoneFailed || !strings.Contains(got[1].Error, "no such room") {
		t.Errorf("%+v", got)
	}
}

// TestStrays has objects that nothing refers to, and files of others.
func TestStrays(t *testing.T) {
	w := embedded(t)
	w.rooms("a")
	old := time.Now().Add(-2 * time.Hour)
	orphan, young, foreign := w.object(store.NewSnapshotKey("a", 9, 9)), w.object(store.NewSnapshotKey("b", 9, 9)), w.object("ab/notes.txt")
	for _, path := range []string{orphan, young, foreign} {
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte("something"), 0o600); err != nil {
			t.Fatal(err)
		}
		if path != young {
			if err := os.Chtimes(path, old, old); err != nil {
				t.Fatal(err)
			}
		}
	}
	// Snapshots in use are old, too.
	if err := os.Chtimes(w.object(w.room("a").SnapshotKey), old, old); err != nil {
		t.Fatal(err)
	}
	sum, found := w.run(doctor.Options{})
	w.wantFound(found, want{"orphans", "", store.Doubtful, filepath.Base(orphan)}, want{"foreign objects", "", store.Doubtful, "notes.txt"})
	if sum.Orphans != 1 || sum.State != store.Doubtful {
		t.Errorf("%+v%s", sum, describe(found))
	}
	_, found = w.run(doctor.Options{Fix: true})
	w.wantFound(found, want{"orphans", "", store.Fine, "removed 1"})
	if _, err := os.Stat(orphan); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the orphan: %v", err)
	}
	if _, err := os.Stat(foreign); err != nil {
		t.Errorf("the foreign file: %v", err)
	}
	if text := w.text("a"); len(text) != letters {
		t.Errorf("the room says %q", text)
	}
}

func TestOtherSchemas(t *testing.T) {
	for version, want := range map[string]want{
		"version_id + 90": {"catalog", "", store.Broken, "newer symphony"},
		"version_id - 1":  {"rooms", "", store.Doubtful, "brings it up to date"},
	} {
		w := embedded(t)
		w.rooms("a")
		w.sql(`UPDATE goose_db_version SET version_id = ` + version + ` WHERE version_id > 1`)
		before := w.files()
		_, found := w.run(doctor.Options{})
		w.wantFound(found, want)
		if after := w.files(); !maps.Equal(after, before) {
			t.Errorf("it changed something:\n%v\n%v", before, after)
		}
	}
}

// TestDamagedCatalogFile changes bytes of the catalog file, cuts it and replaces it: there is a finding or no harm, never a
// crash, and the file stays as it is.
func TestDamagedCatalogFile(t *testing.T) {
	w := embedded(t)
	w.rooms("a", "b", "c")
	file := filepath.Join(w.config.Data, "catalog.db")
	good, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rnd := rand.New(rand.NewPCG(seed, 0))
	broken := 0
	try := func(what string, bad []byte) store.State {
		if err := os.WriteFile(file, bad, 0o600); err != nil {
			t.Fatal(err)
		}
		sum, _ := w.run(doctor.Options{})
		if now, err := os.ReadFile(file); err != nil || !bytes.Equal(now, bad) {
			t.Errorf("%s: the file was changed (%v)", what, err)
		}
		if sum.State == store.Broken {
			broken++
		}
		return sum.State
	}
	for range 30 {
		bad := bytes.Clone(good)
		at := rnd.IntN(len(bad))
		for bad[at] == 0 { // most of the file is free space
			at = rnd.IntN(len(bad))
		}
		bad[at] ^= byte(1 + rnd.IntN(255))
		try(fmt.Sprintf("byte %d", at), bad)
	}
	if broken == 0 {
		t.Error("no damage was noticed")
	}
	for what, bad := range map[string][]byte{"cut": good[:len(good)/2], "text": []byte(strings.Repeat("no database ", 1000)), "header": append([]byte("x"), good[1:]...)} {
		if state := try(what, bad); state != store.Broken {
			t.Errorf("%s: %v", what, state)
		}
	}
}

// TestInUse looks while another has the directory open and writes: nothing is found, but that it is in use, and a fix has to wait.
func TestInUse(t *testing.T) {
	w := embedded(t)
	w.rooms("a", "bad")
	w.sql(`UPDATE room SET quarantine = CAST('the moon' AS BLOB) WHERE id = CAST('bad' AS BLOB)`)
	s := w.change()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		for n := 0; ctx.Err() == nil && n < 5000; n++ {
			w.fill(s, fmt.Sprint("busy ", n%7, " ", n/100))
			if n%100 == 99 {
				if err := s.Erase(context.WithoutCancel(ctx), fmt.Sprint("busy ", 3, " ", n/100)); err != nil {
					t.Error(err)
				}
			}
		}
	}()
	for range 5 {
		_, found := w.run(doctor.Options{})
		for _, f := range found {
			if f.State != store.Fine && f.Room != "bad" {
				t.Errorf("%+v", f)
			}
		}
		w.wantFound(found, want{"data directory", "", store.Fine, "in use by process"})
	}
	_, found := w.run(doctor.Options{Fix: true})
	w.wantFound(found, want{"fix", "", store.Broken, "in use by process"})
	cancel()
	<-done
	w.close(s)
	if err := doctor.Repair(t.Context(), w.storage, nil, nil); err != nil {
		t.Error(err)
	}
}

func TestCancelled(t *testing.T) {
	w := embedded(t)
	w.rooms("a", "b")
	ctx, cancel := context.WithCancel(t.Context())
	calls := 0
	_, err := doctor.Run(ctx, w.storage, doctor.Options{Requests: 1}, func(store.Finding) {}, func(p doctor.Progress) {
		if calls++; p.Of != 2 {
			t.Errorf("%+v", p)
		}
		cancel()
	})
	if !errors.Is(err, context.Canceled) || calls != 1 {
		t.Errorf("%v after %d rooms", err, calls)
	}
}
