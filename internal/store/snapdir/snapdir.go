// Package snapdir keeps snapshot objects as files in a directory.
package snapdir

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/symphony-rtc/symphony/internal/store"
)

// tempPrefix begins the names of files that are still being written.
const tempPrefix = ".writing-"

// abandoned is the age from which a file that is still being written, in a directory that others use, is taken for what
// a crash left there. Writing takes seconds.
const abandoned = time.Hour

// Dir is a store.Objects and a store.AgedObjects. The object "ab/xyz" is the file ab/xyz below the root; an object appears
// under its name only when it is complete and on disk.
type Dir struct {
	root  *os.Root // keys cannot lead out of it, whatever they contain
	me    string   // part of the names of unfinished files, different from other processes'
	temps atomic.Uint64
}

var _ store.AgedObjects = (*Dir)(nil)

// Open opens the directory, makes it if need be, and removes what interrupted Puts left there. No other process may
// use it at the same time.
func Open(path string) (*Dir, error) { return open(path, 0) }

// OpenShared is Open for a directory that several processes use, each of which may be in the middle of a Put.
func OpenShared(path string) (*Dir, error) { return open(path, abandoned) }

// open opens the directory and removes unfinished files that are old enough.
func open(path string, age time.Duration) (*Dir, error) {
	if err := os.MkdirAll(path, 0o700); err != nil {
		return nil, fmt.Errorf("make the snapshot directory: %w", err)
	}
	root, err := os.OpenRoot(path)
	if err != nil {
		return nil, fmt.Errorf("open the snapshot directory: %w", err)
	}
	d := &Dir{root: root, me: rand.Text()[:8]}
	err = d.walk(func(name string, entry fs.DirEntry) error {
		if !strings.HasPrefix(entry.Name(), tempPrefix) {
			return nil
		}
		info, err := entry.Info()
		if err == nil && (age == 0 || time.Since(info.ModTime()) > age) {
			err = root.Remove(name)
		}
		if errors.Is(err, fs.ErrNotExist) {
			return nil // its writer was quicker
		}
		return err
	})
	if err != nil {
		root.Close()
		return nil, fmt.Errorf("remove unfinished snapshots: %w", err)
	}
	return d, nil
}

// Close ends the use of the directory.
func (d *Dir) Close() error { return d.root.Close() }

// Put implements store.Objects: a temporary file beside the target, fsync, link under its name, fsync of the folder.
func (d *Dir) Put(ctx context.Context, key string, parts ...[]byte) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	folder, base, err := split(key)
	if err != nil {
		return err
	}
	if err := d.makeFolder(folder); err != nil {
		return fmt.Errorf("make the folder of snapshot %s: %w", key, err)
	}
	temp := fmt.Sprint(folder, "/", tempPrefix, d.me, "-", d.temps.Add(1), "-", base)
	if err := d.write(temp, parts); err != nil {
		d.root.Remove(temp)
		return fmt.Errorf("write snapshot %s: %w", key, err)
	}
	err = d.publish(temp, key)
	d.root.Remove(temp)
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("snapshot %s: %w", key, store.ErrObjectExists)
	}
	if err == nil {
		err = d.sync(folder)
	}
	if err != nil {
		return fmt.Errorf("publish snapshot %s: %w", key, err)
	}
	return nil
}

// makeFolder makes a folder durably.
func (d *Dir) makeFolder(folder string) error {
	err := d.root.Mkdir(folder, 0o700)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return d.sync(".")
}

func (d *Dir) write(temp string, parts [][]byte) error {
	f, err := d.root.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	for _, part := range parts {
		if _, err = f.Write(part); err != nil {
			break
		}
	}
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

// publish gives a complete file its name. A link refuses a name that is taken; where the file system has no links, a
// look and a rename must do, which is as good because nobody else makes this key.
func (d *Dir) publish(temp, key string) error {
	err := d.root.Link(temp, key)
	if !errors.Is(err, syscall.EPERM) && !errors.Is(err, syscall.ENOTSUP) && !errors.Is(err, syscall.EMLINK) {
		return err
	}
	if _, err := d.root.Lstat(key); err == nil {
		return fs.ErrExist
	}
	return d.root.Rename(temp, key)
}

// sync makes the entries of a folder durable.
func (d *Dir) sync(folder string) error {
	f, err := d.root.Open(folder)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// Get implements store.Objects.
func (d *Dir) Get(ctx context.Context, key string) ([]byte, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if _, _, err := split(key); err != nil {
		return nil, err
	}
	object, err := d.root.ReadFile(key)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("snapshot %s: %w", key, store.ErrNoObject)
	}
	if err != nil {
		return nil, fmt.Errorf("read snapshot: %w", err)
	}
	return object, nil
}

// List implements store.Objects.
func (d *Dir) List(ctx context.Context, f func(key string) error) error {
	return d.list(ctx, func(name string, _ fs.DirEntry) error { return f(name) })
}

// ListAged implements store.AgedObjects. Ages are by the clock of this machine and the times of the files.
func (d *Dir) ListAged(ctx context.Context, f func(key string, age time.Duration) error) error {
	return d.list(ctx, func(name string, entry fs.DirEntry) error {
		info, err := entry.Info()
		if errors.Is(err, fs.ErrNotExist) {
			return nil // deleted while we walked
		}
		if err != nil {
			return fmt.Errorf("list snapshots: %w", err)
		}
		return f(name, time.Since(info.ModTime()))
	})
}

// list calls f for every object.
func (d *Dir) list(ctx context.Context, f func(name string, entry fs.DirEntry) error) error {
	return d.walk(func(name string, entry fs.DirEntry) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		if strings.HasPrefix(entry.Name(), tempPrefix) {
			return nil
		}
		return f(name, entry)
	})
}

// Delete implements store.Objects. It is not durable at once: an object may be back after a power failure.
func (d *Dir) Delete(ctx context.Context, key string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if _, _, err := split(key); err != nil {
		return err
	}
	if err := d.root.Remove(key); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("delete snapshot: %w", err)
	}
	return nil
}

// walk calls f for every regular file two levels below the root, where objects are.
func (d *Dir) walk(f func(name string, entry fs.DirEntry) error) error {
	return fs.WalkDir(d.root.FS(), ".", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return nil // removed while we walked
		case err != nil:
			return err
		case entry.IsDir() && strings.Count(name, "/") > 0:
			return fs.SkipDir // none of ours
		case !entry.Type().IsRegular() || strings.Count(name, "/") != 1:
			return nil
		}
		return f(name, entry)
	})
}

// split checks the form of a key: folder/name, slashes as in package path, nothing special.
func split(key string) (folder, base string, err error) {
	folder, base, ok := strings.Cut(key, "/")
	if !ok || !fs.ValidPath(key) || strings.Contains(base, "/") || strings.HasPrefix(base, ".") || filepath.ToSlash(key) != key {
		return "", "", fmt.Errorf("%q is not a key of a snapshot", key)
	}
	return folder, base, nil
}
