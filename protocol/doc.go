// Package protocol is the wire protocol of a room: y-websocket messages (sync, awareness, query awareness), the
// messages of the symphony.v1 subprotocol, awareness state with its clock rules, and WebSocket framing and close codes
// as far as rooms need them. docs/protocol.md specifies it byte by byte.
package protocol
