package proxy

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"github.com/symphony-rtc/symphony/internal/cluster"
	"github.com/symphony-rtc/symphony/internal/roomid"
	"github.com/symphony-rtc/symphony/internal/ws"
)

// Management forwards requests to the management API: what concerns a room to the host that serves it, for that knows the room
// as its members see it; everything else, and rooms that nobody serves, to any host. Hosts look at tokens themselves.
func (p *Proxy) Management() http.Handler {
	transport := &http.Transport{
		DialContext:           p.dialNamed,
		MaxIdleConnsPerHost:   8,
		IdleConnTimeout:       30 * time.Second,
		ResponseHeaderTimeout: 0, // a restore or an export takes as long as it takes
		DisableCompression:    true,
	}
	context.AfterFunc(p.ctx, transport.CloseIdleConnections)
	return &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetXForwarded()
			r.Out.Host = r.In.Host // which hosts compare with the Origin
		},
		Transport:     &manager{p, transport},
		FlushInterval: -1, // exports are streams
		ErrorLog:      slog.NewLogLogger(p.log.Handler(), slog.LevelWarn),
		ErrorHandler:  p.unmanageable,
	}
}

// manager sends a request to the host that it is for.
type manager struct {
	p         *Proxy
	transport *http.Transport
}

// managerPatience is how long a request waits for a host to be there.
const managerPatience = 5 * time.Second

// attempts is how many hosts are asked at most, one after the other, if they cannot be reached.
const attempts = 4

// RoundTrip implements http.RoundTripper.
func (m *manager) RoundTrip(r *http.Request) (*http.Response, error) {
	id := roomOf(r.URL)
	writes := r.Method != http.MethodGet && r.Method != http.MethodHead
	var sent *body
	if r.Body != nil {
		defer r.Body.Close()
		sent = &body{Reader: r.Body}
	}
	var failed map[string]bool
	for n := 1; ; n++ {
		host, err := m.p.manages(r.Context(), id, writes, failed)
		if err != nil {
			return nil, err
		}
		began := time.Now()
		out := r.Clone(r.Context())
		out.URL.Scheme, out.URL.Host = "http", nameOf(host.Address)
		out.Header.Set(ws.HostHeader, host.ID)
		if sent != nil {
			out.Body = sent
		}
		answer, err := m.transport.RoundTrip(out)
		var dial *net.OpError
		switch {
		case err == nil && isFrom(answer, host.ID):
			return answer, nil
		case err == nil:
			_ = answer.Body.Close()
			err = fmt.Errorf("ask host %s: %w: another program has its address", host.ID, errUnreachable)
		case r.Context().Err() != nil, !errors.As(err, &dial), dial.Op != "dial":
			return nil, err
		default:
			if what := m.p.undialed(host.ID, began, err); what != errUnreachable {
				return nil, fmt.Errorf("%w: %w", what, err)
			}
		}
		if id != "" {
			ctx, cancel := context.WithTimeout(r.Context(), registryTimeout)
			forgot := m.p.deps.Registry.Forget(ctx, id, host.ID)
			cancel()
			if forgot != nil {
				return nil, forgot
			}
		}
		if n == attempts || sent != nil && sent.touched.Load() {
			return nil, err
		}
		if failed == nil {
			failed = make(map[string]bool)
		}
		failed[host.ID] = true
	}
}

// isFrom reports whether an answer is one of the host with an id.
func isFrom(answer *http.Response, id string) bool {
	switch answer.StatusCode {
	case http.StatusMisdirectedRequest:
		return false
	case http.StatusBadRequest, http.StatusRequestHeaderFieldsTooLarge, http.StatusNotImplemented, http.StatusHTTPVersionNotSupported:
		return true // net/http refuses such requests before they get to where the host is named, and any host would
	}
	return answer.Header.Get(ws.HostHeader) == id
}

// body is what is sent with a request. A transport that could not connect does not close it, and as long as nothing of it was
// taken it can be sent to another host.
type body struct {
	io.Reader
	touched atomic.Bool
}

func (b *body) Read(p []byte) (int, error) {
	b.touched.Store(true)
	return b.Reader.Read(p)
}

func (b *body) Close() error { return nil }

// roomOf is the room that a path is about, "" if it is about none or about no room that there can be.
func roomOf(u *url.URL) string {
	rest, found := strings.CutPrefix(u.EscapedPath(), "/v1/rooms/")
	if !found {
		return ""
	}
	segment, _, _ := strings.Cut(rest, "/")
	id, err := roomid.Decode(segment)
	if err != nil {
		return "" // the host says what is wrong with it
	}
	return id
}

// errNobody says that no host can answer a request.
var errNobody = errors.New("no host is there to answer")

// manages returns the host that answers for a room, or for all if id is empty. To write to a room that nobody serves, a host
// needs place for it.
func (p *Proxy) manages(ctx context.Context, id string, writes bool, failed map[string]bool) (cluster.Host, error) {
	if id != "" {
		host, ok := p.deps.View.Owner(id)
		if !ok || failed[host.ID] {
			ctx, cancel := context.WithTimeout(ctx, registryTimeout)
			defer cancel()
			var err error
			host, err = p.deps.Registry.Owner(ctx, id)
			if err != nil && !errors.Is(err, cluster.ErrFree) {
				return cluster.Host{}, fmt.Errorf("find the host of room %q: %w", id, err)
			}
			ok = err == nil
		}
		if ok && !failed[host.ID] {
			return host, nil
		}
	}
	ctx, cancel := context.WithTimeout(ctx, managerPatience)
	defer cancel()
	for {
		hosts := p.hosts.next()
		host, err := p.deps.Place.Pick(id, func(id string) bool { return failed[id] })
		if err == nil {
			p.deps.Place.Unused(host.ID)
			return host, nil
		}
		if id == "" || !writes {
			for _, host := range p.deps.View.Hosts() {
				if !host.Draining && !failed[host.ID] {
					return host, nil
				}
			}
		}
		if p.deps.Need != nil {
			p.deps.Need()
		}
		select {
		case <-hosts:
		case <-ctx.Done():
			return cluster.Host{}, fmt.Errorf("%w: %w", errNobody, err)
		}
	}
}

// nameOf packs the address of a host into what may stand in a URL, so that a Unix socket may too; dialNamed unpacks it.
func nameOf(address string) string { return hex.EncodeToString([]byte(address)) + ".host" }

func (p *Proxy) dialNamed(ctx context.Context, _, name string) (net.Conn, error) {
	packed, _, _ := strings.Cut(name, ".")
	text, err := hex.DecodeString(packed)
	if err != nil {
		return nil, fmt.Errorf("dial %s: %w", name, err)
	}
	network, addr := address(string(text))
	return p.dialer().DialContext(ctx, network, addr)
}

// unmanageable answers a request that no host answered.
func (p *Proxy) unmanageable(w http.ResponseWriter, r *http.Request, err error) {
	if r.Context().Err() != nil { // the client left
		return
	}
	p.log.Warn("a request to the management API found no host", "method", r.Method, "path", r.URL.EscapedPath(), "error", err)
	message := "the host of the room cannot be reached just now: try again"
	if errors.Is(err, errNobody) {
		message = "no host can do this just now: try again in a moment; if that does not help, `symphony hosts` shows which hosts there are"
	}
	text, _ := json.Marshal(map[string]any{"error": map[string]string{"code": "no_host", "message": message}})
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Retry-After", "1")
	w.WriteHeader(http.StatusServiceUnavailable)
	_, _ = w.Write(append(text, '\n'))
}
