//go:build unix

package ws

import (
	"io"
	"net"
	"os"
	"syscall"
	"time"
)

// polledSocket is a socket on a file descriptor that the Go runtime polls. It reads and writes with system calls of its
// own, so that waiting costs nothing but the goroutine: no buffer, no second goroutine, no lock of package net.
//
// Using the bare descriptor for writing is safe because callers write one at a time and never after Close.
type polledSocket struct {
	nc  net.Conn
	raw syscall.RawConn
	fd  int

	onReadable func(fd uintptr) bool // s.readable, made once because each mention of it would allocate
	into       Intake                // for readable
	err        error                 // of readable
}

// newPolledSocket returns nil if nc has no descriptor that carries its bytes as they are.
func newPolledSocket(nc net.Conn) Socket {
	var (
		raw syscall.RawConn
		err error
	)
	switch c := nc.(type) {
	case *net.TCPConn:
		raw, err = c.SyscallConn()
	case *net.UnixConn:
		raw, err = c.SyscallConn()
	default:
		return nil // among them TLS
	}
	if err != nil {
		return nil
	}
	s := &polledSocket{nc: nc, raw: raw}
	s.onReadable = s.readable
	if raw.Control(func(fd uintptr) { s.fd = int(fd) }) != nil {
		return nil
	}
	return s
}

func (s *polledSocket) Read(into Intake) error {
	s.into, s.err = into, nil
	if err := s.raw.Read(s.onReadable); err != nil {
		return err
	}
	return s.err
}

// readable reads once. It returns false if there is nothing to read: then the runtime parks the goroutine.
func (s *polledSocket) readable(fd uintptr) bool {
	for {
		n, err := sysRead(int(fd), s.into.Space())
		switch {
		case n > 0:
			s.into.Filled(n)
			return true
		case n == 0 && err == nil:
			s.err = io.EOF
			return true
		case err == syscall.EINTR:
		case err == syscall.EAGAIN:
			s.into.Park()
			return false
		default:
			s.err = os.NewSyscallError("read", err)
			return true
		}
	}
}

func (s *polledSocket) Write(p []byte) (int, error) {
	for done := 0; ; {
		n, err := sysWrite(s.fd, p[done:])
		if n > 0 {
			done += n
		}
		switch {
		case err == syscall.EINTR:
		case err == syscall.EAGAIN:
			return done, nil
		case err != nil:
			return done, os.NewSyscallError("write", err)
		default:
			// A short write means a full socket: asking again would only cost another call.
			return done, nil
		}
	}
}

func (s *polledSocket) WhenWritable(step func() bool) {
	// An error says that the socket is closed, which its owner knows.
	_ = s.raw.Write(func(uintptr) bool { return step() })
}

func (s *polledSocket) ReadDeadline(t time.Time) { _ = s.nc.SetReadDeadline(t) }

func (s *polledSocket) WriteDeadline(t time.Time) { _ = s.nc.SetWriteDeadline(t) }

func (s *polledSocket) AwaitHangUp() bool {
	gone := false
	err := s.raw.Read(func(fd uintptr) bool {
		var p [1]byte
		n, _, err := syscall.Recvfrom(int(fd), p[:], syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
		gone = n == 0 && err == nil || err != nil && err != syscall.EAGAIN && err != syscall.EINTR
		return gone // if not, the runtime calls again when more came, or the end
	})
	return err == nil && gone
}

func (s *polledSocket) CloseWrite() { _ = syscall.Shutdown(s.fd, syscall.SHUT_WR) }

func (s *polledSocket) Close(reset bool) {
	if c, ok := s.nc.(*net.TCPConn); ok && reset {
		_ = c.SetLinger(0)
	}
	_ = s.nc.Close()
}
