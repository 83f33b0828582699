package proxy

import (
	"context"
	"log/slog"
	"time"

	"github.com/symphony-rtc/symphony/internal/cluster"
)

// Deps are what a Proxy needs from outside.
type Deps struct {
	Registry Registry // what is true
	View     View     // what was true a moment ago, at no cost
	Place    Place    // which host is to get a new room
	Need     func()   // is called when no host can take a room; may be nil. It must not block
}

// Registry is the part of a cluster.Registry that a proxy uses.
type Registry interface {
	Owner(ctx context.Context, room string) (cluster.Host, error)
	Forget(ctx context.Context, room, host string) error
}

// View is a watch-fed copy of the registry: a *cluster.View.
type View interface {
	Owner(room string) (cluster.Host, bool)
	Hosts() []cluster.Host
	Changed(room string) (changed <-chan struct{}, cancel func())
	OnHost(f func(h cluster.Host, gone bool))
}

// Place chooses hosts: a *placement.Table.
type Place interface {
	Pick(room string, avoid func(id string) bool) (cluster.Host, error)
	Failed(id string) // it did not take the room
	Unused(id string) // somebody else has it
}

// Options are the limits and habits of a Proxy. The zero value of each field means its default.
type Options struct {
	// MaxConnections is how many connections the proxy holds at a time; 50,000 by default. Those over it are closed with
	// 4529, and far over it refused with HTTP status 503.
	MaxConnections int

	// MaxWaiting is how many connections of one room may wait for a host at a time; 1,000 by default. Those over it are
	// closed with 4503.
	MaxWaiting int

	// MaxOpening is for how many rooms hosts are looked for at a time; 256 by default. The others wait.
	MaxOpening int

	// OpenTimeout is how long a client waits until a host serves its room, at first and when it moves; 30 s by default.
	// Then it is closed with 4503.
	OpenTimeout time.Duration

	// DialTimeout is how long connecting to a host may take; 1.5 s by default. AnswerTimeout is how long the host may then
	// take to answer the handshake; 3 s by default.
	DialTimeout, AnswerTimeout time.Duration

	// CloseTimeout is how long a closed connection waits for its client to hang up; 5 s by default.
	CloseTimeout time.Duration

	// StallTimeout is how long a client may take nothing of what waits for it, or not answer the step 1 of a new host if
	// something waits for that; 60 s by default. Then it is cut off, or closed with 4501.
	StallTimeout time.Duration

	// SignOfLife is how often a client is told something while no host serves it; 10 s by default.
	SignOfLife time.Duration

	// DrainSpread is the time over which Drain spreads the closing of connections; 1 s by default, negative for none.
	DrainSpread time.Duration

	// AllowedOrigins and AllowLocalOrigins are as in gateway.Options.
	AllowedOrigins    []string
	AllowLocalOrigins bool

	// Logger gets what an operator may want to know; discards by default.
	Logger *slog.Logger
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
	number(&o.MaxConnections, 50_000)
	number(&o.MaxWaiting, 1_000)
	number(&o.MaxOpening, 256)
	duration(&o.OpenTimeout, 30*time.Second)
	duration(&o.DialTimeout, 1500*time.Millisecond)
	duration(&o.AnswerTimeout, 3*time.Second)
	duration(&o.CloseTimeout, 5*time.Second)
	duration(&o.StallTimeout, time.Minute)
	duration(&o.SignOfLife, 10*time.Second)
	duration(&o.DrainSpread, time.Second)
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return o
}
