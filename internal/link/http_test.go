package link

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/symphony-rtc/symphony/internal/ws"
)

// A host is one as a proxy sees it: it takes links, and serves HTTP over their streams.
type host struct {
	links  *Listener
	server *http.Server
	addr   string
	served chan error
}

const hostID = "host-1"

func newHost(t *testing.T, handler http.Handler) *host {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	h := &host{links: Listen(listener.Addr()), addr: listener.Addr().String(), served: make(chan error, 2)}
	mux := http.NewServeMux()
	mux.Handle(Path, h.links)
	mux.Handle("/", handler)
	h.server = &http.Server{Handler: ws.Addressed(mux, hostID)}
	go func() { h.served <- h.server.Serve(listener) }()
	go func() { h.served <- h.server.Serve(h.links) }()
	t.Cleanup(func() {
		_ = h.server.Close()
		h.links.End()
		if n := len(h.links.links); n != 0 {
			t.Errorf("%d links are left", n)
		}
		within(t, "both servers", func() {
			for range cap(h.served) {
				if err := <-h.served; !errors.Is(err, http.ErrServerClosed) {
					t.Error(err)
				}
			}
		})
	})
	return h
}

func (h *host) dial(t *testing.T) net.Conn {
	t.Helper()
	nc, err := net.Dial("tcp", h.addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = nc.Close() })
	return nc
}

func (h *host) link(t *testing.T) *Link {
	t.Helper()
	l, err := Client(h.dial(t), hostID)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.Close)
	return l
}

func openConn(t *testing.T, l *Link) net.Conn {
	t.Helper()
	s, err := l.Open()
	if err != nil {
		t.Fatal(err)
	}
	return s.Conn()
}

// echo takes what comes after a handshake, and sends it back.
func echo(w http.ResponseWriter, r *http.Request) {
	if refusal := ws.CheckUpgrade(r); refusal != nil {
		ws.Refuse(w, refusal)
		return
	}
	nc, rw, err := http.NewResponseController(w).Hijack()
	if err != nil {
		ws.Refuse(w, err)
		return
	}
	go func() {
		defer nc.Close()
		early, _ := rw.Reader.Peek(rw.Reader.Buffered())
		_, _ = nc.Write(append(ws.Acceptance(r.Header.Get("Sec-Websocket-Key"), false), early...))
		_, _ = io.Copy(nc, nc)
	}()
}

const handshake = "GET /rooms/x HTTP/1.1\r\nHost: host\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n" +
	"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"

func readHandshake(t *testing.T, nc net.Conn) *bufio.Reader {
	t.Helper()
	r := bufio.NewReader(nc)
	answer, err := http.ReadResponse(r, nil)
	if err != nil {
		t.Fatal(err)
	}
	if answer.StatusCode != http.StatusSwitchingProtocols {
		t.Fatalf("the answer to the handshake is %s", answer.Status)
	}
	return r
}

func TestWebSocketsOverALink(t *testing.T) {
	l := newHost(t, http.HandlerFunc(echo)).link(t)
	for i := range 20 {
		nc := openConn(t, l)
		defer nc.Close()
		early, late := noise(uint64(i), 1<<(i%16)), noise(uint64(i), 100_000)
		if i%5 == 0 {
			early = nil
		}
		if _, err := nc.Write(append([]byte(handshake), early...)); err != nil {
			t.Fatal(err)
		}
		r := readHandshake(t, nc)
		if _, err := nc.Write(late); err != nil {
			t.Fatal(err)
		}
		nc.(netConn).s.CloseWrite()
		if got, err := io.ReadAll(r); err != nil || string(got) != string(early)+string(late) {
			t.Fatalf("%d of %d and %d bytes came back: %v", len(got), len(early), len(late), err)
		}
	}
}

// Streams that are opened, and frames that are sent, before the answer to the request for a link has been read.
func TestFramesThatComeWithTheRequest(t *testing.T) {
	h := newHost(t, http.HandlerFunc(echo))
	nc := h.dial(t)
	request := "GET " + Path + " HTTP/1.1\r\nHost: host\r\nConnection: Upgrade\r\nUpgrade: " + Protocol + "\r\n\r\n"
	send(t, nc, append([]byte(request), frames{}.frame(kindOpen, 1, "").frame(kindData, 1, handshake+"hello").frame(kindEnd, 1, "")...))
	r := readHandshake(t, nc)
	var got []byte
	for !strings.HasSuffix(string(got), "hello") {
		b, err := r.ReadByte()
		if err != nil {
			t.Fatalf("after %q: %v", got, err)
		}
		got = append(got, b)
	}
}

