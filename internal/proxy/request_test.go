package proxy

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// Handshakes that are unusual and right lead to the room; those that hosts would refuse the proxy refuses, and no host is blamed.
func TestUnusualHandshakes(t *testing.T) {
	w := newWorld(t)
	w.host(10)
	d := w.proxy(Options{}, nil)
	rest := "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
	for name, c := range map[string]struct {
		request string
		status  int
	}{
		"HTTP/1.0 without a host":      {"GET /rooms/a HTTP/1.0\r\n" + rest, 101},
		"an empty host":                {"GET /rooms/b HTTP/1.1\r\nHost:\r\n" + rest, 101},
		"a host in the first line":     {"GET http://symphony.test/rooms/c HTTP/1.1\r\nHost: x\r\n" + rest, 101},
		"an impossible one":            {"GET http://[::1%25%20]/rooms/d HTTP/1.1\r\nHost: x\r\n" + rest, 400},
		"one of many languages":        {"GET http://h%C3%A4/rooms/d HTTP/1.1\r\nHost: x\r\n" + rest, 400},
		"long headers":                 {"GET /rooms/e HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: " + strings.Repeat("1", 17_000) + "\r\n" + rest, 431},
		"a long query":                 {"GET /rooms/e?" + strings.Repeat("a", 17_000) + " HTTP/1.1\r\nHost: x\r\n" + rest, 431},
		"the name of a host":           {"GET /rooms/f HTTP/1.1\r\nHost: x\r\nSymphony-Host: other\r\n" + rest, 101},
		"a room of all kinds of bytes": {"GET /rooms/%00%0D%0A..%2F%2e%F0%9F%8E%BB%22 HTTP/1.1\r\nHost: x\r\n" + rest, 101},
		"a longest name":               {"GET /rooms/" + strings.Repeat("%C3%A4", 127) + "\" HTTP/1.1\r\nHost: x\r\n" + rest, 101},
	} {
		t.Run(name, func(t *testing.T) {
			nc, err := net.Dial("tcp", d.addr)
			if err != nil {
				t.Fatal(err)
			}
			defer nc.Close()
			_ = nc.SetDeadline(time.Now().Add(patience))
			_, _ = io.WriteString(nc, c.request+"\r\n")
			s := &socket{t: t, nc: nc, r: bufio.NewReader(nc)}
			answer, err := http.ReadResponse(s.r, nil)
			if err != nil || answer.StatusCode != c.status {
				t.Fatalf("%v %v", answer, err)
			}
			if c.status == 101 {
				s.message(stepOne)
			}
		})
	}
	if n := d.Stats().DialErrors; n > 0 {
		t.Errorf("%d times a host did not take a connection", n)
	}
}
