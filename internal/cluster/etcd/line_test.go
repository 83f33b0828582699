package etcd_test

import (
	"io"
	"net"
	"sync"
	"testing"
)

// line is the network between a process and etcd. It can be frozen, so that nothing gets through and nobody is told, and cut.
type line struct {
	Addr string

	to string
	ln net.Listener
	wg sync.WaitGroup

	mu     sync.Mutex
	thaw   *sync.Cond
	frozen bool
	cut    bool
	conns  map[net.Conn]struct{}
}

// lay makes a line to an address, over connections that listen accepts.
func lay(t testing.TB, ln net.Listener, to string) *line {
	l := &line{Addr: ln.Addr().String(), to: to, ln: ln, conns: make(map[net.Conn]struct{})}
	l.thaw = sync.NewCond(&l.mu)
	l.wg.Go(l.accept)
	t.Cleanup(func() {
		ln.Close()
		l.Cut()
		l.wg.Wait()
	})
	return l
}

func listen(t testing.TB) net.Listener {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return ln
}

func (l *line) accept() {
	for {
		near, err := l.ln.Accept()
		if err != nil {
			return
		}
		l.wg.Go(func() {
			defer near.Close()
			far, err := net.Dial("tcp", l.to)
			if err != nil {
				return
			}
			defer far.Close()
			if !l.add(near, far) {
				return
			}
			defer l.remove(near, far)
			done := make(chan struct{}, 2)
			for _, way := range [][2]net.Conn{{near, far}, {far, near}} {
				l.wg.Go(func() {
					l.pass(way[0], way[1])
					done <- struct{}{}
				})
			}
			<-done
		})
	}
}

func (l *line) pass(from io.Reader, to io.Writer) {
	buffer := make([]byte, 32<<10)
	for {
		n, err := from.Read(buffer)
		l.mu.Lock()
		for l.frozen && !l.cut {
			l.thaw.Wait()
		}
		l.mu.Unlock()
		if n > 0 {
			if _, err := to.Write(buffer[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

func (l *line) add(conns ...net.Conn) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, c := range conns {
		l.conns[c] = struct{}{}
	}
	return !l.cut
}

func (l *line) remove(conns ...net.Conn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, c := range conns {
		delete(l.conns, c)
	}
}

// Freeze lets nothing through any more.
func (l *line) Freeze() { l.set(true, false) }

// Cut ends all connections and lets none be made.
func (l *line) Cut() { l.set(false, true) }

// Mend ends Freeze and Cut.
func (l *line) Mend() { l.set(false, false) }

func (l *line) set(frozen, cut bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.frozen, l.cut = frozen, cut
	l.thaw.Broadcast()
	if cut {
		for c := range l.conns {
			c.Close()
		}
	}
}
