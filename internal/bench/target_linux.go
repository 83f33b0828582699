package bench

import (
	"fmt"
	"net"

	"golang.org/x/sys/unix"
)

// target is the server as sockets need it.
type target struct {
	host   string               // for the Host header
	addr   func() unix.Sockaddr // a new one each time: a system call writes into it
	family int
	spread bool // on loopback: use several source addresses, since one has only some 28,000 ports
	path   func(room int) string
}

// portsPerSource is how many connections share a source address.
const portsPerSource = 20_000

// socket makes a non-blocking socket for user i.
func (t target) socket(i int) (int, error) {
	fd, err := unix.Socket(t.family, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, unix.IPPROTO_TCP)
	if err != nil {
		return -1, fmt.Errorf("opening a socket: %w", err)
	}
	if err := unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1); err != nil {
		unix.Close(fd)
		return -1, fmt.Errorf("setting TCP_NODELAY: %w", err)
	}
	if source := i / portsPerSource; t.spread && source > 0 {
		_ = unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_BIND_ADDRESS_NO_PORT, 1) // without it ports run out earlier
		if err := unix.Bind(fd, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, byte(1 + source)}}); err != nil {
			unix.Close(fd)
			return -1, fmt.Errorf("binding to 127.0.0.%d: %w", 1+source, err)
		}
	}
	return fd, nil
}

// resolve finds the server's address.
func resolve(host string) (target, error) {
	addr, err := net.ResolveTCPAddr("tcp", host)
	if err != nil {
		return target{}, fmt.Errorf("resolving %s (the URL needs a port): %w", host, err)
	}
	if ip := addr.IP.To4(); ip != nil || addr.IP == nil {
		sa := unix.SockaddrInet4{Port: addr.Port, Addr: [4]byte{127, 0, 0, 1}}
		copy(sa.Addr[:], ip)
		fresh := func() unix.Sockaddr { return &unix.SockaddrInet4{Port: sa.Port, Addr: sa.Addr} }
		return target{host: host, addr: fresh, family: unix.AF_INET, spread: sa.Addr[0] == 127}, nil
	}
	fresh := func() unix.Sockaddr { return &unix.SockaddrInet6{Port: addr.Port, Addr: [16]byte(addr.IP.To16())} }
	return target{host: host, addr: fresh, family: unix.AF_INET6}, nil
}
