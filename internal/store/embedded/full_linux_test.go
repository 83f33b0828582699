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

	"golang.org/x/sys/unix"

	"github.com/symphony-rtc/symphony/internal/store/storetest"
)

// smallDisk mounts a memory file system of so many bytes, which only root may do.
func smallDisk(t *testing.T, bytes int) string {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root, to mount a small file system")
	}
	dir := t.TempDir()
	if err := unix.Mount("symphony-test", dir, "tmpfs", 0, fmt.Sprint("size=", bytes)); err != nil {
		t.Skipf("cannot mount a small file system: %v", err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(dir, 0); err != nil {
			t.Errorf("unmount: %v", err)
		}
	})
	return dir
}

// fillDisk writes a file until nothing more fits.
func fillDisk(t *testing.T, file string) {
	t.Helper()
	f, err := os.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for size := 1 << 20; size > 0; {
		if _, err := f.Write(make([]byte, size)); errors.Is(err, unix.ENOSPC) {
			size /= 2
		} else if err != nil {
			t.Fatal(err)
		}
	}
}

// TestFullDisk fills the disk under a running store: updates wait and are told so, snapshots fail, everything else
// stays; with space again everything that was appended becomes durable.
func TestFullDisk(t *testing.T) {
	disk := smallDisk(t, 16<<20)
	dir, ballast := filepath.Join(disk, "data"), filepath.Join(disk, "ballast")
	s := openDir(t, dir)
	r := storetest.OpenRoom(t, s, "room")
	r.Write("before")
	r.Sync()
	fillDisk(t, ballast)

	big := string(bytes.Repeat([]byte("x"), 1<<20))
	r.Write(big, "while full")
	if err := r.WaitDelayed(t, true); !strings.Contains(err.Error(), "free some space") {
		t.Errorf("Delayed said %q", err)
	}
	if r.Backlog() != len(big)+len("while full") {
		t.Errorf("the backlog is %d", r.Backlog())
	}
	if err := r.Save(context.Background(), 1, []byte(big)); !errors.Is(err, unix.ENOSPC) {
		t.Errorf("Save: %v", err)
	}
	if _, err := s.Read(context.Background(), "room"); err != nil {
		t.Errorf("Read: %v", err)
	}
	r.Write("still full")

	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	r.Sync()
	if err := r.WaitDelayed(t, false); err != nil {
		t.Error(err)
	}
	if err := r.Save(context.Background(), 2, []byte("snapshot")); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = openDir(t, dir)
	got := storetest.OpenRoom(t, s, "room").Stored()
	if string(got.Snapshot) != "snapshot" || len(got.Journal) != 2 || string(got.Journal[1]) != "still full" {
		t.Errorf("the room came back with %q and %d updates", got.Snapshot, len(got.Journal))
	}
	if n := countObjects(t, s); n != 1 {
		t.Errorf("%d snapshot objects are there", n)
	}

	// Closing with a full disk says what is lost, and a store on a full disk does not open or opens whole.
	r = storetest.OpenRoom(t, s, "room")
	fillDisk(t, ballast)
	r.Write(big)
	r.WaitDelayed(t, true)
	if err := s.Close(); err == nil || !strings.Contains(err.Error(), fmt.Sprint(len(big))) {
		t.Errorf("Close on a full disk: %v", err)
	}
	if s, err := Open(dir, Options{}); err != nil {
		if !strings.Contains(err.Error(), "space") {
			t.Errorf("Open on a full disk: %v", err)
		}
	} else if err := s.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	s = openDir(t, dir)
	if got := storetest.OpenRoom(t, s, "room").Stored(); got.LastSeq != 4 {
		t.Errorf("afterwards the room has %d updates", got.LastSeq)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestReadOnlyDirectory opens a directory on a file system that cannot be written.
func TestReadOnlyDirectory(t *testing.T) {
	disk := smallDisk(t, 16<<20)
	dir := filepath.Join(disk, "data")
	if err := openDir(t, dir).Close(); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mount("", disk, "", unix.MS_REMOUNT|unix.MS_RDONLY, ""); err != nil {
		t.Fatal(err)
	}
	refused(t, dir, "read-only", "check owner and permissions")
	refused(t, filepath.Join(disk, "new"), "read-only", "check owner and permissions")
}
