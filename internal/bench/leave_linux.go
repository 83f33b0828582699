package bench

import (
	"strings"

	"golang.org/x/sys/unix"
)

// ended handles the end of a connection without a close frame.
func (l *loop) ended(u *user, why string) {
	if u.state == upgrading {
		l.fail(u, "WebSocket upgrade: connection closed "+why)
		return
	}
	l.drop(u, "1006 "+why)
}

// fail gives up a connection that never was one.
func (l *loop) fail(u *user, why string) {
	l.errors[why]++
	l.release(u)
}

// drop ends a connection that the server ended, or that cannot go on; after our own goodbye it is no disconnect.
func (l *loop) drop(u *user, why string) {
	if u.state != closing && u.state != gone {
		l.disconnects[strings.TrimSpace(why)]++
	}
	l.release(u)
}

// release frees a connection's socket and its seat.
func (l *loop) release(u *user) {
	switch u.state {
	case gone:
		return
	case ready:
		l.ready--
		u.room.ready--
	case waiting, connecting, upgrading, joining:
		l.failed++
		l.opening--
	}
	if u.fd >= 0 {
		_ = unix.Close(int(u.fd)) // nothing is left to be done about a socket that does not close
		u.fd = -1
	}
	u.state = gone
	u.in, u.out, u.part = nil, nil, nil
}

// settle says goodbye to the server on all connections.
func (l *loop) settle() {
	for i := range l.users {
		u := &l.users[i]
		switch u.state {
		case ready:
			l.undurable += len(u.syncs)
			u.state = closing
			l.ready--
			u.room.ready--
			l.send(u, opClose, []byte{1000 >> 8, 1000 & 0xff})
		case waiting, connecting, upgrading, joining:
			if u.state != waiting {
				l.release(u)
			}
		}
	}
}

// abandon closes what the server has not closed in time. With a linger time of zero no port stays occupied.
func (l *loop) abandon() {
	for i := range l.users {
		if u := &l.users[i]; u.fd >= 0 {
			_ = unix.SetsockoptLinger(int(u.fd), unix.SOL_SOCKET, unix.SO_LINGER, &unix.Linger{Onoff: 1})
			l.release(u)
		}
	}
}
