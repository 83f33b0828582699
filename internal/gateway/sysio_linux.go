//go:build linux && !race

package gateway

import (
	"syscall"
	"unsafe"
)

// Reads and writes of sockets that never block are over in microseconds, most of them. Telling Go's scheduler of each
// one, as package syscall does, makes it hand processors back and forth: 15 % of what a delivery costs on two
// processors, nothing on one. Large ones take long enough that the scheduler, and the garbage collector that must wait
// for them, had better know.
const briefIO = 64 << 10

func sysRead(fd int, p []byte) (int, error) {
	if len(p) > briefIO {
		return syscall.Read(fd, p)
	}
	return brief(syscall.SYS_READ, fd, p)
}

func sysWrite(fd int, p []byte) (int, error) {
	if len(p) > briefIO {
		return syscall.Write(fd, p)
	}
	return brief(syscall.SYS_WRITE, fd, p)
}

func brief(call uintptr, fd int, p []byte) (int, error) {
	n, _, errno := syscall.RawSyscall(call, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(p))), uintptr(len(p)))
	if errno != 0 {
		return -1, errno
	}
	return int(n), nil
}