func TestOrdinaryRequestsOverALink(t *testing.T) {
	l := newHost(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		all, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		_, _ = w.Write(all)
	})).link(t)
	transport := &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) {
		s, err := l.Open()
		if err != nil {
			return nil, err
		}
		return s.Conn(), nil
	}}
	defer transport.CloseIdleConnections()
	for i := range 20 {
		sent := string(noise(uint64(i), 1<<i))
		answer, err := (&http.Client{Transport: transport}).Post("http://host/", "", strings.NewReader(sent))
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(answer.Body)
		_ = answer.Body.Close()
		if err != nil || string(got) != sent {
			t.Fatalf("%d of %d bytes came back: %v", len(got), len(sent), err)
		}
	}
	if n := l.Streams(); n != 1 {
		t.Errorf("%d streams for one idle connection", n)
	}
}

// Shutdown of net/http waits for requests, ends idle connections, and leaves alone what was hijacked.
func TestShutdownOfTheServer(t *testing.T) {
	asked, answer := make(chan struct{}), make(chan struct{})
	h := newHost(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/slow" {
			close(asked)
			<-answer
			_, _ = io.WriteString(w, "done")
			return
		}
		echo(w, r)
	}))
	l := h.link(t)
	hijacked := openConn(t, l)
	if _, err := hijacked.Write([]byte(handshake)); err != nil {
		t.Fatal(err)
	}
	r := readHandshake(t, hijacked)
	slow := openConn(t, l)
	if _, err := slow.Write([]byte("GET /slow HTTP/1.1\r\nHost: host\r\n\r\n")); err != nil {
		t.Fatal(err)
	}
	<-asked
	shutdown := make(chan error, 1)
	go func() { shutdown <- h.server.Shutdown(context.Background()) }()
	until(t, "the listener is closed", func() bool {
		h.links.mu.Lock()
		defer h.links.mu.Unlock()
		return h.links.over
	})

	// Nobody accepts streams any more. They are reset, and the link goes on.
	late := openConn(t, l)
	if _, err := late.Read(make([]byte, 1)); err == nil || err == io.EOF {
		t.Errorf("a stream that nobody accepts: %v", err)
	}
	select {
	case err := <-shutdown:
		t.Fatalf("Shutdown did not wait for a request: %v", err)
	default:
	}
	close(answer)
	if got, err := io.ReadAll(slow); err != nil || !strings.HasSuffix(string(got), "done") {
		t.Errorf("%q, %v", got, err)
	}
	within(t, "Shutdown", func() {
		if err := <-shutdown; err != nil {
			t.Error(err)
		}
	})
	if _, err := hijacked.Write([]byte("still here")); err != nil {
		t.Fatal(err)
	}
	got := make([]byte, len("still here"))
	if _, err := io.ReadFull(r, got); err != nil || string(got) != "still here" {
		t.Errorf("%q, %v", got, err)
	}
	within(t, "End", h.links.End)
	if _, err := hijacked.Read(make([]byte, 1)); err == nil || err == io.EOF {
		t.Errorf("a stream of a link that has ended: %v", err)
	}
	within(t, "the dialling side", func() { <-l.Done() })
}

// A side that breaks the rules, or stops reading in the middle, harms no link but its own.
func TestLinksAreIndependent(t *testing.T) {
	h := newHost(t, http.HandlerFunc(echo))
	good := openConn(t, h.link(t))
	if _, err := good.Write([]byte(handshake)); err != nil {
		t.Fatal(err)
	}
	r := readHandshake(t, good)
	for _, bad := range []frames{
		frames{}.frame(99, 0, ""),
		frames{}.frame(kindOpen, 1, "").frame(kindData, 1, handshake).frame(kindOpen, 1, ""),
		frames{}.frame(kindOpen, 1, "").window(1, 1),
	} {
		l := h.link(t)
		send(t, l.nc, bad)
		within(t, "the link", l.work.Wait)
	}
	for range 3 { // these stay, and say nothing more
		send(t, h.link(t).nc, frames{}.frame(kindOpen, 1, "").frame(kindData, 1, "GET")[:21])
	}
	if _, err := good.Write([]byte("still here")); err != nil {
		t.Fatal(err)
	}
	got := make([]byte, len("still here"))
	if _, err := io.ReadFull(r, got); err != nil || string(got) != "still here" {
		t.Errorf("%q, %v", got, err)
	}
}

