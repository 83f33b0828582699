package gateway

import (
	"log/slog"
	"time"
)

// Options are the limits and habits of a Gateway. The zero value of each field means its default.
type Options struct {
	// MaxMessage is the largest message that a client may send, in bytes; 64 MiB by default. Clients over it are closed
	// with 4413. Memory is taken only for bytes that arrived, never for a length that was announced.
	MaxMessage int

	// MaxConnections is how many connections the gateway holds at a time; 50,000 by default. Those over it are closed
	// with 4529, and far over it refused with HTTP status 503.
	MaxConnections int

	// MaxBacklog is how many bytes may wait for a connection whose client reads slower than its room writes; 4 MiB by
	// default. One message of any size is taken beyond it, so that a large document reaches a new member. A connection
	// that is over it when another message comes is cut off.
	MaxBacklog int

	// MaxMessageRate is how many messages per second a client may send, averaged over some 5 s; 2,000 by
	// default, negative for no limit. A client over it is read more slowly; it is not closed and nothing is lost.
	MaxMessageRate int

	// FlushEvery is how long a message that may be held back (room.Member's later) waits for others to share a
	// write with; 10 ms by default. A gateway short of processor time holds all messages back for up to 40 ms.
	FlushEvery time.Duration

	// JoinTimeout is how long a connection waits for its room to be loaded; 30 s by default.
	JoinTimeout time.Duration

	// CloseTimeout is how long a closed connection waits for its client to hang up; 5 s by default.
	CloseTimeout time.Duration

	// PingEvery is after how long without a byte from its client a connection is pinged; 30 s by default. After four
	// times as long without one it is closed with 4509.
	PingEvery time.Duration

	// DrainSpread is the time over which Drain spreads the closing of connections, so that not all clients return
	// in the same instant; 1 s by default, negative for none.
	DrainSpread time.Duration

	// AllowedOrigins are the web origins whose pages may connect, beside the gateway's own: "https://app.example.com",
	// "https://*.example.com", "*.example.com" for any scheme, "*" for all. Requests without an Origin header do not come
	// from browsers and are always allowed. Pages from elsewhere are closed with 4403.
	AllowedOrigins []string

	// AllowLocalOrigins lets pages from localhost, 127.0.0.1 and [::1] connect, whatever their port: for development.
	AllowLocalOrigins bool

	// Logger gets what an operator may want to know; discards by default.
	Logger *slog.Logger

	// ProcessorTime is what the process has used of the processors so far, by which the gateway knows that it is short of them.
	// Nil: it never takes itself for busy.
	ProcessorTime func() time.Duration
}

func (o Options) withDefaults() Options {
	number := func(field *int, value int) {
		if *field == 0 {
			*field = value
		}
	}
	duration := func(field *time.Duration, value time.Duration) {
		if *field == 0 {
			*field = value
		}
	}
	number(&o.MaxMessage, 64<<20)
	number(&o.MaxConnections, 50_000)
	number(&o.MaxBacklog, 4<<20)
	number(&o.MaxMessageRate, 2_000)
	duration(&o.FlushEvery, 10*time.Millisecond)
	duration(&o.JoinTimeout, 30*time.Second)
	duration(&o.CloseTimeout, 5*time.Second)
	duration(&o.PingEvery, 30*time.Second)
	duration(&o.DrainSpread, time.Second)
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.ProcessorTime == nil {
		o.ProcessorTime = func() time.Duration { return 0 }
	}
	return o
}
