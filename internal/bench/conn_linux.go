package bench

import (
	"bufio"
	"bytes"
	"crypto/sha1"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/symphony-rtc/symphony/internal/bench/payload"
)

// maxUnsent is how much may wait for a server that does not read before its connection is given up.
const maxUnsent = 1 << 20

// subprotocol is what Symphony's own clients offer.
const subprotocol = "symphony.v1"

// key is the Sec-WebSocket-Key of all connections and accept the server's proof of having read it (RFC 6455 section
// 4.2.2). A key need not be unpredictable for a load test.
var (
	key    = base64.StdEncoding.EncodeToString([]byte("symphony-bench-1"))
	accept = acceptOf(key)
)

func acceptOf(key string) string {
	sum := sha1.Sum([]byte(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
	return base64.StdEncoding.EncodeToString(sum[:])
}

// connect begins a user's TCP connection.
func (l *loop) connect(u *user) {
	u.began = l.now
	fd, err := l.target.socket(u.index)
	if err != nil {
		l.fail(u, err.Error())
		return
	}
	u.fd = int32(fd)
	u.state = connecting
	ev := unix.EpollEvent{Events: unix.EPOLLOUT, Fd: int32(u.index - l.first)}
	if err := unix.EpollCtl(l.epoll, unix.EPOLL_CTL_ADD, fd, &ev); err != nil {
		l.fail(u, fmt.Sprintf("watching a socket: %v", err))
		return
	}
	if err := unix.Connect(fd, l.target.addr()); err != nil && !errors.Is(err, unix.EINPROGRESS) {
		l.fail(u, fmt.Sprintf("TCP connect: %v", err))
	}
}

// event handles what epoll says about one socket.
func (l *loop) event(u *user, events uint32) {
	if u.state == gone {
		return // closed by an earlier event of the same batch
	}
	if u.state == connecting {
		l.connected(u)
		return
	}
	if events&unix.EPOLLOUT != 0 {
		l.flush(u)
	}
	if events&^uint32(unix.EPOLLOUT) != 0 && u.state != gone {
		l.read(u)
	}
}

// connected sends the upgrade request once TCP is up.
func (l *loop) connected(u *user) {
	if code, err := unix.GetsockoptInt(int(u.fd), unix.SOL_SOCKET, unix.SO_ERROR); err != nil || code != 0 {
		if err == nil {
			err = unix.Errno(code)
		}
		l.fail(u, fmt.Sprintf("TCP connect: %v", err))
		return
	}
	u.state = upgrading
	request := "GET " + l.target.path(u.index/l.cfg.RoomSize) + " HTTP/1.1\r\nHost: " + l.target.host +
		"\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: " + key + "\r\n"
	if l.offers(u) {
		request += "Sec-WebSocket-Protocol: " + subprotocol + "\r\n"
	}
	l.watch(u, unix.EPOLLIN)
	l.write(u, []byte(request+"\r\n"))
}

// offers tells whether a user offers symphony.v1: an even share of them, so that rooms are mixed.
func (l *loop) offers(u *user) bool {
	share := l.cfg.SymphonyShare
	return int(float64(u.index+1)*share) > int(float64(u.index)*share)
}

func (l *loop) watch(u *user, events uint32) {
	ev := unix.EpollEvent{Events: events, Fd: int32(u.index - l.first)}
	if err := unix.EpollCtl(l.epoll, unix.EPOLL_CTL_MOD, int(u.fd), &ev); err != nil {
		l.drop(u, fmt.Sprintf("1006 watching a socket: %v", err))
	}
}

// read takes what has arrived for a user: one read per event, since epoll reports what is left.
func (l *loop) read(u *user) {
	kept := len(u.in)
	if kept > len(l.buf)/2 {
		l.buf = make([]byte, 2*len(l.buf)) // a frame larger than the buffer is arriving
	}
	copy(l.buf, u.in)
	n, errno := readRaw(u.fd, l.buf[kept:])
	l.now = l.ctl.now()
	switch {
	case errno == unix.EAGAIN || errno == unix.EINTR:
		return
	case errno != 0:
		l.ended(u, errno.Error())
		return
	case n == 0:
		l.ended(u, "")
		return
	}
	data := l.buf[:kept+n]
	if u.state == upgrading {
		end := bytes.Index(data, []byte("\r\n\r\n"))
		if end < 0 {
			u.in = append(u.in[:0], data...)
			return
		}
		if err := l.upgraded(u, data[:end+4]); err != nil {
			l.fail(u, fmt.Sprintf("WebSocket upgrade: %v", err))
			return
		}
		data = data[end+4:]
	}
	for len(data) > 0 {
		f, size, err := nextFrame(data)
		if err != nil {
			l.drop(u, "1002 "+err.Error())
			return
		}
		if size == 0 {
			break
		}
		data = data[size:]
		l.frame(u, f)
		if u.state == gone {
			return
		}
	}
	u.in = append(u.in[:0], data...)
}

// upgraded checks the server's answer to the upgrade and begins the sync handshake.
func (l *loop) upgraded(u *user, header []byte) error {
	res, err := http.ReadResponse(bufio.NewReader(bytes.NewReader(header)), nil)
	if err != nil {
		return fmt.Errorf("the answer is not HTTP: %w", err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusSwitchingProtocols {
		return fmt.Errorf("the server answered %s", res.Status)
	}
	if res.Header.Get("Sec-WebSocket-Accept") != accept {
		return errors.New("the server's Sec-WebSocket-Accept is wrong")
	}
	if chosen := res.Header.Get("Sec-WebSocket-Protocol"); chosen != "" && (chosen != subprotocol || !l.offers(u)) {
		return fmt.Errorf("the server chose the subprotocol %q, which was not offered", chosen)
	}
	u.state = joining
	l.message = payload.AppendStep1(l.message[:0])
	l.send(u, opBinary, l.message)
	l.present(u)
	return nil
}

// frame handles one WebSocket frame.
func (l *loop) frame(u *user, f frame) {
	switch f.opcode {
	case opPing:
		l.send(u, opPong, f.payload)
	case opPong:
	case opClose:
		code, reason := closeReason(f.payload)
		l.send(u, opClose, f.payload)
		l.drop(u, fmt.Sprintf("%d %s", code, reason))
	case opBinary, opContinuation:
		if !f.final || f.opcode == opContinuation {
			u.part = append(u.part, f.payload...)
			if !f.final {
				return
			}
			f.payload, u.part = u.part, nil
		}
		l.receive(u, f.payload)
	default:
		l.errors[fmt.Sprintf("a frame with opcode %d, wanted binary ones", f.opcode)]++
	}
}

// send writes one message.
func (l *loop) send(u *user, opcode byte, message []byte) {
	l.framed = appendFrame(l.framed[:0], opcode, message, l.mask())
	l.write(u, l.framed)
}

// write hands bytes to the socket and keeps what it does not take.
func (l *loop) write(u *user, data []byte) {
	if u.deaf {
		return
	}
	if len(u.out) > 0 {
		if len(u.out)+len(data) > maxUnsent {
			l.drop(u, "1006 the server reads slower than this user writes")
			return
		}
		u.out = append(u.out, data...)
		return
	}
	n, errno := writeRaw(u.fd, data)
	switch errno {
	case 0:
	case unix.EAGAIN, unix.EINTR:
		n = 0
	default:
		u.deaf = true // why is told by reading the rest: there may be a close frame
		return
	}
	if n < len(data) {
		u.out = append(u.out, data[n:]...)
		l.watch(u, unix.EPOLLIN|unix.EPOLLOUT)
	}
}

// flush writes what was kept.
func (l *loop) flush(u *user) {
	n, errno := writeRaw(u.fd, u.out)
	switch errno {
	case 0:
	case unix.EAGAIN, unix.EINTR:
		return
	default:
		u.deaf, n = true, len(u.out)
	}
	u.out = u.out[:copy(u.out, u.out[n:])]
	if len(u.out) == 0 {
		l.watch(u, unix.EPOLLIN)
	}
}

// readRaw and writeRaw skip the scheduler's bookkeeping of system calls: on a non-blocking socket they return at once.
func readRaw(fd int32, buf []byte) (int, unix.Errno) {
	n, _, errno := unix.RawSyscall(unix.SYS_READ, uintptr(fd), uintptr(unsafe.Pointer(&buf[0])), uintptr(len(buf)))
	return int(n), errno
}

func writeRaw(fd int32, data []byte) (int, unix.Errno) {
	n, _, errno := unix.RawSyscall(unix.SYS_WRITE, uintptr(fd), uintptr(unsafe.Pointer(&data[0])), uintptr(len(data)))
	return int(n), errno
}
