//go:build unix

package gateway

import (
	"syscall"
	"time"
)

// processorTime is what this process has used so far, in user and kernel mode.
func processorTime() time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
