package gateway

import (
	"errors"
	"net"
	"os"
	"time"
)

// A socket moves a connection's bytes and knows nothing of WebSockets. It is the seam of the transport: reading happens
// on the connection's goroutine, everything else from anywhere.
type socket interface {
	// read waits for bytes and puts them into r. While it waits, r holds no buffer that it does not need.
	// The error is io.EOF when the client has hung up, and one with os.ErrDeadlineExceeded after the deadline.
	read(r *reader) error

	// write hands over as much of p as the socket takes at once and never waits: n < len(p) means that it is full.
	// One call at a time, none after close.
	write(p []byte) (n int, err error)

	// whenWritable calls step, and again each time the socket may take more, until step returns true or the socket is
	// closed. It blocks.
	whenWritable(step func() bool)

	// readDeadline lets reads fail from a time on; a time that has passed wakes the one that is waiting.
	readDeadline(t time.Time)

	// closeWrite tells the client that nothing more will come, after what was written.
	closeWrite()

	// close ends the socket. With reset set, what the client has not yet read is thrown away.
	close(reset bool)
}

// longAgo is a deadline that has passed.
var longAgo = time.Unix(1, 0)

func isDeadline(err error) bool { return errors.Is(err, os.ErrDeadlineExceeded) }

// newSocket wraps a connection in what is cheapest for it.
func newSocket(nc net.Conn) socket {
	if s := newPolledSocket(nc); s != nil {
		return s
	}
	return newStreamSocket(nc)
}
