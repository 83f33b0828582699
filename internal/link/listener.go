package link

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/symphony-rtc/symphony/internal/ws"
)

// A Listener is the side of links that hosts have: a net.Listener whose connections are the streams of all links, and the
// http.Handler that requests for links go to. Make it with Listen.
type Listener struct {
	addr net.Addr

	mu      sync.Mutex
	waiting []*Stream // for Accept: a link does not wait for it, for it has other streams
	changed sync.Cond // waiting or over is not what it was
	over    bool      // Close was called
	ended   bool      // End was called
	links   map[*Link]struct{}
}

// Listen returns a Listener. addr is where the requests come.
func Listen(addr net.Addr) *Listener {
	l := &Listener{addr: addr, links: make(map[*Link]struct{})}
	l.changed.L = &l.mu
	return l
}

// Accept implements net.Listener.
func (l *Listener) Accept() (net.Conn, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for len(l.waiting) == 0 && !l.over {
		l.changed.Wait()
	}
	if l.over {
		return nil, net.ErrClosed
	}
	s := l.waiting[0]
	l.waiting[0] = nil
	l.waiting = l.waiting[1:]
	return s.Conn(), nil
}

// Addr implements net.Listener.
func (l *Listener) Addr() net.Addr { return l.addr }

// Close implements net.Listener: no streams are accepted any more, and those that wait for it are reset. Links, and the streams that were, go on until End.
func (l *Listener) Close() error {
	l.mu.Lock()
	waiting := l.waiting
	l.over, l.waiting = true, nil
	l.changed.Broadcast()
	l.mu.Unlock()
	for _, s := range waiting {
		s.Close(true)
	}
	return nil
}

// End ends all links, and waits until they have ended.
func (l *Listener) End() {
	_ = l.Close()
	l.mu.Lock()
	l.ended = true
	links := make([]*Link, 0, len(l.links))
	for k := range l.links {
		links = append(links, k)
	}
	l.mu.Unlock()
	for _, k := range links {
		k.Close()
	}
}

// ServeHTTP makes a link of a request's connection.
func (l *Listener) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet || !strings.EqualFold(r.Header.Get("Upgrade"), Protocol) {
		w.Header().Set("Upgrade", Protocol)
		http.Error(w, "links are for proxies", http.StatusUpgradeRequired)
		return
	}
	nc, rw, err := http.NewResponseController(w).Hijack()
	if err != nil {
		http.Error(w, "a link needs HTTP/1.1", http.StatusHTTPVersionNotSupported)
		return
	}
	in := new(intake)
	if n := rw.Reader.Buffered(); n > 0 { // frames that came with the request
		early, _ := rw.Reader.Peek(n) // cannot fail: they are there
		in.Filled(copy(in.Space(), early))
	}
	acceptance := "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: " + Protocol + "\r\n"
	if name := w.Header().Get(ws.HostHeader); name != "" {
		acceptance += ws.HostHeader + ": " + name + "\r\n"
	}
	if _, err := nc.Write([]byte(acceptance + "\r\n")); err != nil {
		_ = nc.Close()
		return
	}
	k := newLink(nc, l.take)
	l.mu.Lock()
	if l.ended {
		l.mu.Unlock()
		_ = nc.Close()
		return
	}
	l.links[k] = struct{}{}
	k.start(in)
	k.work.Go(func() {
		<-k.Done()
		l.mu.Lock()
		defer l.mu.Unlock()
		delete(l.links, k)
	})
	l.mu.Unlock()
}

// take hands a new stream to Accept.
func (l *Listener) take(s *Stream) {
	l.mu.Lock()
	if l.over {
		l.mu.Unlock()
		s.Close(true)
		return
	}
	l.waiting = append(l.waiting, s)
	l.changed.Signal()
	l.mu.Unlock()
}

// Errors of Client, wrapped by those that are about the other side's answer.
var (
	// ErrRefused: it does not want a link.
	ErrRefused = errors.New("refused")
	// ErrOther: it is not the host that was asked for.
	ErrOther = errors.New("another program has the host's address")
)

// Client asks for a link on a connection to a host, whose deadline bounds that, and returns its dialling side. The host must call itself
// host (see ws.HostHeader). The connection is the link's from then on, or closed if there is an error.
func Client(nc net.Conn, host string) (*Link, error) {
	in, err := ask(nc, host)
	if err != nil {
		_ = nc.Close()
		return nil, fmt.Errorf("ask for a link: %w", err)
	}
	_ = nc.SetDeadline(time.Time{})
	l := newLink(nc, nil)
	l.start(in)
	return l, nil
}

func ask(nc net.Conn, host string) (*intake, error) {
	request := "GET " + Path + " HTTP/1.1\r\nHost: host\r\nConnection: Upgrade\r\nUpgrade: " + Protocol + "\r\n" + ws.HostHeader + ": " + host + "\r\n\r\n"
	if _, err := nc.Write([]byte(request)); err != nil {
		return nil, err
	}
	r := bufio.NewReaderSize(nc, 4096)
	answer, err := http.ReadResponse(r, nil)
	switch {
	case errors.As(err, new(net.Error)), errors.Is(err, io.ErrUnexpectedEOF):
		return nil, err // of the connection
	case err != nil:
		return nil, fmt.Errorf("%w: %w", ErrOther, err)
	}
	_ = answer.Body.Close()
	switch name := answer.Header.Get(ws.HostHeader); {
	case name != host:
		return nil, fmt.Errorf("%w: it calls itself %.60q", ErrOther, name)
	case answer.StatusCode != http.StatusSwitchingProtocols || !strings.EqualFold(answer.Header.Get("Upgrade"), Protocol):
		return nil, fmt.Errorf("%w: %s", ErrRefused, answer.Status)
	}
	in := new(intake)
	if n := r.Buffered(); n > 0 {
		early, _ := r.Peek(n)
		in.Filled(copy(in.Space(), early))
	}
	return in, nil
}

var _ ws.Socket = (*Stream)(nil)
