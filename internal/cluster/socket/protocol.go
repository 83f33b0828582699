package socket

import (
	"time"

	"github.com/symphony-rtc/symphony/internal/cluster"
	"github.com/symphony-rtc/symphony/internal/ipc"
)

// protocol is what both sides speak. Its number rises when the meaning of a message changes and no packed type does.
var protocol = ipc.Protocol{Name: "symphony registry 1", Types: []any{cluster.Host{}, cluster.Event{}}}

// known are the errors that are the same on both sides.
var known = ipc.Errors{cluster.ErrFree, cluster.ErrNoMember}

// Calls. Memberships have numbers, which the client gives. After each name: arguments; answer.
const (
	opTTL     = iota + 1 // nothing; the time to live
	opJoin               // membership, host; nothing
	opOwner              // room; host
	opForget             // room, host; nothing
	opClaim              // membership, room; host
	opRelease            // membership, room, to; nothing
	opUpdate             // membership, host; nothing
	opLeave              // membership; nothing
)

// Posts. Watches have numbers, which the client gives, and are the id of what is about them; else it is that of a membership.
const (
	postAlive      = iota + 100 // of the client: a sign of life
	postWatch                   // of the client: begin to tell
	postRead                    // of the client: how many events were read
	postUnwatch                 // of the client: end it
	postEvent                   // of the server: an event
	postWatchEnded              // of the server: there will be no more
	postTaken                   // of the server: a room
	postLost                    // of the server
)

const (
	// DefaultTTL is how long a process may stand still before its hosts are gone.
	DefaultTTL = 5 * time.Second
	// alivePerTTL is how many signs of life a process sends in that time.
	alivePerTTL = 5
	// maxUnread is how many events of a watch are on their way or wait in the other process. The others wait in the registry, which
	// knows what to do about those who do not read.
	maxUnread = 4096
)
