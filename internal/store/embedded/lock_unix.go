//go:build unix

package embedded

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// lockDir takes the lock file of a data directory. The operating system gives the lock back when the process ends, in
// whatever way; the text in the file is for the message to the next one.
func lockDir(path string) (io.Closer, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open the lock file: %w; check owner and permissions of the directory", err)
	}
	err = unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) {
		holder := make([]byte, 200)
		n, _ := f.Read(holder)
		f.Close()
		text := strings.TrimSpace(string(holder[:n]))
		if text == "" {
			text = "another process"
		}
		return nil, fmt.Errorf("it is in use by %s; stop that process, or choose another directory", text)
	}
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("lock the directory: %w; use a directory on a local disk", err)
	}
	text := fmt.Sprintf("process %d (%s), since %s\n", os.Getpid(), os.Args[0], time.Now().UTC().Format(time.RFC3339))
	// The text is a courtesy: a full disk must not keep the directory from being opened.
	if f.Truncate(0) == nil {
		_, _ = f.WriteAt([]byte(text), 0)
	}
	return f, nil
}
