package app

import (
	"runtime"
	"sync"
	"time"

	"github.com/symphony-rtc/symphony/internal/telemetry"
)

// busyness measures how much of the processors this process uses.
type busyness struct {
	mu   sync.Mutex
	at   time.Time
	used time.Duration
	last float64
}

func newBusyness() *busyness { return &busyness{at: time.Now(), used: telemetry.ProcessorTime()} }

// load is the share of the processors that the process used since it was asked last, smoothed.
func (b *busyness) load() float64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	now, used := time.Now(), telemetry.ProcessorTime()
	passed := now.Sub(b.at)
	if passed < 100*time.Millisecond {
		return b.last
	}
	share := float64(used-b.used) / float64(passed) / float64(runtime.GOMAXPROCS(0))
	b.at, b.used = now, used
	// Rounded, so that the registry is not told of every flicker.
	b.last = float64(int((b.last+share)/2*20+0.5)) / 20
	return b.last
}
