//go:build !linux

package proxy

import (
	"syscall"
	"time"
)

// noticeSilence does nothing here: there is no such option, and keep-alives have to do.
func noticeSilence(time.Duration) func(network, address string, c syscall.RawConn) error { return nil }
