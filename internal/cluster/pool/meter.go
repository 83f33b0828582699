package pool

import (
	"math"
	"time"
)

// How quickly the meter forgets.
const (
	quick = 10 * time.Second // a rise of the rate is seen within seconds
	slow  = time.Minute      // and remembered for a minute
)

// Meter measures how fast rooms are claimed, from a number that counts claims. Not safe for concurrent use.
type Meter struct {
	began       bool
	last        sample
	quick, slow float64
	peak        float64  // of Burst, fading
	window      []sample // the last claims, up to one older than the window of Burst
}

type sample struct {
	at     time.Time
	claims uint64
}

// Count takes in how many claims there have been by now; within is the time over which claims are a burst.
func (m *Meter) Count(now time.Time, claims uint64, within time.Duration) {
	if !m.began {
		m.began, m.last = true, sample{now, claims}
		m.window = append(m.window, m.last)
		return
	}
	passed := now.Sub(m.last.at)
	if passed <= 0 {
		return
	}
	var more uint64
	if claims > m.last.claims {
		more = claims - m.last.claims
	}
	rate := float64(more) / passed.Seconds()
	m.quick += (rate - m.quick) * (1 - math.Exp(-passed.Seconds()/quick.Seconds()))
	m.slow += (rate - m.slow) * (1 - math.Exp(-passed.Seconds()/slow.Seconds()))
	m.last = sample{now, claims}
	m.window = append(m.window, m.last)
	for len(m.window) > 1 && now.Sub(m.window[1].at) >= within {
		m.window = m.window[1:]
	}
	burst := float64(claims) - float64(m.window[0].claims)
	m.peak = max(m.peak*math.Exp(-passed.Seconds()/slow.Seconds()), burst)
}

// Rate returns claims per second: it rises quickly and falls slowly.
func (m *Meter) Rate() float64 { return max(m.quick, m.slow) }

// Burst returns the most claims within the time given to Count, fading with a time constant of a minute.
func (m *Meter) Burst() int { return int(m.peak) }
