package gateway

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/symphony-rtc/symphony/internal/room"
	"github.com/symphony-rtc/symphony/internal/ws/wstest"
	"github.com/symphony-rtc/symphony/protocol"
)

func TestC_SUBPROTOCOL(t *testing.T) {
	host := &relayHost{}
	_, addr := serve(t, host, Options{})
	_, response := request(t, addr, "/rooms/a", nil)
	if got := response.Header.Get("Sec-WebSocket-Accept"); response.StatusCode != 101 || got != "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" {
		t.Errorf("status %d, accept %q; RFC 6455 section 1.3 has another", response.StatusCode, got)
	}
	if got := response.Header.Values("Sec-WebSocket-Extensions"); len(got) > 0 {
		t.Errorf("extensions %q", got)
	}
	for offered, want := range map[string]string{"": "", "symphony.v1": "symphony.v1", "other": "", "a, symphony.v1 ,b": "symphony.v1"} {
		_, response := request(t, addr, "/rooms/protocol-"+want, map[string]string{"Sec-WebSocket-Protocol": offered})
		if got := response.Header.Get("Sec-WebSocket-Protocol"); response.StatusCode != 101 || got != want {
			t.Errorf("offered %q: status %d, picked %q", offered, response.StatusCode, got)
		}
		eventually(t, "member joined", func() bool { return len(host.members("protocol-"+want)) > 0 })
		if s := host.members("protocol-" + want)[0]; s.options != (room.JoinOptions{Symphony: want != ""}) {
			t.Errorf("offered %q: joined with %+v", offered, s.options)
		}
	}
}

func TestC_SUBPROTOCOL_inTheURL(t *testing.T) {
	host := &relayHost{}
	_, addr := serve(t, host, Options{})
	for query, want := range map[string]bool{"token=1&protocol=symphony.v1": true, "protocol=other": false} {
		_, response := request(t, addr, "/rooms/"+query[:5]+"?"+query, nil)
		if got := response.Header.Get("Sec-WebSocket-Protocol"); response.StatusCode != 101 || got != "" {
			t.Errorf("%s: status %d, picked %q, which was not offered", query, response.StatusCode, got)
		}
		eventually(t, "member joined", func() bool { return len(host.members(query[:5])) > 0 })
		if s := host.members(query[:5])[0]; s.options.Symphony != want {
			t.Errorf("%s: joined with %+v", query, s.options)
		}
	}
}

func TestC_UPGRADE(t *testing.T) {
	_, addr := serve(t, &relayHost{}, Options{})
	for name, c := range map[string]struct {
		target string
		header map[string]string
		status int
		text   string
	}{
		"page":          {"/rooms/a", map[string]string{"Upgrade": "", "Connection": ""}, 426, "y-websocket"},
		"proxy":         {"/rooms/a", map[string]string{"Connection": "close"}, 426, "proxy"},
		"version":       {"/rooms/a", map[string]string{"Sec-WebSocket-Version": "8"}, 426, "13"},
		"no key":        {"/rooms/a", map[string]string{"Sec-WebSocket-Key": ""}, 400, "Sec-WebSocket-Key"},
		"short key":     {"/rooms/a", map[string]string{"Sec-WebSocket-Key": "AAAA"}, 400, "16 bytes"},
		"no room":       {"/rooms/", nil, 404, "/rooms/{id}"},
		"no room at ?":  {"/rooms/?token=x", nil, 404, "/rooms/{id}"},
		"two segments":  {"/rooms/a/b", nil, 400, "%2F"},
		"not UTF-8":     {"/rooms/%ff", nil, 400, "UTF-8"},
		"too long":      {"/rooms/" + strings.Repeat("%C3%A4", 128), nil, 414, "256 bytes"},
		"not percent":   {"/rooms/%zz", nil, 400, ""},
		"not a room":    {"/room", nil, 404, "/rooms/{id}"},
		"encoded slash": {"/rooms%2Fa", nil, 404, ""},
	} {
		t.Run(name, func(t *testing.T) {
			_, response := request(t, addr, c.target, c.header)
			body, _ := io.ReadAll(response.Body)
			if response.StatusCode != c.status || !strings.Contains(string(body), c.text) {
				t.Errorf("%s %q; want status %d with %q", response.Status, body, c.status, c.text)
			}
		})
	}
	response, err := http.Post("http://"+addr+"/rooms/a", "text/plain", nil)
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	if response.StatusCode != http.StatusMethodNotAllowed {
		t.Errorf("POST: %s", response.Status)
	}
}

