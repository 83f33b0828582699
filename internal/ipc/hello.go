package ipc

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"time"
)

// helloPatience is how long the other side may take for its hello.
const helloPatience = 10 * time.Second

// maxHello is the longest body of a hello that anybody sends.
const maxHello = 1 << 10

// maxPath is the longest path that the name of a Unix socket may have on every system.
const maxPath = 103

// ErrOtherVersion is wrapped by errors about a process that speaks otherwise.
var ErrOtherVersion = errors.New("the process at the other end is another version of symphony")

// Listen makes a Unix socket that only this user can connect to. The directory should be the user's own, so that
// nobody can connect in the moment before the socket has its mode.
func Listen(path string) (net.Listener, error) {
	if len(path) > maxPath {
		return nil, fmt.Errorf("listen on %s: the path of a socket has at most %d bytes, this has %d; use a shorter directory", path, maxPath, len(path))
	}
	l, err := net.Listen("unix", path)
	if err != nil {
		return nil, err
	}
	if err := os.Chmod(path, 0o600); err != nil {
		l.Close()
		return nil, fmt.Errorf("protect the socket: %w", err)
	}
	return l, nil
}

// path is the path of an address: the path itself, or that with unix: before it.
func path(address string) string { return strings.TrimPrefix(address, "unix:") }

// greet sends this side's hello and checks that of the other.
func (p Protocol) greet(c net.Conn) error {
	c.SetDeadline(time.Now().Add(helloPatience))
	mine := []byte(p.text())
	frame := append(appendHeader(nil, header{length: uint32(len(mine)), kind: kindHello}), mine...)
	if _, err := c.Write(frame); err != nil {
		return fmt.Errorf("send hello: %w", err)
	}
	var head [headerBytes]byte
	if _, err := io.ReadFull(c, head[:]); err != nil {
		return fmt.Errorf("wait for hello: %w", err)
	}
	h, err := parseHeader(head[:])
	if err != nil || h.kind != kindHello || h.length > maxHello {
		return errors.New("the process at the other end did not say hello: it is not of symphony")
	}
	theirs := make([]byte, h.length)
	if _, err := io.ReadFull(c, theirs); err != nil {
		return fmt.Errorf("wait for hello: %w", err)
	}
	if !bytes.Equal(mine, theirs) {
		return fmt.Errorf("%w: it speaks %q, this one %q; start both anew from the same program", ErrOtherVersion, theirs, mine)
	}
	return c.SetDeadline(time.Time{})
}
