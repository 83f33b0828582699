package gateway

import (
	"runtime"
	"time"
)

// A gateway that runs short of processor time holds relayed messages back for a while, so that more of them share a write:
// writes are most of what deliveries cost. Each message is then a little late, and no queue forms that would make them
// much later. With time to spare, every message is written at once.
const (
	busyFrom  = 0.85                   // share of the processors' time from which messages are held back longer,
	busyUntil = 0.70                   // and under which shorter
	holdStep  = 10 * time.Millisecond  // by how much
	maxHold   = 40 * time.Millisecond  // they are never held back longer than this
	loadOver  = 100 * time.Millisecond // the least time over which the share is taken
)

// A governor decides how long relayed messages are held back.
type governor struct {
	hold time.Duration
	at   time.Time
	used time.Duration // processor time of the process until then
}

// decide takes the processor time that the process has used until now.
func (g *governor) decide(now time.Time, used time.Duration) (hold time.Duration) {
	elapsed := now.Sub(g.at)
	if elapsed < loadOver {
		return g.hold
	}
	if !g.at.IsZero() {
		share := float64(used-g.used) / (float64(elapsed) * float64(runtime.GOMAXPROCS(0)))
		switch {
		case share >= busyFrom:
			g.hold = min(g.hold+holdStep, maxHold)
		case share < busyUntil:
			g.hold = max(g.hold-holdStep, 0)
		}
	}
	g.at, g.used = now, used
	return g.hold
}
