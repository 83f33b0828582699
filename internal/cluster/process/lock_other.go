//go:build !unix

package process

import "os"

// lockFile opens a file, which it makes if need be. An open file cannot be removed here, which is as good.
func lockFile(path string) (*os.File, error) {
	return os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
}
