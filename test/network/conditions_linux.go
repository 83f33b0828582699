package network

import (
	"math/rand/v2"
	"time"
)

// Conditions are what a wire does to packets, in each direction by itself. The zero Conditions pass everything on at once.
type Conditions struct {
	Delay  time.Duration // of every packet
	Jitter time.Duration // how much more or less than Delay it may be, evenly. By itself it lets no packet overtake another
	Loss   float64       // share of packets that vanish, each by itself: 0 to 1
	Double float64       // share of packets that come twice
	Late   float64       // share of packets that come later by LateBy, and are overtaken by those behind them
	LateBy time.Duration

	Bandwidth int           // bits per second; 0: no bound
	Backlog   time.Duration // how long a packet may wait for those before it because of Bandwidth; one that had to wait longer vanishes. 0: 200 ms
}

// line is one direction between two machines: it decides when each packet arrives.
type line struct {
	r      *rand.Rand
	free   time.Time // when what was sent before has left, at the given bandwidth
	newest time.Time // when the last packet arrives that is not late
}

// fate says when a packet of so many bytes that is sent now arrives: never, once, or twice.
func (l *line) fate(c Conditions, now time.Time, size int) (arrivals []time.Time, what Counts) {
	what.Sent = 1
	// All choices are made for every packet, so that a seed gives the same ones whatever the conditions are.
	lost, double, late, jitter := l.r.Float64() < c.Loss, l.r.Float64() < c.Double, l.r.Float64() < c.Late, 2*l.r.Float64()-1
	if lost {
		what.Lost = 1
		return nil, what
	}
	leaves := now
	if c.Bandwidth > 0 {
		if l.free.After(now) {
			leaves = l.free
		}
		backlog := c.Backlog
		if backlog == 0 {
			backlog = 200 * time.Millisecond
		}
		if leaves.Sub(now) > backlog {
			what.Refused = 1
			return nil, what
		}
		leaves = leaves.Add(time.Duration(float64(size*8) / float64(c.Bandwidth) * float64(time.Second)))
		l.free = leaves
	}
	arrives := leaves.Add(max(0, c.Delay+time.Duration(jitter*float64(c.Jitter))))
	if arrives.Before(l.newest) {
		arrives = l.newest
	}
	if late {
		what.Late = 1
		arrives = arrives.Add(c.LateBy)
	} else {
		l.newest = arrives
	}
	arrivals = append(arrivals, arrives)
	if double {
		what.Doubled = 1
		arrivals = append(arrivals, arrives)
	}
	return arrivals, what
}

// Counts are how many packets met what.
type Counts struct {
	Sent    int // into the wire
	Lost    int
	Refused int // because too many waited
	Doubled int
	Late    int
	Arrived int // out of the wire
}

func (c *Counts) add(more Counts) {
	c.Sent += more.Sent
	c.Lost += more.Lost
	c.Refused += more.Refused
	c.Doubled += more.Doubled
	c.Late += more.Late
	c.Arrived += more.Arrived
}

// underway are packets in the order of their arrival, and those of the same moment in that in which they were sent: a heap.
type underway []*packet

type packet struct {
	arrives time.Time
	number  int
	frame   []byte
}

func (u underway) Len() int      { return len(u) }
func (u underway) Swap(i, j int) { u[i], u[j] = u[j], u[i] }
func (u underway) Less(i, j int) bool {
	if u[i].arrives.Equal(u[j].arrives) {
		return u[i].number < u[j].number
	}
	return u[i].arrives.Before(u[j].arrives)
}

// Push implements heap.Interface.
func (u *underway) Push(p any) { *u = append(*u, p.(*packet)) }

// Pop implements heap.Interface.
func (u *underway) Pop() any {
	last := len(*u) - 1
	p := (*u)[last]
	(*u)[last] = nil
	*u = (*u)[:last]
	return p
}
