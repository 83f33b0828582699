package process

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

const (
	dirPrefix = "symphony-run-"
	lockName  = "supervisor.lock" // unlike the LOCK of a data directory, also where case does not matter
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
			removeDir(dir)
			errs = append(errs, err)
			continue
		}
		return dir, func() {
			removeDir(dir)
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
			removeDir(filepath.Dir(path))
			lock.Close()
		}
	}
}

// removeDir removes a directory of sockets. If there is anything else in it, that stays.
func removeDir(dir string) {
	entries, _ := os.ReadDir(dir)
	for _, e := range entries {
		if e.Type()&os.ModeSocket != 0 || e.Name() == lockName {
			_ = os.Remove(filepath.Join(dir, e.Name()))
		}
	}
	_ = os.Remove(dir)
}
