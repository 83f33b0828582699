package gateway

import (
	"bufio"
	"context"
	"encoding/binary"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/symphony-rtc/symphony/internal/ws/wstest"
	"github.com/symphony-rtc/symphony/protocol"
)

// patienceOfTests bounds every wait in a test, so that a fault fails instead of hanging.
const patienceOfTests = 20 * time.Second

// serve runs a gateway on loopback for a test and drains it at the end.
func serve(t testing.TB, host Host, o Options) (g *Gateway, addr string) {
	t.Helper()
	o.DrainSpread = -1
	g = New(host, o)
	server := httptest.NewServer(g)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patienceOfTests)
		defer cancel()
		if err := g.Drain(ctx); err != nil {
			t.Errorf("drain: %v", err)
		}
		server.Close()
	})
	return g, server.Listener.Addr().String()
}

// client is a bare WebSocket client: it sends what it is told, right or wrong.
type client struct {
	t  testing.TB
	nc net.Conn
	r  *bufio.Reader
}

// request sends an HTTP request as it stands, with some headers of a handshake that may be overridden or, with an empty
// value, left out, and returns the answer.
func request(t testing.TB, addr, target string, header map[string]string) (*client, *http.Response) {
	t.Helper()
	nc, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = nc.Close() })
	_ = nc.SetDeadline(time.Now().Add(patienceOfTests))
	headers := map[string]string{
		"Host": "symphony.test", "Connection": "keep-alive, Upgrade", "Upgrade": "websocket",
		"Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
	}
	for name, value := range header {
		headers[name] = value
	}
	text := "GET " + target + " HTTP/1.1\r\n"
	for name, value := range headers {
		if value != "" {
			text += name + ": " + value + "\r\n"
		}
	}
	if _, err := nc.Write([]byte(text + "\r\n")); err != nil {
		t.Fatal(err)
	}
	c := &client{t: t, nc: nc, r: bufio.NewReader(nc)}
	response, err := http.ReadResponse(c.r, nil)
	if err != nil {
		t.Fatalf("GET %s: %v", target, err)
	}
	return c, response
}

// upgradeOver makes the handshake for room r on any connection.
func upgradeOver(t testing.TB, nc net.Conn) *client {
	t.Helper()
	c := &client{t: t, nc: nc, r: bufio.NewReader(nc)}
	c.write(wstest.Handshake("/rooms/r"))
	if response, err := http.ReadResponse(c.r, nil); err != nil || response.StatusCode != http.StatusSwitchingProtocols {
		t.Fatalf("handshake: %v %v", response, err)
	}
	return c
}

// dial connects to a room.
func dial(t testing.TB, addr, room string) *client {
	t.Helper()
	c, response := request(t, addr, "/rooms/"+room, nil)
	if response.StatusCode != http.StatusSwitchingProtocols {
		t.Fatalf("room %s: %s", room, response.Status)
	}
	return c
}

// write sends bytes as they are.
func (c *client) write(b []byte) {
	c.t.Helper()
	if _, err := c.nc.Write(b); err != nil {
		c.t.Fatalf("write: %v", err)
	}
}

// send sends a binary message.
func (c *client) send(payload []byte) {
	c.t.Helper()
	c.write(wstest.Frame(opBinary, true, payload))
}

// frame reads one frame of the server.
func (c *client) frame() (op byte, payload []byte, err error) { return wstest.ReadFrame(c.r) }

// message reads the next frame, which must be a binary message.
func (c *client) message() []byte {
	c.t.Helper()
	op, payload, err := c.frame()
	if err != nil || op != opBinary {
		c.t.Fatalf("expected a message, got opcode %d, %.100q, %v", op, payload, err)
	}
	return payload
}

// closed reads until the close frame and the end of the connection after it, and returns its code and reason.
func (c *client) closed() (protocol.CloseCode, string) {
	c.t.Helper()
	for {
		op, payload, err := c.frame()
		if err != nil {
			c.t.Fatalf("expected a close frame: %v", err)
		}
		if op != opClose {
			continue
		}
		if _, _, err := c.frame(); err != io.EOF {
			c.t.Fatalf("after the close frame: %v", err)
		}
		_ = c.nc.Close()
		if len(payload) < 2 {
			return closeNoStatus, ""
		}
		return protocol.CloseCode(binary.BigEndian.Uint16(payload)), string(payload[2:])
	}
}

// eventually waits until something holds.
func eventually(t testing.TB, what string, holds func() bool) {
	t.Helper()
	for end := time.Now().Add(patienceOfTests); !holds(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("did not happen: %s", what)
		}
	}
}
