package bench

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// spareFiles is how many descriptors the process needs besides its connections.
const spareFiles = 64

// raiseFileLimit makes sure that the process may open a socket for each user.
func raiseFileLimit(users int) error {
	need := uint64(users + spareFiles)
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		return fmt.Errorf("reading the limit of open files: %w", err)
	}
	if limit.Cur >= need {
		return nil
	}
	wanted := unix.Rlimit{Cur: need, Max: max(limit.Max, need)} // the hard limit can be raised by root only
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &wanted); err != nil {
		return fmt.Errorf("%d users need %d open files, but the limit is %d: raise it with `ulimit -n %d` (as root if need be) and make sure that the server may open as many: %w",
			users, need, limit.Max, need, err)
	}
	return nil
}
