package ws

import (
	"crypto/sha1" // RFC 6455 names it; it protects nothing
	"encoding/base64"
	"net/http"
	"strings"

	"github.com/symphony-rtc/symphony/protocol"
)

// CheckUpgrade says why a request is not an opening handshake of RFC 6455 (section 4.2.1), or nil.
func CheckUpgrade(r *http.Request) *HTTPError {
	if r.Method != http.MethodGet {
		return &HTTPError{http.StatusMethodNotAllowed, "rooms are opened with GET and a WebSocket handshake"}
	}
	if !HasToken(r.Header["Upgrade"], "websocket") || !HasToken(r.Header["Connection"], "upgrade") {
		return &HTTPError{http.StatusUpgradeRequired, "this is a room: connect to it with a WebSocket, for example " +
			"new WebsocketProvider('ws://" + r.Host + "/rooms', 'my-room', doc) of the npm package y-websocket. " +
			"If you did, a proxy in between does not pass on WebSockets: it must forward the headers Upgrade and Connection."}
	}
	if r.Header.Get("Sec-Websocket-Version") != "13" {
		return &HTTPError{http.StatusUpgradeRequired, "the WebSocket version is not 13, the one of RFC 6455"}
	}
	if key, err := base64.StdEncoding.DecodeString(r.Header.Get("Sec-Websocket-Key")); err != nil || len(key) != 16 {
		return &HTTPError{http.StatusBadRequest, "Sec-WebSocket-Key is not 16 bytes in base64"}
	}
	return nil
}

// HasToken reports whether a header with comma-separated tokens contains one, in any case.
func HasToken(header []string, token string) bool {
	for _, line := range header {
		for part := range strings.SplitSeq(line, ",") {
			if strings.EqualFold(strings.TrimSpace(part), token) {
				return true
			}
		}
	}
	return false
}

// Acceptance is the server's half of the handshake, ready to be sent. No extension is ever accepted: compression
// costs more memory per connection than everything else together, and updates are small.
func Acceptance(key string, symphony bool) []byte {
	sum := sha1.Sum([]byte(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
	b := make([]byte, 0, 192)
	b = append(b, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: "...)
	b = base64.StdEncoding.AppendEncode(b, sum[:])
	if symphony {
		b = append(b, "\r\nSec-WebSocket-Protocol: "+protocol.Subprotocol...)
	}
	return append(b, "\r\n\r\n"...)
}
