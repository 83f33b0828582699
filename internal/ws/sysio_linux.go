//go:build linux && !race

package ws

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
	return brief(syscall.SYS_RECVFROM, fd, p)
}

func sysWrite(fd int, p []byte) (int, error) {
	if len(p) > briefIO {
		return syscall.Write(fd, p)
	}
	return brief(syscall.SYS_SENDTO, fd, p)
}

// brief makes the call of a socket: it does without what read and write do for files.
func brief(call uintptr, fd int, p []byte) (int, error) {
	n, _, errno := syscall.RawSyscall6(call, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(p))), uintptr(len(p)),
		syscall.MSG_DONTWAIT|syscall.MSG_NOSIGNAL, 0, 0)
	if errno != 0 {
		return -1, errno
	}
	return int(n), nil
}
