package bench

import "time"

// slot is the resolution of the schedule: what is due is sent at most this much late by design.
const slot = 250 * time.Microsecond

// wheel is a timing wheel for periodic timers that are numbered from 0: constant time to set one and to find what is
// due, no allocation. Times are durations since the start of the run.
type wheel struct {
	heads []int32         // first timer of each slot's list, -1 for none; the length is a power of two
	next  []int32         // the list: timer -> next timer in the same slot
	due   []time.Duration // timer -> when
	slot  int64           // the first slot that has not been run
	armed int
}

func newWheel(timers int) *wheel {
	w := &wheel{
		heads: make([]int32, 4096), // about one second: longer timers wait for their round
		next:  make([]int32, timers),
		due:   make([]time.Duration, timers),
	}
	for i := range w.heads {
		w.heads[i] = -1
	}
	return w
}

// slotOf is the first slot that begins at or after t, so that nothing is sent before it is due.
func slotOf(t time.Duration) int64 { return int64((t + slot - 1) / slot) }

// arm sets a timer that is not set. A time in the past is run next.
func (w *wheel) arm(timer int32, due time.Duration) {
	w.due[timer] = due
	w.armed++
	w.link(timer)
}

func (w *wheel) link(timer int32) {
	at := max(slotOf(w.due[timer]), w.slot) & int64(len(w.heads)-1)
	w.next[timer] = w.heads[at]
	w.heads[at] = timer
}

// run calls fire for every timer that is due at now and takes it out of the wheel; fire may arm it again.
func (w *wheel) run(now time.Duration, fire func(timer int32, due time.Duration)) {
	for last := int64(now / slot); w.slot <= last; {
		current := w.slot
		at := current & int64(len(w.heads)-1)
		timer := w.heads[at]
		w.heads[at] = -1
		w.slot++ // before fire, so that what it arms anew cannot land in the slot that is being emptied
		for timer >= 0 {
			following := w.next[timer]
			if slotOf(w.due[timer]) > current { // of a later round
				w.link(timer)
			} else {
				w.armed--
				fire(timer, w.due[timer])
			}
			timer = following
		}
	}
}

// wait is how long nothing can be due after now, at most limit.
func (w *wheel) wait(now, limit time.Duration) time.Duration {
	if w.armed == 0 {
		return limit
	}
	for s := w.slot; ; s++ {
		d := time.Duration(s)*slot - now
		if d >= limit {
			return limit
		}
		if w.heads[s&int64(len(w.heads)-1)] >= 0 {
			return max(d, 0)
		}
	}
}
