// Package cluster is how many processes serve rooms together: who is there, who serves which room, and where more of them
// come from. It has the ports; below it are their implementations, and clustertest has the suites that all of them pass.
//
// The registry routes, the store fences: a registry that is wrong for a moment sends people to the wrong host, which costs
// them a detour and never an update, because the store refuses the writes of a host whose epoch is over.
package cluster

import (
	"context"
	"errors"
	"time"
)

// Host is a process that serves rooms, as the registry knows it.
type Host struct {
	ID       string    `json:"id"`             // unique: another start of the same program is another host
	Address  string    `json:"address"`        // where proxies reach it: host:port, or unix:/path/of/socket
	Zone     string    `json:"zone,omitempty"` // what fails together; rooms are spread over zones
	Version  string    `json:"version,omitempty"`
	Capacity int       `json:"capacity"`           // most rooms at a time; 1 is one process per room
	Rooms    int       `json:"rooms"`              // that it has claimed
	Load     float64   `json:"load,omitempty"`     // the busier of processor and memory, as a share of what it may use; 1 is all
	Draining bool      `json:"draining,omitempty"` // it takes no more rooms and lets go of those it has
	Started  time.Time `json:"started"`
}

// Registry knows which hosts there are and which host serves which room. One conformance suite (clustertest) holds for every
// implementation. Safe for concurrent use.
type Registry interface {
	// Join registers a host under a lease that the Membership keeps alive. ctx bounds the registration, not the membership.
	Join(ctx context.Context, h Host) (Membership, error)

	// Owner returns the host that serves a room. It sees every Claim and Release that returned before it was called, of
	// whatever process. Errors: ErrFree.
	Owner(ctx context.Context, room string) (Host, error)

	// Forget ends a host's claim of a room: for a host that cannot be reached. It changes nothing if another host has the room
	// by now. If the host lives after all, it hears of it (Membership.Taken) and the store fences it.
	Forget(ctx context.Context, room, host string) error

	// Watch tells everything there is as events, then EventSynced, then every change as it happens, in the order of the
	// changes. If the registry lost track (a connection was down for long) it begins anew with EventReset. The channel is
	// closed when ctx ends. Whoever does not read it holds up nobody but himself.
	Watch(ctx context.Context) <-chan Event

	// Close frees what the registry holds in this process. Memberships end as if their process had died.
	Close() error
}

// Membership is one host's registration. Safe for concurrent use.
type Membership interface {
	// Claim makes the host the one that serves a room, atomically, if nobody does, and returns who serves it now: this host, if
	// it won or had it already, else the winner.
	Claim(ctx context.Context, room string) (owner Host, err error)

	// Release ends the claim of a room. With to, the id of another host, that host has it from the same instant on; if it is
	// gone the room is free. Releasing what the host does not have changes nothing.
	Release(ctx context.Context, room, to string) error

	// Update makes known what changed of the host: Rooms, Load, Draining. ID and Address stay.
	Update(ctx context.Context, h Host) error

	// Taken delivers rooms that this host had and has no more without having released them (Forget). Best effort.
	Taken() <-chan string

	// Lost is closed when the registry is known to have ended the registration: the lease ran out. All claims are gone then.
	// A registry that cannot be reached is no proof: until it says so the membership goes on.
	Lost() <-chan struct{}

	// Leave ends the registration and all its claims. Idempotent.
	Leave(ctx context.Context) error
}

// EventKind says what an Event tells.
type EventKind uint8

// The kinds of events.
const (
	EventHost     EventKind = iota + 1 // Host is new or has changed
	EventHostGone                      // the host with Host.ID is gone. Its rooms are told as free by events of their own
	EventClaimed                       // Room is served by the host with Host.ID
	EventFree                          // nobody serves Room any more
	EventSynced                        // everything that was there when Watch began has been told
	EventReset                         // forget everything: it is told anew, up to the next EventSynced
)

// Event is a change of the registry.
type Event struct {
	Kind EventKind
	Host Host // with EventClaimed only its ID is set
	Room string
}

// Orchestrator brings up hosts and ends those that are not needed.
type Orchestrator interface {
	// Scale says how many hosts are wanted. It returns when that was passed on, not when they are there: the registry tells
	// when they are. Asking again for the same is cheap.
	Scale(ctx context.Context, want Want) error
}

// Want is how many hosts there should be. Where hosts have a capacity of 1, those with a room are nobody's business but their
// own, and Free is what counts; else Total is.
type Want struct {
	Free  int // hosts without a room, ready for one
	Total int // all hosts

	// Fewer says that hosts may be ended for it. Without, there should be at least so many: several proxies share the hosts, and one that needs
	// more than it had does not know what the others have asked for. An Orchestrator that only one process asks may ignore it.
	Fewer bool
}

var (
	// ErrFree is returned by Registry.Owner for a room that nobody serves.
	ErrFree = errors.New("nobody serves the room")
	// ErrNoMember is wrapped by the errors of a Membership that has ended.
	ErrNoMember = errors.New("the host is not registered any more")
)
