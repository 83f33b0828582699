package crdt

import "github.com/symphony-rtc/symphony/crdt/internal/wire"

// ErrMalformed is wrapped by every error about an update or a state vector that cannot be read.
var ErrMalformed = wire.ErrMalformed

// ErrUnencodable is wrapped by errors about values that V2 can carry and V1 cannot: embeds and format values that are
// bigints or undefined. Yjs throws there too.
var ErrUnencodable = wire.ErrUnencodable

// StateVector says how much of each client's content is known: the clock after the last known unit. A client that is
// missing is at 0.
type StateVector map[uint64]uint32
