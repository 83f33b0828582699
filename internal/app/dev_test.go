package app

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// startServer starts a server on a free port and returns it and its address. It is shut down with the test.
func startServer(t *testing.T, change func(*Config)) (*Server, string) {
	t.Helper()
	config := Default()
	config.Addr, config.Data = "127.0.0.1:0", t.TempDir()
	if change != nil {
		change(&config)
	}
	server, err := StartDev(t.Context(), config, slog.New(slog.DiscardHandler), "test")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		if err := server.Shutdown(ctx); err != nil {
			t.Errorf("shutdown: %v", err)
		}
	})
	addr, _ := strings.CutPrefix(server.Places().Page, "http://")
	return server, strings.TrimSuffix(addr, "/")
}

// raw sends a request exactly as given and returns the answer.
func raw(t *testing.T, addr, request string) string {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(conn, request); err != nil {
		t.Fatal(err)
	}
	answer, err := io.ReadAll(conn)
	if err != nil {
		t.Fatal(err)
	}
	return string(answer)
}

func TestEveryPathGoesToItsPartAsItWasSent(t *testing.T) {
	_, addr := startServer(t, nil)
	for path, want := range map[string]string{
		"/":                      "text/html",
		"/healthz":               `"alive"`,
		"/readyz":                `"ready"`,
		"/metrics":               "symphony_build_info",
		"/v1/rooms":              `"rooms":[]`,
		"/v1":                    `"not_found"`,
		"/v1/rooms/..":           `there is no room \"..\"`,
		"/v1/rooms/%2e%2e/":      "not_found",
		"/v1/rooms/..%2f..":      `there is no room \"../..\"`,
		"/v1/rooms//x":           "invalid_room_id",
		"/v1/rooms/a%2Fb/update": `there is no room \"a/b\"`,
		"/rooms/..":              "426 Upgrade Required",
		"/rooms/a/b":             "400 Bad Request",
		"/rooms":                 "404 Not Found",
		"/roomsandmore":          "404 Not Found",
		"/other":                 "404 Not Found",
		"/../v1/rooms":           "404 Not Found",
	} {
		answer := raw(t, addr, fmt.Sprintf("GET %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n", path, addr))
		if !strings.Contains(answer, want) {
			t.Errorf("%s: want %q, got %s", path, want, answer)
		}
	}
}

func TestReadsAreForThisMachineOnly(t *testing.T) {
	_, addr := startServer(t, func(c *Config) {
		c.Origins = []string{"https://app.example.com", "https://*.example.org", "*.example.net"}
	})
	ask := func(path, host string) int {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+addr+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		request.Host = host
		answer, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		_ = answer.Body.Close()
		return answer.StatusCode
	}
	for _, path := range []string{"/v1/rooms", "/metrics"} {
		for host, want := range map[string]int{addr: 200, "localhost": 200, "evil.example": 403, "app.example.com": 200, "a.example.org": 403} {
			if got := ask(path, host); got != want {
				t.Errorf("%s for host %s: %d, want %d", path, host, got, want)
			}
		}
	}
	for host, want := range map[string]int{addr: 426, "evil.example": 403, "app.example.com": 426} {
		if got := ask("/rooms/demo", host); got != want {
			t.Errorf("a room for host %s: %d, want %d", host, got, want)
		}
	}
	if got := ask("/healthz", "10.1.2.3"); got != 200 {
		t.Errorf("/healthz is not for everybody: %d", got)
	}
}

func TestWideOpenServerWarns(t *testing.T) {
	var log bytes.Buffer
	config := Default()
	config.Addr, config.Data = ":0", t.TempDir()
	server, err := StartDev(t.Context(), config, slog.New(slog.NewTextHandler(&log, nil)), "test")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(log.String(), "no authentication") {
		t.Errorf("log is %q", log.String())
	}
	if page := server.Places().Page; !strings.HasPrefix(page, "http://localhost:") {
		t.Errorf("page is at %s", page)
	}
	if err := server.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
}

// What could not be started has left nothing behind: no goroutine, no port, no lock.
func TestServerThatCannotStartLeavesNothing(t *testing.T) {
	first, addr := startServer(t, nil)
	before := goleak.IgnoreCurrent()

	config := Default()
	config.Addr, config.Data = addr, t.TempDir()
	if _, err := StartDev(t.Context(), config, slog.New(slog.DiscardHandler), "test"); err == nil || !strings.Contains(err.Error(), "--addr") {
		t.Errorf("taken address: %v", err)
	}
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	config.Addr, config.Data = free.Addr().String(), first.Places().Data
	if err := free.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := StartDev(t.Context(), config, slog.New(slog.DiscardHandler), "test"); err == nil || !strings.Contains(err.Error(), "in use") {
		t.Errorf("taken data: %v", err)
	}
	config.Data = t.TempDir()
	second, err := StartDev(t.Context(), config, slog.New(slog.DiscardHandler), "test")
	if err != nil {
		t.Fatalf("with an address and a directory of its own: %v", err)
	}
	if err := second.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
	goleak.VerifyNone(t, before)
}