func TestC_ID_C_QUERY(t *testing.T) {
	host := &relayHost{}
	_, addr := serve(t, host, Options{})
	long := strings.Repeat("x", 255)
	for segment, id := range map[string]string{
		"demo": "demo", "..": "..", "%2e%2E": "..", ".": ".", "a%2Fb": "a/b", "%2F..%2F..%2Fetc": "/../../etc", "%00": "\x00",
		"ä🎻": "ä🎻", "%F0%9F%8E%BB": "🎻", "a+b%20c%25": "a+b c%", long: long, "q?token=a/b&x=%2F": "q",
	} {
		dial(t, addr, segment)
		eventually(t, "joined "+segment, func() bool { return len(host.members(id)) > 0 })
	}
}

func TestC_ORIGIN(t *testing.T) {
	_, plain := serve(t, &relayHost{}, Options{})
	_, local := serve(t, &relayHost{}, Options{AllowLocalOrigins: true})
	_, list := serve(t, &relayHost{}, Options{AllowedOrigins: []string{"https://*.example.com", "app.test", "http://dev.test:*", "https://x.test:443/"}})
	_, all := serve(t, &relayHost{}, Options{AllowedOrigins: []string{"*"}})
	for _, c := range []struct {
		server, addr, origin string
		allowed              bool
	}{
		{"plain", plain, "", true},
		{"plain", plain, "http://symphony.test", true},
		{"plain", plain, "HTTPS://Symphony.Test:443", true},
		{"plain", plain, "http://symphony.test:81", false},
		{"plain", plain, "http://symphony.test.evil.com", false},
		{"plain", plain, "http://localhost:3000", false},
		{"plain", plain, "null", false},
		{"plain", plain, "http://%zz", false},
		{"local", local, "http://localhost:3000", true},
		{"local", local, "http://127.0.0.1:3000", true},
		{"local", local, "http://[::1]:3000", true},
		{"local", local, "http://localhost.evil.com", false},
		{"list", list, "https://a.example.com", true},
		{"list", list, "https://a.b.example.com:443", true},
		{"list", list, "https://example.com", false},
		{"list", list, "http://a.example.com", false},
		{"list", list, "https://a.example.com:8443", false},
		{"list", list, "https://a.example.com.evil.com", false},
		{"list", list, "http://app.test", true},
		{"list", list, "https://app.test", true},
		{"list", list, "http://dev.test:5173", true},
		{"list", list, "https://x.test", true},
		{"all", all, "null", true},
		{"all", all, "https://anywhere.test", true},
	} {
		ws, response := request(t, c.addr, "/rooms/a", map[string]string{"Origin": c.origin})
		if response.StatusCode != 101 {
			t.Fatalf("%s from %q: %s", c.server, c.origin, response.Status)
		}
		if c.allowed {
			ws.write(wstest.Frame(opPing, true, []byte("x")))
			if op, _, err := ws.frame(); op != opPong || err != nil {
				t.Errorf("%s from %q: not allowed: opcode %d, %v", c.server, c.origin, op, err)
			}
		} else if code, reason := ws.closed(); code != protocol.CloseForbidden || !strings.Contains(reason, c.origin) {
			t.Errorf("%s from %q: %d %q", c.server, c.origin, code, reason)
		}
	}
}

func TestFramesThatCameWithTheHandshakeAreRead(t *testing.T) {
	_, addr := serve(t, &relayHost{echo: true}, Options{})
	nc, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = nc.Close() }()
	c := &client{t: t, nc: nc, r: bufio.NewReader(nc)}
	c.write(wstest.AppendFrame(wstest.Handshake("/rooms/a"), opBinary, true, []byte("early")))
	if _, err := http.ReadResponse(c.r, nil); err != nil {
		t.Fatal(err)
	}
	if got := c.message(); string(got) != "early" {
		t.Errorf("got %q", got)
	}
}
