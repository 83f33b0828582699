package doctor_test

import (
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/symphony-rtc/symphony/internal/doctor"
	"github.com/symphony-rtc/symphony/internal/store"
	"github.com/symphony-rtc/symphony/test/harness"
)

// TestReadOnlyDisk looks at a data directory on a disk that is mounted read-only: that is said, and the rooms are
// looked at all the same. On a disk without space that is said.
func TestReadOnlyDisk(t *testing.T) {
	disk := harness.SmallDisk(t, "size=16m")
	w := embedded(t)
	w.config.Data = filepath.Join(disk, "data")
	w = newWorld(t, w.config)
	w.rooms("a", "b")
	remount := func(flags uintptr) {
		if err := unix.Mount("", disk, "", unix.MS_REMOUNT|flags, ""); err != nil {
			t.Fatal(err)
		}
	}
	remount(unix.MS_RDONLY)
	sum, found := w.run(doctor.Options{})
	w.wantFound(found, want{"data directory", "", store.Broken, "read-only file system"}, want{"snapshots", "", store.Broken, "put: "},
		want{"rooms", "", store.Fine, "2 rooms"})
	if sum.Rooms != 2 || sum.Damaged != 0 || sum.Broken != 3 { // the third is the small disk
		t.Errorf("%+v%s", sum, describe(found))
	}
	if err := doctor.Repair(t.Context(), w.storage, []string{"a"}, func(doctor.Repaired) {}); err == nil {
		t.Error("a repair on a read-only disk")
	}
	remount(0)
	ballast := harness.FillDisk(t, disk)
	_, found = w.run(doctor.Options{})
	w.wantFound(found, want{"disk space", "", store.Broken, "0 MiB of 16 MiB"}, want{"snapshots", "", store.Broken, "no space left"})
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	if sum, found := w.run(doctor.Options{}); sum.Rooms != 2 || sum.Damaged != 0 {
		t.Errorf("%+v%s", sum, describe(found))
	}
}

// TestAfterCrash looks at a directory whose last process was killed: what is in SQLite's log only is seen, and stays there.
func TestAfterCrash(t *testing.T) {
	w := embedded(t)
	s := w.change()
	w.fill(s, "a")
	// The directory as a crash at this moment leaves it.
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(w.config.Data)); err != nil {
		t.Fatal(err)
	}
	w.close(s)
	w.config.Data = dir
	w = newWorld(t, w.config)
	log := filepath.Join(dir, "catalog.db-wal")
	before, err := os.Stat(log)
	if err != nil || before.Size() == 0 {
		t.Fatalf("there is no log: %v", err)
	}
	w.wantFine(1)
	if after, err := os.Stat(log); err != nil || after.Size() != before.Size() {
		t.Errorf("the log was changed: %v", err)
	}
	if text := w.text("a"); len(text) != letters {
		t.Errorf("the room says %q", text)
	}
}
