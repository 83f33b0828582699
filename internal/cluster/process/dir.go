package process

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

const (
	dirPrefix = "symphony-"
	lockName  = "lock"
)

// SocketDir makes a directory for sockets that only this user can enter, with a path that is short enough, and removes those
// that supervisors before this one left when they were killed. remove removes it.
func SocketDir() (dir string, remove func(), err error) {
	var errs []error
	for _, above := range []string{os.Getenv("XDG_RUNTIME_DIR"), os.TempDir(), "/tmp"} {
		if above == "" || len(socketPath(filepath.Join(above, dirPrefix+"1234567890"), newID())) > maxPath {
			continue
		}
		sweepDirs(above)
		dir, err := os.MkdirTemp(above, dirPrefix)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		lock, err := lockFile(filepath.Join(dir, lockName))
		if err != nil {
			os.RemoveAll(dir)
			errs = append(errs, err)
			continue
		}
		return dir, func() {
			os.RemoveAll(dir)
			lock.Close()
		}, nil
	}
	return "", nil, fmt.Errorf("make a directory for sockets: %w; set TMPDIR to a directory with a short path", errors.Join(errs...))
}

// sweepDirs removes the directories of processes that are gone, which nobody has locked.
func sweepDirs(above string) {
	left, _ := filepath.Glob(filepath.Join(above, dirPrefix+"*", lockName))
	for _, path := range left {
		info, err := os.Lstat(path)
		if err != nil || time.Since(info.ModTime()) < time.Minute { // it may be about to be locked
			continue
		}
		if lock, err := lockFile(path); err == nil {
			os.RemoveAll(filepath.Dir(path))
			lock.Close()
		}
	}
}
