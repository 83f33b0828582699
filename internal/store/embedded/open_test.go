package embedded

import (
	"bytes"
	"context"
	"database/sql"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/symphony-rtc/symphony/internal/store"
	"github.com/symphony-rtc/symphony/internal/store/storetest"
)

// refused opens the directory and fails the test unless the error mentions all of what.
func refused(t *testing.T, dir string, what ...string) {
	t.Helper()
	s, err := Open(dir, Options{})
	if err == nil {
		s.Close()
		t.Fatal("the directory was opened")
	}
	for _, w := range what {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("the error %q does not mention %q", err, w)
		}
	}
}

func TestSecondProcessIsRefused(t *testing.T) {
	dir := t.TempDir()
	s := openDir(t, dir)
	refused(t, dir, dir, "in use by process "+fmt.Sprint(os.Getpid()), "stop that process")
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := openDir(t, dir).Close(); err != nil {
		t.Fatal(err)
	}
}

func TestNewerSchemaIsRefused(t *testing.T) {
	dir := t.TempDir()
	if err := openDir(t, dir).Close(); err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("sqlite", filepath.Join(dir, catalogFile))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.Exec(`INSERT INTO goose_db_version (version_id, is_applied) VALUES (4711, 1)`); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	refused(t, dir, "4711", "newer symphony")
}

func TestForeignFileIsRefused(t *testing.T) {
	dir := t.TempDir()
	text := bytes.Repeat([]byte("this is no database "), 500)
	if err := os.WriteFile(filepath.Join(dir, catalogFile), text, 0o600); err != nil {
		t.Fatal(err)
	}
	refused(t, dir, catalogFile, "damaged", "backup")
	if now, err := os.ReadFile(filepath.Join(dir, catalogFile)); err != nil || !bytes.Equal(now, text) {
		t.Fatalf("the file was changed: %v", err)
	}
}

func TestDirectoryThatIsAFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "data")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	refused(t, file, file, "not a directory")
}

// TestOddDirectoryNames opens directories whose names mean something in a data source name.
func TestOddDirectoryNames(t *testing.T) {
	for _, name := range []string{"a b", "a?mode=memory", "a#b", "a%20b", "ä", "file:x", "a&b=c;d"} {
		dir := filepath.Join(t.TempDir(), name)
		s := openDir(t, dir)
		r := storetest.OpenRoom(t, s, "room")
		r.Write("x")
		r.Sync()
		if err := s.Close(); err != nil {
			t.Fatalf("%q: %v", name, err)
		}
		if _, err := os.Stat(filepath.Join(dir, catalogFile)); err != nil {
			t.Errorf("%q: %v", name, err)
		}
	}
}

// TestCrashBetweenObjectAndCatalog leaves behind what a crash after storing a snapshot and before pointing to it
// leaves, beside files that are none of ours.
func TestCrashBetweenObjectAndCatalog(t *testing.T) {
	ctx := context.Background()
	dir := t.TempDir()
	s := openDir(t, dir)
	r := storetest.OpenRoom(t, s, "room")
	r.Write("one", "two")
	r.Sync()
	if err := r.Save(ctx, 1, []byte("snapshot")); err != nil {
		t.Fatal(err)
	}
	orphan := store.NewSnapshotKey("room", 1, 2)
	foreign := "ab/notes.txt"
	for _, key := range []string{orphan, foreign} {
		if err := s.objects.Put(ctx, key, []byte("x")); err != nil {
			t.Fatal(err)
		}
	}
	unfinished := filepath.Join(dir, snapshots, "ab", ".writing-something")
	if err := os.WriteFile(unfinished, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}

	s = openDir(t, dir)
	defer s.Close()
	r = storetest.OpenRoom(t, s, "room")
	if got := r.Stored(); string(got.Snapshot) != "snapshot" || len(got.Journal) != 1 || string(got.Journal[0]) != "two" {
		t.Fatalf("the room came back as %+v", got)
	}
	if _, err := s.objects.Get(ctx, orphan); err == nil {
		t.Error("the orphan is still there")
	}
	if _, err := s.objects.Get(ctx, foreign); err != nil {
		t.Errorf("a file that is none of ours: %v", err)
	}
	if _, err := os.Stat(unfinished); err == nil {
		t.Error("the unfinished file is still there")
	}
}

// TestDamageIsLoggedAndKept damages a journal row: the store says so at start, refuses the room, serves the others, and
// keeps the row through saves and restarts.
func TestDamageIsLoggedAndKept(t *testing.T) {
	dir := t.TempDir()
	s := openDir(t, dir)
	for _, id := range []string{"bad", "good"} {
		r := storetest.OpenRoom(t, s, id)
		r.Write("text of " + id)
		r.Sync()
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, catalogFile)
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, bytes.Replace(b, []byte("text of bad"), []byte("TEXT of bad"), 1), 0o600); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		var log bytes.Buffer
		s, err := Open(dir, Options{Log: slog.New(slog.NewTextHandler(&log, nil))})
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(log.String(), "bad") {
			t.Errorf("the log says %q", log.String())
		}
		if _, _, err := s.Open(context.Background(), "bad", storetest.NewRecorder()); err == nil {
			t.Error("the damaged room was opened")
		}
		r := storetest.OpenRoom(t, s, "good")
		r.Write("more")
		r.Sync()
		if err := r.Save(context.Background(), r.Durable(), []byte("snapshot")); err != nil {
			t.Fatal(err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if b, err = os.ReadFile(file); err != nil || !bytes.Contains(b, []byte("TEXT of bad")) {
		t.Errorf("the damaged row is gone (%v)", err)
	}
}

// TestOrphansOfOthers cleans as hosts do that share their objects: what is young may be another host's.
func TestOrphansOfOthers(t *testing.T) {
	ctx := context.Background()
	dir := t.TempDir()
	s := openDir(t, dir)
	defer s.Close()
	r := storetest.OpenRoom(t, s, "room")
	if err := r.Save(ctx, 0, []byte("snapshot")); err != nil {
		t.Fatal(err)
	}
	young, old := store.NewSnapshotKey("room", 1, 2), store.NewSnapshotKey("room", 1, 3)
	for _, key := range []string{young, old} {
		if err := s.objects.Put(ctx, key, []byte("x")); err != nil {
			t.Fatal(err)
		}
	}
	past := time.Now().Add(-2 * store.OrphanAge)
	info, err := s.Room(ctx, "room")
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{info.SnapshotKey, old} {
		if err := os.Chtimes(filepath.Join(dir, snapshots, filepath.FromSlash(key)), past, past); err != nil {
			t.Fatal(err)
		}
	}
	if n, err := s.CleanOrphans(ctx, store.OrphanAge); err != nil || n != 1 {
		t.Fatalf("%d orphans removed, %v", n, err)
	}
	for key, want := range map[string]bool{young: true, old: false, info.SnapshotKey: true} {
		if _, err := s.objects.Get(ctx, key); (err == nil) != want {
			t.Errorf("%s: %v", key, err)
		}
	}
}
