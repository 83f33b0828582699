// Package pool decides how many hosts there should be and has an Orchestrator bring them up or end them.
//
// It runs in every proxy, and there is no leader: all see the same registry and compute nearly the same, and what is nearly
// the same makes nobody act (see Sizer). More hosts are asked for at once; fewer only when they have not been needed for a while.
package pool

import (
	"math"
	"time"

	"github.com/symphony-rtc/symphony/internal/cluster"
)

// Bounds are what the operator wants of the pool. Zero values stand for the defaults.
type Bounds struct {
	Capacity int // rooms of a new host; default 1

	// MinFree and MaxFree bound the hosts that are there for rooms to come: hosts without a room if Capacity is 1 (default 2
	// and 100), else hosts more than the rooms of now need (default 0 and 100).
	MinFree, MaxFree int

	MaxTotal int           // hosts at most; default 1000
	Target   float64       // with a larger Capacity: how full and how busy hosts should be, as a share; default 0.6
	Ready    time.Duration // until a new host can take rooms, if it was never seen to take longer; default 3 s
	Cooldown time.Duration // hosts that were not needed for so long are ended; default 1 min
}

func (b Bounds) withDefaults() Bounds {
	b.Capacity = max(b.Capacity, 1)
	if b.MinFree <= 0 && b.Capacity == 1 {
		b.MinFree = 2
	}
	if b.MaxFree <= 0 {
		b.MaxFree = 100
	}
	b.MaxFree = max(b.MaxFree, b.MinFree)
	if b.MaxTotal <= 0 {
		b.MaxTotal = 1000
	}
	if b.Target <= 0 || b.Target > 1 {
		b.Target = 0.6
	}
	if b.Ready <= 0 {
		b.Ready = 3 * time.Second
	}
	if b.Cooldown <= 0 {
		b.Cooldown = time.Minute
	}
	return b
}

// Seen is what a proxy sees of the cluster.
type Seen struct {
	Hosts    int     // all
	Draining int     // of those; they take no more rooms
	Free     int     // hosts without a room that do not drain
	Rooms    int     // on hosts that do not drain
	Load     float64 // the sum of what those tell of their machines

	Rate    float64       // claims per second
	Burst   int           // most claims within the time that a host takes to get ready, lately
	Ready   time.Duration // that time
	Waiting int           // rooms that wait for a host now
	Came    int           // new hosts since this proxy began to look
}

// Size says how many hosts are needed for what is seen. It is a pure function: hysteresis is the Sizer's.
func (b Bounds) Size(s Seen) cluster.Want {
	b = b.withDefaults()
	coming := s.coming()
	if b.Capacity == 1 {
		busy := s.Hosts - s.Free
		spare := min(max(step(coming), b.MinFree), b.MaxFree)
		free := max(min(spare+s.Waiting, b.MaxTotal-busy), 0)
		return cluster.Want{Free: free, Total: busy + free}
	}
	perHost := float64(b.Capacity) * b.Target
	now := max(whole(float64(s.Rooms+s.Waiting)/perHost), whole(s.Load/b.Target), min(s.Rooms+s.Waiting, 1))
	then := whole((float64(s.Rooms+s.Waiting) + coming) / perHost)
	total := now + min(max(then-now, b.MinFree), b.MaxFree)
	return cluster.Want{Total: min(total, b.MaxTotal)}
}

// coming is how many rooms may be opened until a host that is asked for now can help: those to be expected and three standard
// deviations of a Poisson process, or as many as there were lately.
func (s Seen) coming() float64 {
	expected := max(s.Rate, 0) * max(s.Ready, 0).Seconds()
	return max(expected+3*math.Sqrt(expected), float64(s.Burst))
}

// step rounds up to a number with steps of about an eighth, so that proxies that see nearly the same want the same.
func step(n float64) int {
	up := whole(n)
	width := 1
	for up > 16*width {
		width *= 2
	}
	return (up + width - 1) / width * width
}

// whole rounds up. What is a whole number but for the error of floating point stays what it is.
func whole(n float64) int { return int(math.Ceil(n - 1e-9)) }
