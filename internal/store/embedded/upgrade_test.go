package embedded

import (
	"context"
	"os"
	"testing"

	"github.com/symphony-rtc/symphony/internal/store"
	"github.com/symphony-rtc/symphony/internal/store/storetest"
)

// TestUpgrade opens a data directory that a symphony with schema 1 left, killed while one room was open.
func TestUpgrade(t *testing.T) {
	ctx := context.Background()
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS("testdata/schema1")); err != nil {
		t.Fatal(err)
	}
	want := map[string]struct {
		snapshot string
		journal  []string
	}{
		"journal only":  {"", []string{"journal only 1", "journal only 2", "journal only 3"}},
		"both":          {"snapshot of both", []string{"both 3"}},
		"snapshot only": {"snapshot of snapshot only", nil},
	}
	for round := uint64(2); round <= 3; round++ {
		s := openDir(t, dir)
		for id, w := range want {
			r := storetest.OpenRoom(t, s, id)
			got := r.Stored()
			if got.Epoch != round || got.Generation != 1 || got.LastSeq != 3 || string(got.Snapshot) != w.snapshot || len(got.Journal) != len(w.journal) {
				t.Fatalf("%s came back as %+v", id, got)
			}
			for i, u := range got.Journal {
				if string(u) != w.journal[i] {
					t.Errorf("%s: update %q, want %q", id, u, w.journal[i])
				}
			}
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	s := openDir(t, dir)
	r := storetest.OpenRoom(t, s, "journal only") // goes on in rows of another format
	r.Write("journal only 4")
	r.Sync()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = openDir(t, dir)
	defer s.Close()
	if got := storetest.OpenRoom(t, s, "journal only").Stored(); len(got.Journal) != 4 || string(got.Journal[0]) != "journal only 1" || string(got.Journal[3]) != "journal only 4" {
		t.Fatalf("old and new rows together: %+v", got)
	}
	v, err := s.Keep(ctx, "both", store.VersionManual, "")
	if err != nil || v.Epoch != 0 || v.Through != 2 {
		t.Fatalf("a version of what schema 1 stored: %+v, %v", v, err)
	}
	r = storetest.OpenRoom(t, s, "both")
	r.Write("both 4")
	r.Sync()
	if err := r.Save(ctx, 4, []byte("all")); err != nil {
		t.Fatal(err)
	}
	if _, snapshot, err := s.ReadVersion(ctx, "both", v.Number); err != nil || string(snapshot) != "snapshot of both" {
		t.Fatalf("the version holds %q, %v", snapshot, err)
	}
}
