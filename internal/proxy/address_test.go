package proxy

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/symphony-rtc/symphony/internal/cluster"
	"github.com/symphony-rtc/symphony/internal/ws"
)

// An address that was a host's may be another process's by now, as pods' are. As long as the registry does not know that the first one is
// gone, it has the room in vain: nobody waits for its lease.
func TestAddressOfAnotherHost(t *testing.T) {
	w := newWorld(t)
	lives := w.host(100)
	dead, err := w.registry.Join(t.Context(), cluster.Host{ID: "dead", Address: lives.ln.Addr().String(), Capacity: 100})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := dead.Claim(t.Context(), "r"); err != nil {
		t.Fatal(err)
	}
	d := w.proxy(Options{}, nil)
	g := w.guest(d.addr, "r", 7, true)
	eventually(t, "synced", func() bool { return g.is(func(p *person) bool { return p.synced }) })
	if owner := w.owner("r"); owner != lives.id {
		t.Errorf("the room is with %q", owner)
	}
	for i := range 20 { // and those that it is picked for
		g := w.guest(d.addr, fmt.Sprint("new", i), 8, true)
		eventually(t, "synced", func() bool { return g.is(func(p *person) bool { return p.synced }) })
	}
}

// A program that takes links too and is no host of this cluster gets nothing of a client.
func TestAddressOfAnotherProgram(t *testing.T) {
	for name, as := range map[string]func(http.Handler) http.Handler{
		"without a name":          func(h http.Handler) http.Handler { return h },
		"host of another cluster": func(h http.Handler) http.Handler { return ws.Addressed(h, "other") },
	} {
		w := newWorld(t)
		foreign := w.scriptedAs("h", as)
		foreign.claim("r")
		d := w.proxy(Options{}, nil)
		g := w.guest(d.addr, "r", 7, false)
		lives := w.host(10)
		eventually(t, "synced", func() bool { return g.is(func(p *person) bool { return p.synced }) })
		if owner := w.owner("r"); owner != lives.id {
			t.Errorf("the room is with %q", owner)
		}
		if len(foreign.calls) > 0 {
			t.Errorf("a program %s got a handshake", name)
		}
	}
}

// The same for requests to the management API, whether something was sent with them or not.
func TestManagementOfAnotherHost(t *testing.T) {
	w := newWorld(t)
	var addr string
	w.answering("lives", "tcp", "127.0.0.1:0", "")
	hosts := w.proxy(Options{}, nil)
	for _, h := range hosts.view.Hosts() {
		addr = h.Address
	}
	dead, err := w.registry.Join(t.Context(), cluster.Host{ID: "dead", Address: addr, Capacity: 10})
	if err != nil {
		t.Fatal(err)
	}
	for _, method := range []string{http.MethodGet, http.MethodDelete} {
		if _, err := dead.Claim(t.Context(), "r"); err != nil {
			t.Fatal(err)
		}
		eventually(t, "seen", func() bool { h, _ := hosts.view.Owner("r"); return h.ID == "dead" })
		answer := httptest.NewRecorder()
		hosts.Management().ServeHTTP(answer, httptest.NewRequest(method, "/v1/rooms/r", nil))
		if body := answer.Body.String(); answer.Code != 200 || body != "lives "+method+" /v1/rooms/r example.com" {
			t.Errorf("%s: %d %s", method, answer.Code, body)
		}
		if owner := w.owner("r"); owner != "" {
			t.Errorf("the room is with %q", owner)
		}
	}
}

// What a host's HTTP server refuses at once says nothing against the host.
func TestManagementRequestThatIsTooLong(t *testing.T) {
	w := newWorld(t)
	host := w.host(10)
	d := w.proxy(Options{}, nil)
	g := w.guest(d.addr, "r", 7, true)
	eventually(t, "synced", func() bool { return g.is(func(p *person) bool { return p.synced }) })
	r := httptest.NewRequest(http.MethodGet, "/v1/rooms/r", nil)
	r.Header.Set("Cookie", strings.Repeat("x", http.DefaultMaxHeaderBytes+10_000))
	answer := httptest.NewRecorder()
	d.Management().ServeHTTP(answer, r)
	if answer.Code != http.StatusRequestHeaderFieldsTooLarge {
		t.Errorf("%d %s", answer.Code, answer.Body)
	}
	if owner := w.owner("r"); owner != host.id {
		t.Errorf("the room is with %q", owner)
	}
}
