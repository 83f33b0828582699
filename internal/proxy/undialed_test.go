//go:build linux

package proxy

import (
	"bufio"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/symphony-rtc/symphony/internal/cluster"
	"github.com/symphony-rtc/symphony/internal/link"
	"github.com/symphony-rtc/symphony/internal/ws"
)

// A proxy that has no descriptors left cannot reach any host, and must not take hosts for dead that serve everybody else.
func TestProxyWithoutDescriptors(t *testing.T) {
	w := newWorld(t)
	host := w.scripted("h").claim("r")
	d := w.proxy(Options{}, nil)
	s := dialRoom(t, d.addr, "r", false)
	c := host.next()
	c.send(stepOne)
	s.message(stepOne)
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	none := limit
	none.Cur = 1
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &none); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
			t.Fatal(err)
		}
	}()
	host.conns.reset()
	eventually(t, "some tries", func() bool { return d.Stats().DialErrors > 3 })
	if n := d.Stats().Forgotten; n > 0 || w.owner("r") != "h" {
		t.Errorf("%d claims were ended; the room is with %q", n, w.owner("r"))
	}
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	c = host.next()
	c.send(stepOne)
	s.message(stepOne)
}

// crowded is an address at which a process listens, and has no time to accept connections. accept ends that.
func crowded(t *testing.T, domain int, addr syscall.Sockaddr) (fd int, accept func() net.Listener) {
	t.Helper()
	fd, err := syscall.Socket(domain, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Bind(fd, addr); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Listen(fd, 0); err != nil {
		t.Fatal(err)
	}
	return fd, func() net.Listener {
		file := os.NewFile(uintptr(fd), "crowded")
		defer file.Close()
		ln, err := net.FileListener(file)
		if err != nil {
			t.Fatal(err)
		}
		if err := syscall.Listen(fd, 100); err != nil {
			t.Fatal(err)
		}
		return ln
	}
}

// A host on a Unix socket whose queue of connections is full is busy, and not dead: many clients come to it at once.
func TestHostWithAFullQueue(t *testing.T) {
	w := newWorld(t)
	d := w.proxy(Options{}, nil)
	sock := filepath.Join(t.TempDir(), "host.sock")
	_, accept := crowded(t, syscall.AF_UNIX, &syscall.SockaddrUnix{Name: sock})
	var queued []net.Conn
	for {
		nc, err := net.Dial("unix", sock)
		if err != nil {
			break
		}
		queued = append(queued, nc)
	}
	seat, err := w.registry.Join(t.Context(), cluster.Host{ID: "h", Address: "unix:" + sock, Capacity: 10})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := seat.Claim(t.Context(), "r"); err != nil {
		t.Fatal(err)
	}
	s := dialRoom(t, d.addr, "r", false)
	eventually(t, "some tries", func() bool { return d.Stats().DialErrors > 3 })
	if n := d.Stats().Forgotten; n > 0 || w.owner("r") != "h" {
		t.Errorf("%d claims were ended; the room is with %q", n, w.owner("r"))
	}
	for _, nc := range queued {
		_ = nc.Close()
	}
	ln := accept()
	links := link.Listen(ln.Addr())
	server := &http.Server{Handler: ws.Addressed(links, "h")}
	served := make(chan struct{})
	go func() {
		defer close(served)
		_ = server.Serve(ln)
	}()
	defer func() {
		_ = server.Close()
		links.End()
		<-served
	}()
	nc, err := links.Accept()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := http.ReadRequest(bufio.NewReader(nc)); err != nil {
		t.Fatal(err)
	}
	if _, err := nc.Write(append(ws.Acceptance("", false), framed(stepOne)...)); err != nil {
		t.Fatal(err)
	}
	s.message(stepOne)
	_ = s.nc.Close()
	eventually(t, "gone", func() bool { return d.Stats().Connections == 0 })
}

// A client that goes while its proxy connects to a host says nothing about the host.
func TestClientThatGoesWhileItsHostIsDialed(t *testing.T) {
	w := newWorld(t)
	d := w.proxy(Options{DialTimeout: patience}, nil)
	fd, accept := crowded(t, syscall.AF_INET, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}})
	defer func() { _ = accept().Close() }()
	name, err := syscall.Getsockname(fd)
	if err != nil {
		t.Fatal(err)
	}
	addr := (&net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: name.(*syscall.SockaddrInet4).Port}).String()
	for { // fill its queue: further connections get no answer
		nc, err := net.DialTimeout("tcp", addr, 300*time.Millisecond)
		if err != nil {
			break
		}
		defer nc.Close()
	}
	if _, err := w.registry.Join(t.Context(), cluster.Host{ID: "h", Address: addr, Capacity: 10}); err != nil {
		t.Fatal(err)
	}
	s := dialRoom(t, d.addr, "r", false)
	eventually(t, "dials", func() bool { return d.Stats().Dials == 1 })
	room := d.room("r")
	_ = s.nc.Close()
	eventually(t, "gone", func() bool { return d.Stats().Connections == 0 })
	room.mu.Lock()
	defer room.mu.Unlock()
	if room.failed != "" || room.tries > 0 || len(room.avoid) > 0 {
		t.Errorf("the host is blamed: failed %q, %d tries, avoided %v", room.failed, room.tries, room.avoid)
	}
}

// room is what the proxy knows of a room that somebody is in.
func (d *door) room(id string) *room {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.rooms[id]
}
