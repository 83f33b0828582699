package bench

import "time"

// state is how far a connection has come.
type state uint8

const (
	waiting    state = iota // for its turn in the ramp
	connecting              // TCP
	upgrading               // HTTP to WebSocket
	joining                 // the sync handshake
	ready                   // a member of its room: what others send from now on is expected to arrive
	closing                 // said goodbye at the end of the run
	gone                    // no connection (any more)
)

// user is one connection and what it has sent and received.
type user struct {
	index    int // among all users of the run
	client   uint64
	room     *benchRoom
	seat     int // in the room
	state    state
	fd       int32
	symphony bool // the server said hello: it speaks symphony.v1
	deaf     bool // the socket refused a write: its end will be read soon
	began    time.Duration

	sent  [kinds]uint32
	plan  [kinds]schedule
	track []senderTrack // what it has from whom, by seat; set when ready

	in   []byte // the beginning of a frame whose rest has not arrived
	part []byte // the fragments so far of a fragmented message
	out  []byte // what the socket did not take

	syncs   []time.Duration // when the sync messages that are not yet durable were due; negative if not measured
	durable uint64          // how many of them are
}

type senderTrack [kinds]track

// benchRoom is the members of one room.
type benchRoom struct {
	users []user // a part of the loop's
	ready int    // how many are in state ready
}
