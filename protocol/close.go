package protocol

import "fmt"

// CloseCode is a WebSocket close code of Symphony. Codes from 4400 to 4499 are final: the same client with the same
// message would fail again, so it must not reconnect. Codes from 4500 to 4599 are transient: reconnect with
// exponential backoff and full jitter.
type CloseCode uint16

// The close codes, see docs/protocol.md.
const (
	CloseBadMessage  CloseCode = 4400 // a message that no correct client sends
	CloseForbidden   CloseCode = 4403 // origin or token not allowed here
	CloseDeleted     CloseCode = 4410 // the room was deleted
	CloseTooLarge    CloseCode = 4413 // a message over the server's limit, or an update that is too much for the document
	CloseInternal    CloseCode = 4500 // a fault of the server; the room lives on
	CloseRestarting  CloseCode = 4501 // the server is shutting down
	CloseUnavailable CloseCode = 4503 // the room cannot be loaded or stored just now
	CloseMoved       CloseCode = 4504 // another host serves the room now
	CloseFull        CloseCode = 4505 // this host has no place for another room
	CloseTooSlow     CloseCode = 4508 // the client reads slower than the room writes
	CloseNoPong      CloseCode = 4509 // nothing was heard of the client, not even the answer to a ping
	CloseTooMany     CloseCode = 4529 // a connection over the limit of its room or server
)

// Final reports whether a client that got this code must not reconnect.
func (c CloseCode) Final() bool { return c >= 4400 && c < 4500 }

// CloseError is why a connection is to be closed: what its client is told.
type CloseError struct {
	Code   CloseCode
	Reason string // for a person; at most 123 bytes of it travel
}

func (e *CloseError) Error() string { return fmt.Sprintf("close %d: %s", e.Code, e.Reason) }

// Closef makes a CloseError.
func Closef(code CloseCode, format string, args ...any) *CloseError {
	return &CloseError{Code: code, Reason: fmt.Sprintf(format, args...)}
}
