package gateway

import (
	"crypto/sha1" // RFC 6455 names it; it protects nothing
	"encoding/base64"
	"net/http"
	"strings"
)

// subprotocol is the WebSocket subprotocol of Symphony's own clients, see docs/protocol.md.
const subprotocol = "symphony.v1"

// checkUpgrade says why a request is not an opening handshake of RFC 6455 (section 4.2.1), or nil.
func checkUpgrade(r *http.Request) *httpError {
	if r.Method != http.MethodGet {
		return &httpError{http.StatusMethodNotAllowed, "rooms are opened with GET and a WebSocket handshake"}
	}
	if !hasToken(r.Header["Upgrade"], "websocket") || !hasToken(r.Header["Connection"], "upgrade") {
		return &httpError{http.StatusUpgradeRequired, "this is a room: connect to it with a WebSocket, for example " +
			"new WebsocketProvider('ws://" + r.Host + "/rooms', 'my-room', doc) of the npm package y-websocket. " +
			"If you did, a proxy in between does not pass on WebSockets: it must forward the headers Upgrade and Connection."}
	}
	if r.Header.Get("Sec-Websocket-Version") != "13" {
		return &httpError{http.StatusUpgradeRequired, "the WebSocket version is not 13, the one of RFC 6455"}
	}
	if key, err := base64.StdEncoding.DecodeString(r.Header.Get("Sec-Websocket-Key")); err != nil || len(key) != 16 {
		return &httpError{http.StatusBadRequest, "Sec-WebSocket-Key is not 16 bytes in base64"}
	}
	return nil
}

// hasToken reports whether a header with comma-separated tokens contains one, in any case.
func hasToken(header []string, token string) bool {
	for _, line := range header {
		for part := range strings.SplitSeq(line, ",") {
			if strings.EqualFold(strings.TrimSpace(part), token) {
				return true
			}
		}
	}
	return false
}

// acceptance is the server's half of the handshake, ready to be sent. No extension is ever accepted: compression
// costs more memory per connection than everything else together, and updates are small.
func acceptance(key string, symphony bool) []byte {
	sum := sha1.Sum([]byte(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
	b := make([]byte, 0, 192)
	b = append(b, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: "...)
	b = base64.StdEncoding.AppendEncode(b, sum[:])
	if symphony {
		b = append(b, "\r\nSec-WebSocket-Protocol: "+subprotocol...)
	}
	return append(b, "\r\n\r\n"...)
}
