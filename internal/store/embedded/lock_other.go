//go:build !unix

package embedded

import (
	"errors"
	"io"
)

// lockDir refuses: without a lock two processes could ruin the directory together.
func lockDir(string) (io.Closer, error) {
	return nil, errors.New("the embedded store needs Linux, macOS or another Unix, for its lock on the directory")
}
