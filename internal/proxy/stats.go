package proxy

import (
	"sync/atomic"

	"github.com/symphony-rtc/symphony/protocol"
)

// Stats is what a proxy has done since it was made.
type Stats struct {
	Connections  int // open now
	Waiting      int // of those, waiting for a host,
	WaitingRooms int // in so many rooms
	Rooms        int // that have connections now
	Links        int // connections to hosts now, one for all clients of a host

	Opened       uint64 // connections that became WebSockets
	MessagesUp   uint64 // frames from clients to hosts
	BytesUp      uint64
	MessagesDown uint64 // frames from hosts to clients
	BytesDown    uint64

	Dials       uint64 // connections to hosts that were tried
	DialErrors  uint64 // of those, that failed
	Detours     uint64 // hosts that sent a connection elsewhere: moved, restarting, full
	Broken      uint64 // clients whose host's end broke
	Cut         uint64 // clients that left a host because the registry has another one for the room
	Switches    uint64 // times that a client was carried over to another host, or to the same one again
	Forgotten   uint64 // claims that were ended because their host could not be reached
	Unavailable uint64 // connections that no host could be found for in time

	// Closed counts the connections that the proxy closed, by close code. Those that a host closed, and those whose
	// clients went, are not among them.
	Closed map[protocol.CloseCode]uint64
}

// counters are spread over shards, each on cache lines of its own, because they are touched by every message.
type counters struct {
	messagesUp, bytesUp, messagesDown, bytesDown atomic.Uint64
	_                                            [128 - 4*8]byte
}

// events are counted rarely.
type events struct {
	opened, dials, dialErrors, detours, broken, cut, switches, forgotten, unavailable atomic.Uint64
	waiting, waitingRooms                                                             atomic.Int64
}

// Stats returns the counters. It is cheap and safe for concurrent use.
func (p *Proxy) Stats() Stats {
	s := Stats{
		Opened: p.events.opened.Load(), Waiting: int(p.events.waiting.Load()), WaitingRooms: int(p.events.waitingRooms.Load()), Dials: p.events.dials.Load(),
		DialErrors: p.events.dialErrors.Load(), Detours: p.events.detours.Load(), Broken: p.events.broken.Load(),
		Cut: p.events.cut.Load(), Switches: p.events.switches.Load(), Forgotten: p.events.forgotten.Load(),
		Unavailable: p.events.unavailable.Load(),
	}
	for i := range p.counters {
		c := &p.counters[i]
		s.MessagesUp += c.messagesUp.Load()
		s.BytesUp += c.bytesUp.Load()
		s.MessagesDown += c.messagesDown.Load()
		s.BytesDown += c.bytesDown.Load()
	}
	p.mu.Lock()
	s.Connections, s.Rooms = len(p.conns)+p.arriving, len(p.rooms)
	p.mu.Unlock()
	s.Links = p.links.count()
	s.Closed = p.closed.Counts()
	return s
}
