package postgres

import (
	"bytes"
	"net"
	"sync"
	"testing"
)

// proxy stands between a host and the server and can lose connections and answers.
type proxy struct {
	addr     string
	upstream string
	listener net.Listener
	wg       sync.WaitGroup

	mu      sync.Mutex
	conns   map[net.Conn]bool
	refuse  bool
	trigger []byte        // a client's bytes with this in them are answered by the end of the connection
	fired   chan struct{} // closed when that has happened
}

func newProxy(t *testing.T, upstream string) *proxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{addr: l.Addr().String(), upstream: upstream, listener: l, conns: make(map[net.Conn]bool)}
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
		l.Close()
		p.cut(true)
		p.wg.Wait()
	})
	return p
}

// loseAnswer lets the server have the next bytes with trigger in them, and cuts the connection instead of passing on the answer.
// The channel is closed after that. Further connections are refused then if refuse is set.
func (p *proxy) loseAnswer(trigger string) <-chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.trigger, p.fired = []byte(trigger), make(chan struct{})
	return p.fired
}

// cut ends all connections. With refuse, new ones are ended at once until allow.
func (p *proxy) cut(refuse bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.refuse = refuse
	for c := range p.conns {
		c.Close()
	}
}

func (p *proxy) allow() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.refuse = false
}

func (p *proxy) serve(client net.Conn) {
	defer client.Close()
	server, err := net.Dial("tcp", p.upstream)
	if err != nil {
		return
	}
	defer server.Close()
	p.mu.Lock()
	if p.refuse {
		p.mu.Unlock()
		return
	}
	p.conns[client], p.conns[server] = true, true
	p.mu.Unlock()
	defer func() {
		p.mu.Lock()
		delete(p.conns, client)
		delete(p.conns, server)
		p.mu.Unlock()
	}()
	lose := make(chan chan struct{}, 1) // tells the other direction to lose what comes next
	p.wg.Go(func() {
		defer client.Close()
		buffer := make([]byte, 64<<10)
		for {
			n, err := server.Read(buffer)
			if err != nil {
				return
			}
			select {
			case fired := <-lose:
				p.mu.Lock()
				p.refuse = true
				p.mu.Unlock()
				client.Close()
				close(fired)
				return
			default:
			}
			if _, err := client.Write(buffer[:n]); err != nil {
				return
			}
		}
	})
	buffer := make([]byte, 64<<10)
	for {
		n, err := client.Read(buffer)
		if err != nil {
			return
		}
		p.mu.Lock()
		if p.trigger != nil && bytes.Contains(buffer[:n], p.trigger) {
			lose <- p.fired
			p.trigger = nil
		}
		p.mu.Unlock()
		if _, err := server.Write(buffer[:n]); err != nil {
			return
		}
	}
}
