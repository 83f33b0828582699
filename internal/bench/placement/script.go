package placement

import (
	"math"
	"time"
)

// phase is a part of the cluster's life that is played.
type phase struct {
	name   string
	length time.Duration
	begin  func(*world, time.Duration)
}

const (
	dying   = 0.01 // share of the hosts that die one by one
	renewed = 0.1  // share of the hosts that the rolling update reaches
)

// script is the life that every strategy has to go through.
func script() []phase {
	return []phase{
		{"all rooms open", 20 * time.Second, fill},
		{"come and go", 20 * time.Second, func(*world, time.Duration) {}},
		{"1% of hosts die", 15 * time.Second, dieOneByOne},
		{"a zone dies", 15 * time.Second, func(w *world, _ time.Duration) { w.inZone(true, w.die) }},
		{"it comes back", 20 * time.Second, func(w *world, _ time.Duration) { w.inZone(false, w.start) }},
		{"10% are renewed", 20 * time.Second, renew},
	}
}

func fill(w *world, length time.Duration) {
	ticks := int(length / w.tick)
	for k := range ticks {
		from, to := len(w.rooms)*k/ticks, len(w.rooms)*(k+1)/ticks
		w.events[w.now+k] = append(w.events[w.now+k], func() {
			for r := from; r < to; r++ {
				w.begin(int32(r))
			}
		})
	}
}

func dieOneByOne(w *world, length time.Duration) {
	for range int(math.Ceil(dying * float64(len(w.hosts)))) {
		i := int32(w.random.IntN(len(w.hosts)))
		w.after(time.Duration(w.random.Int64N(int64(length/2))), func() {
			if !w.hosts[i].up {
				return
			}
			w.die(i)
			w.after(length/4, func() { w.start(i) })
		})
	}
}

// inZone does something to the hosts of one zone that are up, or down. A single zone is left alone.
func (w *world) inZone(up bool, do func(int32)) {
	for i := range w.hosts {
		if w.config.Zones > 1 && w.zone(int32(i)) == 0 && w.hosts[i].up == up {
			do(int32(i))
		}
	}
}

// renew drains hosts one after the other, each replaced by a new start a moment later.
func renew(w *world, length time.Duration) {
	n := int(math.Ceil(renewed * float64(len(w.hosts))))
	for k := range n {
		i := int32(len(w.hosts) - 1 - k)
		w.after(time.Duration(float64(length)*0.8*float64(k)/float64(n)), func() { w.drain(i, time.Second) })
	}
}
