//go:build !unix

package embedded

import "errors"

func lockHolder(string) string { return "" }

func writable(string) error { return nil }

func diskSpace(string) (free, total uint64, err error) {
	return 0, 0, errors.New("it can be asked on Linux, macOS and other Unix only")
}
