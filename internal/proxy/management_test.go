package proxy

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"github.com/symphony-rtc/symphony/internal/cluster"
	"github.com/symphony-rtc/symphony/internal/ws"
)

// answering is a host that answers with its name and what it was asked.
func (w *world) answering(id, network, addr, registered string, rooms ...string) {
	w.t.Helper()
	ln, err := net.Listen(network, addr)
	if err != nil {
		w.t.Fatal(err)
	}
	if registered == "" {
		registered = ln.Addr().String()
	}
	s := &httptest.Server{Listener: ln, Config: &http.Server{Handler: ws.Addressed(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(rw, "%s %s %s %s", id, r.Method, r.RequestURI, r.Host)
	}), id)}}
	s.Start()
	w.t.Cleanup(s.Close)
	m, err := w.registry.Join(w.t.Context(), cluster.Host{ID: id, Address: registered, Capacity: 10})
	if err != nil {
		w.t.Fatal(err)
	}
	for _, r := range rooms {
		if _, err := m.Claim(w.t.Context(), r); err != nil {
			w.t.Fatal(err)
		}
	}
}

func TestManagementGoesToTheOwner(t *testing.T) {
	w := newWorld(t)
	sock := filepath.Join(t.TempDir(), "host.sock")
	w.answering("one", "tcp", "127.0.0.1:0", "", "a", "..")
	w.answering("two", "unix", sock, "unix:"+sock, "b/c")
	d := w.proxy(Options{}, nil)
	api := httptest.NewServer(d.Management())
	defer api.Close()
	for target, want := range map[string]string{
		"/v1/rooms/a":                 "one",
		"/v1/rooms/a/update?format=1": "one",
		"/v1/rooms/%2E%2E/document":   "one",
		"/v1/rooms/b%2Fc/visits":      "two",
		"/v1/rooms":                   "",
		"/v1/rooms/nobody":            "",
	} {
		r, err := http.NewRequest(http.MethodGet, api.URL+target, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Host = "symphony.test"
		response, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(response.Body)
		_ = response.Body.Close()
		if got := string(body); !strings.HasPrefix(got, want) || !strings.HasSuffix(got, " GET "+target+" symphony.test") {
			t.Errorf("%s: %q", target, got)
		}
	}
	http.DefaultClient.CloseIdleConnections()
}

func TestManagementWithoutHosts(t *testing.T) {
	w := newWorld(t)
	needed := false
	d := w.proxy(Options{}, func() { needed = true })
	ask := func(target string) *httptest.ResponseRecorder {
		answer := httptest.NewRecorder()
		d.Management().ServeHTTP(answer, httptest.NewRequest(http.MethodGet, target, nil))
		return answer
	}
	if a := ask("/v1/rooms"); a.Code != http.StatusServiceUnavailable || !strings.Contains(a.Body.String(), `"code":"no_host"`) || !needed {
		t.Errorf("without hosts: %d %s, hosts were asked for: %v", a.Code, a.Body, needed)
	}
	if _, err := w.registry.Join(t.Context(), cluster.Host{ID: "dead", Address: "127.0.0.1:1", Capacity: 1}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "seen", func() bool { return len(d.view.Hosts()) == 1 })
	if a := ask("/v1/rooms"); a.Code != http.StatusServiceUnavailable || !strings.Contains(a.Body.String(), `"code":"no_host"`) {
		t.Errorf("with a dead host: %d %s", a.Code, a.Body)
	}
}
