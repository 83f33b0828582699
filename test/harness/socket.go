package harness

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"testing"
	"time"
)

// Socket asks for a WebSocket with exactly this path, which URL libraries might tidy up, and returns the connection
// after the server's answer. The test closes it.
func (s *Server) Socket(t testing.TB, path string) (net.Conn, *bufio.Reader, *http.Response) {
	t.Helper()
	conn, err := net.DialTimeout("tcp", s.Addr, patience)
	if err != nil {
		t.Fatal(err)
	}
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	_, err = fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: %s\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"+
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n", path, s.Addr)
	if err != nil {
		t.Fatalf("asking for %s: %v", path, err)
	}
	r := bufio.NewReader(conn)
	resp, err := http.ReadResponse(r, nil)
	if err != nil {
		t.Fatalf("the answer for %s: %v", path, err)
	}
	return conn, r, resp
}

// Upgrade is the status that the server answers.
func (s *Server) Upgrade(t testing.TB, path string) int {
	t.Helper()
	conn, _, resp := s.Socket(t, path)
	defer conn.Close()
	return resp.StatusCode
}