// A link goes on, and ends, although nobody accepts its streams: when its connection does, and when the Listener does.
func TestStreamsThatNobodyAccepts(t *testing.T) {
	for name, ends := range map[string]func(links *Listener, raw net.Conn){
		"the connection": func(_ *Listener, raw net.Conn) { _ = raw.Close() },
		"the listener":   func(links *Listener, _ net.Conn) { links.End() },
	} {
		t.Run(name, func(t *testing.T) {
			links := Listen(nil)
			defer links.End()
			server := &http.Server{Handler: links}
			defer server.Close()
			listener, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			go func() { _ = server.Serve(listener) }()
			h := &host{addr: listener.Addr().String()}
			raw := h.dial(t)
			send(t, raw, []byte("GET "+Path+" HTTP/1.1\r\nHost: host\r\nConnection: Upgrade\r\nUpgrade: "+Protocol+"\r\n\r\n"))
			readHandshake(t, raw)
			send(t, raw, frames{}.frame(kindOpen, 1, "").frame(kindOpen, 2, ""))
			var k *Link
			until(t, "the link has a stream", func() bool {
				links.mu.Lock()
				defer links.mu.Unlock()
				for k = range links.links {
				}
				return k != nil && k.Streams() == 2 && len(links.waiting) == 2
			})
			within(t, "the end", func() {
				ends(links, raw)
				k.work.Wait()
			})
		})
	}
}

func TestRequestsThatAreNone(t *testing.T) {
	h := newHost(t, http.NotFoundHandler())
	for request, status := range map[string]int{
		"GET " + Path + " HTTP/1.1\r\nHost: host\r\n\r\n":                                                              http.StatusUpgradeRequired,
		"POST " + Path + " HTTP/1.1\r\nHost: host\r\nContent-Length: 0\r\nUpgrade: " + Protocol + "\r\n\r\n":           http.StatusUpgradeRequired,
		"GET " + Path + " HTTP/1.1\r\nHost: host\r\nUpgrade: websocket\r\n\r\n":                                        http.StatusUpgradeRequired,
		"GET " + Path + " HTTP/1.1\r\nHost: host\r\nUpgrade: " + Protocol + "\r\n" + ws.HostHeader + ": other\r\n\r\n": http.StatusMisdirectedRequest,
	} {
		nc := h.dial(t)
		send(t, nc, []byte(request))
		answer, err := http.ReadResponse(bufio.NewReader(nc), nil)
		if err != nil {
			t.Fatal(err)
		}
		_ = answer.Body.Close()
		if answer.StatusCode != status {
			t.Errorf("%q is answered with %s", request, answer.Status)
		}
	}
}

func TestAnswersThatAreNoLink(t *testing.T) {
	for answer, want := range map[string]error{
		"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n":                                                     ErrOther,
		"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n" + ws.HostHeader + ": " + hostID + "\r\n\r\n":  ErrRefused,
		"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n" + ws.HostHeader + ": " + hostID + "\r\n\r\n": ErrRefused,
		"HTTP/1.1 421 Misdirected Request\r\nContent-Length: 0\r\n\r\n":                                           ErrOther,
		"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n":                                          ErrOther,
		"HTTP/1.1 101 Switching Protocols\r\nUpgrade: " + Protocol + "\r\n\r\n":                                   ErrOther,
		"HTTP/1.1 101 Switching Protocols\r\nUpgrade: " + Protocol + "\r\n" + ws.HostHeader + ": other\r\n\r\n":   ErrOther,
		"SSH-2.0\r\n\r\n": ErrOther,
		"":                io.ErrUnexpectedEOF,
	} {
		a, b := wire(t)
		go func() {
			defer b.Close()
			_, _ = http.ReadRequest(bufio.NewReader(b))
			_, _ = io.WriteString(b, answer)
		}()
		l, err := Client(a, hostID)
		if l != nil || err == nil || !errors.Is(err, want) {
			t.Errorf("%q gives %v", answer, err)
		}
		if _, err := a.Write([]byte("x")); !errors.Is(err, net.ErrClosed) {
			t.Errorf("the connection is not closed: %v", err)
		}
	}
}
