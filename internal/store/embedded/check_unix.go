//go:build unix

package embedded

import (
	"errors"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// lockHolder says who has a data directory open, "" for nobody. It takes the lock for a moment, together with others who ask.
func lockHolder(path string) string {
	f, err := os.Open(path)
	if err != nil {
		return ""
	}
	defer f.Close() // which gives the lock back
	if err := unix.Flock(int(f.Fd()), unix.LOCK_SH|unix.LOCK_NB); !errors.Is(err, unix.EWOULDBLOCK) {
		return ""
	}
	text := make([]byte, 200)
	n, _ := f.Read(text)
	if holder := strings.TrimSpace(string(text[:n])); holder != "" {
		return holder
	}
	return "another process"
}

// writable returns why this process may not write to a file or directory.
func writable(path string) error { return unix.Access(path, unix.W_OK) }

// diskSpace returns how many bytes are free for this process on the disk of a directory, and how many it has.
func diskSpace(dir string) (free, total uint64, err error) {
	var s unix.Statfs_t
	if err := unix.Statfs(dir, &s); err != nil {
		return 0, 0, err
	}
	block := uint64(s.Bsize)
	return uint64(s.Bavail) * block, uint64(s.Blocks) * block, nil
}
