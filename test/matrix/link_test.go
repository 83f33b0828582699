package matrix

import (
	"bytes"
	"net"
	"sync"
	"testing"
	"time"
)

// weather is what a link does to the bytes that pass.
type weather struct {
	refuse bool          // new connections are ended at once
	freeze bool          // nothing passes, nothing ends
	rate   int           // bytes per second in each direction of each connection; 0: no limit
	delay  time.Duration // passes before what the server says is passed on
	// cut, if not nil, sees what the client says. It ends the connection when the server has got half of that, or all.
	cut func(chunk []byte) (half, all bool)
}

// link is a TCP proxy before a server.
type link struct {
	addr     string
	upstream string
	listener net.Listener
	wg       sync.WaitGroup

	mu      sync.Mutex
	now     weather
	changed chan struct{} // closed when now changes
	conns   map[net.Conn]bool
	closed  bool
}

func newLink(t *testing.T, upstream string) *link {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &link{addr: l.Addr().String(), upstream: upstream, listener: l, changed: make(chan struct{}), conns: map[net.Conn]bool{}}
	p.wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			p.wg.Go(func() { p.serve(c) })
		}
	})
	t.Cleanup(func() {
		p.set(weather{})
		l.Close()
		p.mu.Lock()
		p.closed = true
		p.mu.Unlock()
		p.cutAll()
		p.wg.Wait()
	})
	return p
}

// set changes the weather for all connections, those that exist and new ones.
func (p *link) set(w weather) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.now = w
	close(p.changed)
	p.changed = make(chan struct{})
}

// cutAll ends all connections.
func (p *link) cutAll() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.conns {
		c.Close()
	}
}

func (p *link) serve(client net.Conn) {
	defer client.Close()
	server, err := net.DialTimeout("tcp", p.upstream, 5*time.Second)
	if err != nil {
		return
	}
	defer server.Close()
	p.mu.Lock()
	if p.now.refuse || p.closed {
		p.mu.Unlock()
		return
	}
	gone := make(chan struct{})
	p.conns[client], p.conns[server] = true, true
	p.mu.Unlock()
	var once sync.Once
	end := func() {
		once.Do(func() {
			close(gone)
			client.Close()
			server.Close()
		})
	}
	p.wg.Go(func() {
		defer end()
		p.pass(server, client, gone, false)
	})
	p.pass(client, server, gone, true)
	end()
	p.mu.Lock()
	delete(p.conns, client)
	delete(p.conns, server)
	p.mu.Unlock()
}

// pass carries bytes in one direction until the connection ends.
func (p *link) pass(from, to net.Conn, gone <-chan struct{}, fromClient bool) {
	buffer := make([]byte, 16<<10)
	for {
		n, err := from.Read(buffer)
		if err != nil {
			return
		}
		chunk := buffer[:n]
		w, ok := p.wait(n, gone, fromClient)
		if !ok {
			return
		}
		var half, all bool
		if fromClient && w.cut != nil {
			half, all = w.cut(chunk)
		}
		if half {
			chunk = chunk[:n/2]
		}
		if _, err := to.Write(chunk); err != nil || half || all {
			return
		}
	}
}

// wait holds n bytes back for as long as the weather wants. It reports false if the connection ended meanwhile.
func (p *link) wait(n int, gone <-chan struct{}, fromClient bool) (weather, bool) {
	began := time.Now()
	for {
		p.mu.Lock()
		w, changed := p.now, p.changed
		p.mu.Unlock()
		var left time.Duration
		if w.rate > 0 {
			left = time.Duration(n) * time.Second / time.Duration(w.rate)
		}
		if !fromClient {
			left += w.delay
		}
		left -= time.Since(began)
		if w.freeze {
			left = time.Hour
		}
		if left <= 0 {
			return w, true
		}
		timer := time.NewTimer(left)
		select {
		case <-timer.C:
		case <-changed:
		case <-gone:
			timer.Stop()
			return w, false
		}
		timer.Stop()
	}
}

// aCommit reports whether a client of Postgres says something that ends in a transaction: the journal's statement, which is
// one by itself, or COMMIT.
func aCommit(chunk []byte) bool {
	return bytes.Contains(chunk, []byte("\x00append\x00")) || bytes.Contains(chunk, []byte("commit\x00"))
}
