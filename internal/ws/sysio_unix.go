//go:build unix && (!linux || race)

package ws

import "syscall"

// The race detector must see what system calls do to memory, and only Linux has system calls as an interface.
func sysRead(fd int, p []byte) (int, error)  { return syscall.Read(fd, p) }
func sysWrite(fd int, p []byte) (int, error) { return syscall.Write(fd, p) }
