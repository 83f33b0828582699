package gateway

import (
	"sync"
	"time"

	"github.com/symphony-rtc/symphony/protocol"
)

// maxQuiet is after how long without a message to a client it is sent a sign of life, at most a sweep later.
//
// y-websocket 3.1 hangs up after 30 s without a message (messageReconnectTimeout in src/y-websocket.js). Pings do not
// count, because browsers do not show them to programs. Its own server never lets it come to this, since it echoes a
// client's presence to that client every 15 s. We do not echo, so somebody alone in a room is told something
// that means nothing.
const maxQuiet = 15 * time.Second

// patience is after how many times Options.PingEvery without a byte a client is taken for gone. Browsers answer pings
// themselves, even for tabs in the background, whose timers they throttle to one a minute.
const patience = 4

// A pace is how often connections are swept, and after how many sweeps in which nothing happened something is done.
type pace struct {
	every               time.Duration
	quiet, ping, silent int
}

func newPace(pingEvery time.Duration) pace {
	p := pace{every: max(min(pingEvery/4, 5*time.Second), time.Millisecond)}
	sweeps := func(d time.Duration) int { return max(int(d/p.every), 1) }
	p.quiet, p.ping, p.silent = sweeps(maxQuiet), sweeps(pingEvery), sweeps(patience*pingEvery)
	return p
}

// signOfLife is a presence message about nobody: type 1 and, with its length, an awareness update of 0 entries
// (y-protocols/awareness.js, encodeAwarenessUpdate). Clients take it and do nothing.
var signOfLife = []byte{0x80 | opBinary, 3, 1, 1, 0}

var ping = []byte{0x80 | opPing, 0}

// shardCount is into how many parts the connections are divided: the sweep visits them one after the other, evenly over
// its time, so that neither its work nor its messages come in bursts.
const shardCount = 32

// A shard is some of the connections.
type shard struct {
	counters
	number int

	mu    sync.Mutex
	conns []*conn
}

func (s *shard) add(c *conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c.index = len(s.conns)
	s.conns = append(s.conns, c)
}

func (s *shard) remove(c *conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	last := len(s.conns) - 1
	moved := s.conns[last]
	s.conns[c.index], moved.index = moved, c.index
	s.conns[last] = nil
	s.conns = s.conns[:last]
}

// appendConns appends the connections to a list, so that they can be visited without the lock.
func (s *shard) appendConns(list []*conn) []*conn {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append(list, s.conns...)
}

// sweepForever is the goroutine of everything periodic.
func (g *Gateway) sweepForever() {
	defer close(g.sweeper)
	interval := max(g.pace.every/shardCount, time.Millisecond)
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	var list []*conn
	var governor governor
	for i := 0; ; i = (i + 1) % shardCount {
		if g.deserted() { // hosts that wait for rooms are many, and should cost nothing
			ticker.Stop()
			governor.hold = 0
			g.hold.Store(0)
			select {
			case <-g.stop:
				return
			case <-g.came:
			}
			ticker.Reset(interval)
		}
		select {
		case <-g.stop:
			return
		case <-ticker.C:
		}
		g.hold.Store(int64(governor.decide(time.Now(), g.opts.ProcessorTime())))
		list = g.sweep(&g.shards[i], list[:0])
		if i == shardCount-1 {
			g.round.Add(1)
		}
	}
}

// deserted reports whether there are no connections.
func (g *Gateway) deserted() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.open == 0
}

// sweep visits the connections of a shard once. The list is memory to work with, and returned for the next sweep.
func (g *Gateway) sweep(s *shard, list []*conn) []*conn {
	list = s.appendConns(list)
	for _, c := range list {
		c.sweep()
	}
	clear(list)
	return list
}

// What conn.probe says of a connection.
const (
	notProbed   int32 = iota
	probeAsked        // somebody wants to know, and a ping was sent
	probeCounts       // the sweeper counts since then
)

// probeSilence is after how many sweeps without a byte a probed client is taken for gone.
const probeSilence = 2

func (c *conn) sweep() {
	pace := &c.gw.pace
	patience := pace.silent
	if c.heard.Swap(false) {
		c.silent = 0
		c.probe.Store(notProbed)
	} else {
		c.silent++
	}
	switch c.probe.Load() {
	case probeAsked:
		c.silent = 0
		c.probe.Store(probeCounts)
	case probeCounts:
		patience = min(patience, probeSilence)
	}
	if c.silent >= patience {
		c.Close(protocol.CloseNoPong, "nothing was heard of the client for too long, not even an answer to pings")
		return
	}
	if c.silent > 0 && c.silent%pace.ping == 0 {
		c.control(ping)
	}
	if !c.out.quiet() {
		c.quiet = 0
	} else if c.quiet++; c.quiet >= pace.quiet {
		c.quiet = 0
		c.control(signOfLife)
	}
}
