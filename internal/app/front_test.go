package app

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/symphony-rtc/symphony/internal/cluster"
	"github.com/symphony-rtc/symphony/internal/cluster/memory"
	"github.com/symphony-rtc/symphony/internal/telemetry"
	"github.com/symphony-rtc/symphony/internal/ws"
)

// A host behind a proxy cannot tell whether it is this machine that asks or the world: the processes of `--cluster-isolation process`
// listen on Unix sockets, which only this user reaches, and take whoever asks for the operator. So it is the proxy that must not
// pass on changes where a server without a token would refuse them.
func TestPublicProxyWithoutTokenChangesNothing(t *testing.T) {
	sock := filepath.Join(t.TempDir(), "host.sock")
	ln, err := net.Listen("unix", sock)
	if err != nil {
		t.Fatal(err)
	}
	host := &httptest.Server{Listener: ln, Config: &http.Server{Handler: ws.Addressed(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, "the host did it")
	}), "h")}}
	host.Start()
	defer host.Close()
	registry := memory.New()
	defer registry.Close()
	if _, err := registry.Join(t.Context(), cluster.Host{ID: "h", Address: "unix:" + sock, Capacity: 10}); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		addr, token, method, path, sent string
		status                          int
	}{
		{"0.0.0.0:0", "", "GET", "/v1/rooms/a", "", 200},
		{"0.0.0.0:0", "", "PUT", "/v1/rooms/a", "", 403},
		{"0.0.0.0:0", "", "DELETE", "/v1/rooms/a", "Authorization: Bearer invented\r\n", 403},
		{"0.0.0.0:0", "", "POST", "/v1/import", "Content-Type: application/x-tar\r\n", 403},
		{"0.0.0.0:0", "secret", "PUT", "/v1/rooms/a", "Authorization: Bearer secret\r\n", 200},
		{"127.0.0.1:0", "", "PUT", "/v1/rooms/a", "", 200},
		{"127.0.0.1:0", "", "PUT", "/v1/rooms/a", "Origin: https://evil.test\r\n", 403},
		{"127.0.0.1:0", "", "PUT", "/v1/rooms/a", "Sec-Fetch-Site: same-site\r\n", 403},
		{"127.0.0.1:0", "", "POST", "/v1/rooms/a/move", "Content-Type: text/plain\r\n", 415},
	} {
		config := Default()
		config.Addr, config.Admin.Token = c.addr, c.token
		front, err := startFront(t.Context(), config, slog.New(slog.DiscardHandler), telemetry.NewMetrics("test"), "test", registry, nil)
		if err != nil {
			t.Fatal(err)
		}
		_, port, err := net.SplitHostPort(strings.TrimSuffix(strings.TrimPrefix(front.places.Rooms, "http://"), "/v1/rooms"))
		if err != nil {
			t.Fatal(err)
		}
		answer := raw(t, "127.0.0.1:"+port, c.method+" "+c.path+" HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\nContent-Length: 0\r\n"+c.sent+"\r\n")
		if !strings.HasPrefix(answer, fmt.Sprintf("HTTP/1.1 %d ", c.status)) {
			t.Errorf("%+v: %s", c, answer)
		}
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		if err := front.Shutdown(ctx); err != nil {
			t.Errorf("shutdown: %v", err)
		}
		cancel()
	}
}
