package gateway

import (
	"sync/atomic"

	"github.com/symphony-rtc/symphony/protocol"
)

// Stats is what a gateway has done since it was made.
type Stats struct {
	Connections int    // open now
	Opened      uint64 // connections that became WebSockets
	MessagesIn  uint64 // binary messages from clients
	BytesIn     uint64 // read from sockets
	MessagesOut uint64 // binary messages to clients, written or queued
	BytesOut    uint64 // of those, headers included
	Throttled   uint64 // times that a client's flood of messages was made to wait

	// Closed counts the connections that the gateway or a room closed, by close code. Those whose clients went are not
	// among them.
	Closed map[protocol.CloseCode]uint64
}

// counters are the counters of some of the connections. They are spread over shards, each on cache lines of its
// own, because they are touched by every message.
type counters struct {
	messagesIn, bytesIn, messagesOut, bytesOut, throttled atomic.Uint64
	_                                                     [128 - 5*8]byte
}

// Stats returns the counters. It is cheap and safe for concurrent use.
func (g *Gateway) Stats() Stats {
	var s Stats
	for i := range g.shards {
		c := &g.shards[i].counters
		s.MessagesIn += c.messagesIn.Load()
		s.BytesIn += c.bytesIn.Load()
		s.MessagesOut += c.messagesOut.Load()
		s.BytesOut += c.bytesOut.Load()
		s.Throttled += c.throttled.Load()
	}
	g.mu.Lock()
	s.Connections, s.Opened = g.open, g.opened
	g.mu.Unlock()
	s.Closed = g.closed.Counts()
	return s
}
