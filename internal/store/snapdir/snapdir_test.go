package snapdir

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/symphony-rtc/symphony/internal/store"
	"github.com/symphony-rtc/symphony/internal/store/storetest"
)

func openDir(t *testing.T, path string) *Dir {
	t.Helper()
	d, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	return d
}

func TestConformance(t *testing.T) {
	path := t.TempDir()
	storetest.RunObjects(t, func(t *testing.T) store.Objects { return openDir(t, path) })
}

// TestSharedDirectory has two processes' views of one directory: opening one leaves the other's unfinished file alone,
// unless it is old.
func TestSharedDirectory(t *testing.T) {
	path := t.TempDir()
	shared := func(t *testing.T) store.Objects {
		d, err := OpenShared(path)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { d.Close() })
		return d
	}
	storetest.RunObjects(t, shared)
	fresh, old := filepath.Join(path, "ab", tempPrefix+"1-x"), filepath.Join(path, "ab", tempPrefix+"2-x")
	for _, name := range []string{fresh, old} {
		if err := errors.Join(os.MkdirAll(filepath.Dir(name), 0o700), os.WriteFile(name, []byte("half"), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	long := time.Now().Add(-abandoned - time.Minute)
	if err := os.Chtimes(old, long, long); err != nil {
		t.Fatal(err)
	}
	shared(t)
	if _, err := os.Stat(fresh); err != nil {
		t.Errorf("opening a shared directory removed what somebody may be writing: %v", err)
	}
	if _, err := os.Stat(old); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("what was left there long ago: %v", err)
	}
	openDir(t, path)
	if _, err := os.Stat(fresh); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("an unfinished file in a directory of our own: %v", err)
	}
}

// TestKeysStayInside gives keys that would lead out of the directory, or to something special in it.
func TestKeysStayInside(t *testing.T) {
	ctx := context.Background()
	root := t.TempDir()
	outside := filepath.Join(root, "secret")
	if err := os.WriteFile(outside, []byte("secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	d := openDir(t, filepath.Join(root, "snapshots"))
	for _, key := range []string{"", "a", "../secret", "a/../../secret", "/secret", outside, "a/b/c", "a//b", "a/.", "a/..", "a/.hidden", "./a", "a/\x00"} {
		if err := d.Put(ctx, key, []byte("x")); err == nil {
			t.Errorf("Put accepted the key %q", key)
		}
		if _, err := d.Get(ctx, key); err == nil {
			t.Errorf("Get accepted the key %q", key)
		}
		if err := d.Delete(ctx, key); err == nil {
			t.Errorf("Delete accepted the key %q", key)
		}
	}
	// A link that leads out of the directory is not followed.
	if err := os.Symlink(root, filepath.Join(root, "snapshots", "zz")); err != nil {
		t.Fatal(err)
	}
	if got, err := d.Get(ctx, "zz/secret"); err == nil {
		t.Errorf("Get followed a link out of the directory: %q", got)
	}
	if b, err := os.ReadFile(outside); err != nil || string(b) != "secret" {
		t.Errorf("the file outside is %q, %v", b, err)
	}
}
