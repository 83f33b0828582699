package ws

import (
	"errors"
	"net"
	"os"
	"time"
)

// An Intake takes the bytes that a Socket reads.
type Intake interface {
	// Space returns where the next bytes are to be put: never nothing.
	Space() []byte
	// Filled says that n bytes were put into Space.
	Filled(n int)
	// Park gives back what memory can be spared while no bytes come.
	Park()
}

// A Socket moves a connection's bytes and knows nothing of WebSockets. It is the seam of the transport: reading happens
// on the connection's goroutine, everything else from anywhere.
type Socket interface {
	// Read waits for bytes and puts them into an Intake, which is parked while it waits.
	// The error is io.EOF when the other side has hung up, and one with os.ErrDeadlineExceeded after the deadline.
	Read(into Intake) error

	// Write hands over as much of p as the socket takes at once and never waits: n < len(p) means that it is full.
	// One call at a time, none after Close.
	Write(p []byte) (n int, err error)

	// WhenWritable calls step, and again each time the socket may take more, until step returns true, the socket is
	// closed or the deadline of writing has passed. It blocks.
	WhenWritable(step func() bool)

	// ReadDeadline lets reads fail from a time on; a time that has passed wakes the one that is waiting.
	ReadDeadline(t time.Time)

	// WriteDeadline ends WhenWritable from a time on; a time that has passed wakes the one that is waiting.
	WriteDeadline(t time.Time)

	// AwaitHangUp waits, without reading, until the other side has hung up and nothing that it sent is left to be read.
	// It returns false if it cannot tell: because the deadline of reading has passed, or what is sent is encrypted.
	AwaitHangUp() bool

	// CloseWrite tells the other side that nothing more will come, after what was written.
	CloseWrite()

	// Close ends the socket. With reset set, what the other side has not yet read is thrown away.
	Close(reset bool)
}

// LongAgo is a deadline that has passed.
var LongAgo = time.Unix(1, 0)

// IsDeadline reports whether an error of Read means that its deadline has passed.
func IsDeadline(err error) bool { return errors.Is(err, os.ErrDeadlineExceeded) }

// NewSocket wraps a connection in what is cheapest for it. A connection that has a method Socket says that itself.
func NewSocket(nc net.Conn) Socket {
	if c, ok := nc.(interface{ Socket() Socket }); ok {
		return c.Socket()
	}
	if s := newPolledSocket(nc); s != nil {
		return s
	}
	return newStreamSocket(nc)
}
