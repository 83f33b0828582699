package pool

import (
	"time"

	"github.com/symphony-rtc/symphony/internal/cluster"
)

// fold is the sums over all hosts, kept by way of their changes, and how long new ones took to be there.
type fold struct {
	hosts  map[string]cluster.Host
	sum    Seen
	asked  time.Time     // when more hosts were asked for that have not come yet; zero if none were
	learnt time.Duration // until a new host can take rooms, a moving average; 0 if none has come
}

// Bounds of what is believed of a host's way to readiness: clocks of machines differ, and not every host that comes is one
// that was asked for.
const slowest = 2 * time.Minute

func (f *fold) change(h cluster.Host, gone bool) (isNew bool) {
	old, known := f.hosts[h.ID]
	if known {
		f.count(old, -1)
		delete(f.hosts, h.ID)
	}
	if !gone {
		f.hosts[h.ID] = h
		f.count(h, 1)
	}
	return !known && !gone
}

func (f *fold) count(h cluster.Host, by int) {
	f.sum.Hosts += by
	if h.Draining {
		f.sum.Draining += by
		return
	}
	if h.Rooms <= 0 {
		f.sum.Free += by
	}
	f.sum.Rooms += by * max(h.Rooms, 0)
	if h.Load > 0 && h.Load < 100 { // which leaves out what is no number
		f.sum.Load += float64(by) * h.Load
	}
}

// learn notes that a host has come: it took as long as since its start, or since it was asked for.
func (f *fold) learn(h cluster.Host, now time.Time) {
	f.sum.Came++
	took := now.Sub(h.Started)
	if !f.asked.IsZero() {
		took = max(took, now.Sub(f.asked))
		f.asked = time.Time{}
	}
	if took <= 0 || took > slowest {
		return
	}
	if f.learnt == 0 {
		f.learnt = took
	}
	f.learnt += (took - f.learnt) / 4
}
