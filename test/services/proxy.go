package services

import (
	"bytes"
	"io"
	"log"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// Proxy stands before a server and does to requests and answers what networks and servers do on bad days. See
// Bucket.Via.
type Proxy struct {
	Addr string

	mu    sync.Mutex
	fault Fault
	seen  []string
}

// Fault handles one request. It passes the request on with server, or not, and answers with what it likes.
type Fault func(w http.ResponseWriter, r *http.Request, server http.Handler)

// NewProxy starts a proxy that passes everything on to a server until there is a Fault.
func NewProxy(t testing.TB, server string) *Proxy {
	t.Helper()
	p := new(Proxy)
	forward := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(&url.URL{Scheme: "http", Host: server})
			r.Out.Host = r.In.Host // signatures cover it
		},
		ErrorLog: log.New(io.Discard, "", 0),
	}
	front := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.mu.Lock()
		fault := p.fault
		p.seen = append(p.seen, r.Method+" "+r.URL.Path)
		p.mu.Unlock()
		if fault == nil {
			forward.ServeHTTP(w, r)
		} else {
			fault(w, r, forward)
		}
	}))
	front.Config.ErrorLog = log.New(io.Discard, "", 0)
	front.Start()
	p.Addr = strings.TrimPrefix(front.URL, "http://")
	t.Cleanup(func() {
		p.Set(nil)
		front.CloseClientConnections() // what hangs, hangs no longer
		front.Close()
	})
	return p
}

// Set has the fault handle all requests from now on, nil none.
func (p *Proxy) Set(fault Fault) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.fault = fault
}

// SetFor has the fault handle the next n requests that are of interest.
func (p *Proxy) SetFor(n int, interest func(*http.Request) bool, fault Fault) {
	var mu sync.Mutex
	p.Set(func(w http.ResponseWriter, r *http.Request, server http.Handler) {
		mu.Lock()
		hit := n > 0 && interest(r)
		if hit {
			n--
		}
		mu.Unlock()
		if hit {
			fault(w, r, server)
		} else {
			server.ServeHTTP(w, r)
		}
	})
}

// Seen returns the requests since the last call, each as method and path.
func (p *Proxy) Seen() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	seen := p.seen
	p.seen = nil
	return seen
}

// Drop ends the connection; the server never sees the request.
func Drop(http.ResponseWriter, *http.Request, http.Handler) { panic(http.ErrAbortHandler) }

// LoseAnswer passes the request on and ends the connection instead of answering.
func LoseAnswer(w http.ResponseWriter, r *http.Request, server http.Handler) {
	server.ServeHTTP(httptest.NewRecorder(), r)
	panic(http.ErrAbortHandler)
}

// Hang reads the request and never answers.
func Hang(_ http.ResponseWriter, r *http.Request, _ http.Handler) {
	_, _ = io.Copy(io.Discard, r.Body)
	<-r.Context().Done()
}

// Answer answers with a status and a body instead of the server.
func Answer(status int, body string) Fault {
	return func(w http.ResponseWriter, r *http.Request, _ http.Handler) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

// Truncate ends the connection after half of the answer's body.
func Truncate(w http.ResponseWriter, r *http.Request, server http.Handler) {
	change(w, r, server, func(_ http.Header, body []byte) []byte { return body[:len(body)/2] })
	_ = http.NewResponseController(w).Flush()
	panic(http.ErrAbortHandler)
}

// Shorten gives half of the body as if it were all: the header that tells the length agrees.
func Shorten(w http.ResponseWriter, r *http.Request, server http.Handler) {
	change(w, r, server, func(header http.Header, body []byte) []byte {
		header.Set("Content-Length", strconv.Itoa(len(body)/2))
		return body[:len(body)/2]
	})
}

// Unmeasure gives half of the body as if it were all, without a header that tells the length.
func Unmeasure(w http.ResponseWriter, r *http.Request, server http.Handler) {
	change(w, r, server, func(header http.Header, body []byte) []byte {
		header.Del("Content-Length")
		header.Set("Transfer-Encoding", "chunked")
		return body[:len(body)/2]
	})
}

// Corrupt changes one bit of the answer's body.
func Corrupt(w http.ResponseWriter, r *http.Request, server http.Handler) {
	change(w, r, server, func(_ http.Header, body []byte) []byte {
		if len(body) > 0 {
			body[len(body)/2] ^= 1
		}
		return body
	})
}

// CorruptUpload changes one bit of what the client sends.
func CorruptUpload(w http.ResponseWriter, r *http.Request, server http.Handler) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	if len(body) > 0 {
		body[len(body)/2] ^= 1
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	server.ServeHTTP(w, r)
}

// change answers as the server does, after an edit.
func change(w http.ResponseWriter, r *http.Request, server http.Handler, edit func(http.Header, []byte) []byte) {
	answer := httptest.NewRecorder()
	server.ServeHTTP(answer, r)
	body := answer.Body.Bytes()
	header := answer.Header()
	header.Set("Content-Length", strconv.Itoa(len(body)))
	body = edit(header, body)
	maps.Copy(w.Header(), header)
	w.WriteHeader(answer.Code)
	_, _ = w.Write(body)
}
