package proxy

import (
	"bytes"
	"net"
	"net/http"
	"strings"

	"github.com/symphony-rtc/symphony/internal/ws"
	"github.com/symphony-rtc/symphony/protocol"
)

// forwarded are the headers of a client's handshake that hosts get as they came.
var forwarded = []string{"Origin", "User-Agent", "Authorization", "Cookie"}

// maxRequest is the longest handshake that hosts are sent, in bytes. It is kept as long as the connection, for the next host; and
// hosts take longer ones, so that they refuse none for its length.
const maxRequest = 16 << 10

// hostRequest is the handshake that a host gets for a client's, but for the host's name.
func hostRequest(r *http.Request, symphony bool) ([]byte, error) {
	if !isHost(r.Host) {
		return nil, &ws.HTTPError{Status: http.StatusBadRequest, Text: "the request is for a host that cannot be"}
	}
	var b bytes.Buffer
	b.WriteString("GET " + r.URL.EscapedPath())
	if r.URL.RawQuery != "" {
		b.WriteString("?" + r.URL.RawQuery)
	}
	header := func(name, value string) {
		if value != "" {
			b.WriteString("\r\n" + name + ": " + value)
		}
	}
	b.WriteString(" HTTP/1.1\r\nHost: " + r.Host) // even an empty one: HTTP/1.1 demands the header, and HTTP/1.0 does not
	header("Connection", "Upgrade")
	header("Upgrade", "websocket")
	header("Sec-WebSocket-Version", "13")
	header("Sec-WebSocket-Key", r.Header.Get("Sec-Websocket-Key"))
	if symphony {
		header("Sec-WebSocket-Protocol", protocol.Subprotocol)
	}
	for _, name := range forwarded {
		header(name, r.Header.Get(name))
	}
	before := r.Header.Values("X-Forwarded-For")
	if ip, _, err := net.SplitHostPort(r.RemoteAddr); err == nil {
		before = append(before[:len(before):len(before)], ip)
	}
	header("X-Forwarded-For", strings.Join(before, ", "))
	header("X-Forwarded-Host", firstOf(r.Header.Get("X-Forwarded-Host"), r.Host))
	scheme := "http"
	if r.TLS != nil {
		scheme = "https"
	}
	header("X-Forwarded-Proto", firstOf(r.Header.Get("X-Forwarded-Proto"), scheme))
	b.WriteString("\r\n\r\n")
	if b.Len() > maxRequest {
		return nil, &ws.HTTPError{Status: http.StatusRequestHeaderFieldsTooLarge,
			Text: "the headers and the query of the handshake are too long: see whether there are cookies that are not needed"}
	}
	return bytes.Clone(b.Bytes()), nil
}

func firstOf(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// isHost reports whether a host (RFC 3986 section 3.2.2, with a port) has only characters that it may have. Those in the first line of
// a request are not looked at by net/http, and hosts would refuse the handshake.
func isHost(s string) bool {
	for _, c := range []byte(s) {
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', strings.IndexByte("-._~!$&'()*+,;=:[]%", c) >= 0:
		default:
			return false
		}
	}
	return true
}
