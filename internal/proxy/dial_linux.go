package proxy

import (
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// noticeSilence has the system break a connection when what was sent on it is not received for so long.
// Source: tcp(7), TCP_USER_TIMEOUT.
func noticeSilence(after time.Duration) func(network, address string, c syscall.RawConn) error {
	return func(network, _ string, c syscall.RawConn) (err error) {
		if network == "unix" {
			return nil
		}
		if e := c.Control(func(fd uintptr) {
			err = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, int(after.Milliseconds()))
		}); e != nil {
			return e
		}
		return err
	}
}
