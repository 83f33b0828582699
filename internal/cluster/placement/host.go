package placement

import "github.com/symphony-rtc/symphony/internal/cluster"

// host is one host as the table knows it.
type host struct {
	told    cluster.Host // the registry's last word
	zone    *zone
	index   int // in its zone
	pending int // picks of this table that the registry did not tell of yet
	settled int // picks that are still remembered but are not pending any more
	failed  int // failures that are remembered
	gone    bool

	// What the sums of the table and of the zone have of it.
	state    state
	idle     bool
	weight   int64
	rooms    int
	capacity int
}

// state is why a host can be picked or not.
type state uint8

const (
	stateReady state = iota
	stateDraining
	stateFull
	stateOverloaded
	stateFailed
)

// heaviest bounds what one host weighs, so that no sum of weights overflows.
const heaviest = 1 << 20

// settle ends the wait for some picks: they are in the registry's numbers now, or came to nothing.
func (h *host) settle(picks int) {
	if picks = min(picks, h.pending); picks > 0 {
		h.pending -= picks
		h.settled += picks
	}
}

// count is the rooms that the host has as far as the table can know.
func (h *host) count() int { return max(h.told.Rooms, 0) + h.pending }

// load is the busier of rooms and machine, as a share. Rooms that are on their way are not in what the host tells of its
// machine: they count there like the rooms.
func (h *host) load() float64 {
	capacity := float64(max(h.told.Capacity, 1))
	machine := h.told.Load
	if !(machine >= 0) { // or no number at all
		machine = 0
	}
	return max(float64(h.count())/capacity, machine+float64(h.pending)/capacity)
}

func (h *host) stateNow(overload float64) state {
	switch {
	case h.told.Draining:
		return stateDraining
	case h.count() >= h.told.Capacity:
		return stateFull
	case h.told.Load > overload:
		return stateOverloaded
	case h.failed > 0:
		return stateFailed
	}
	return stateReady
}

// weigh is how often a host is drawn beside others: what is free on it, counted in rooms.
func (h *host) weigh() int64 {
	free := float64(h.told.Capacity) * (1 - h.load())
	return int64(min(max(free, 1), heaviest))
}

// update brings all sums up to date after a host has changed.
func (t *Table) update(h *host) {
	s, weight, idle, rooms, capacity := h.stateNow(t.overload), int64(0), false, h.count(), max(h.told.Capacity, 0)
	if s == stateReady {
		weight, idle = h.weigh(), rooms == 0
	}
	if h.gone {
		weight, idle, rooms, capacity = 0, false, 0, 0
	} else if s == stateDraining {
		capacity = 0
	}
	if weight != h.weight {
		h.zone.free.add(h.index, weight-h.weight)
		h.weight = weight
	}
	if s != h.state {
		t.totals.add(h.state, -1)
		t.totals.add(s, 1)
		h.state = s
	}
	if idle != h.idle {
		t.totals.Free += map[bool]int{true: 1, false: -1}[idle]
		h.idle = idle
	}
	t.totals.Rooms += rooms - h.rooms
	t.totals.Capacity += capacity - h.capacity
	h.rooms, h.capacity = rooms, capacity
	t.weigh(h.zone)
}
