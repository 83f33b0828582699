package placement

import (
	"errors"
	"fmt"

	"github.com/symphony-rtc/symphony/internal/cluster"
)

var (
	// ErrNone is wrapped by the errors of Pick if there is no host at all, or none that does not drain: start some.
	ErrNone = errors.New("no host is there to take it")
	// ErrOverloaded is wrapped by the errors of Pick if there are hosts and all are full, too busy, or have just failed.
	ErrOverloaded = errors.New("no host can take it now")
)

// Pick chooses the host for a room and counts the room on it. avoid names hosts that are not to be picked, such as those
// that this room was just refused by; it may be nil, is called with the table locked and must not call the table.
// Errors: ErrNone, ErrOverloaded.
func (t *Table) Pick(room string, avoid func(id string) bool) (cluster.Host, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.forget()
	best, avoided := t.draw(avoid)
	if best == nil {
		return cluster.Host{}, t.refusal(room, avoided)
	}
	t.picked(best)
	return best.told, nil
}

// draw returns the best of a few hosts of one zone, nil if there is none that is not avoided, and how many were.
func (t *Table) draw(avoid func(id string) bool) (best *host, avoided int) {
	var hidden []*host // avoided hosts weigh nothing while we draw: each is met once
	var z *zone
	for tries := 0; tries < t.choices; {
		if z == nil || z.free.total == 0 {
			if best != nil || t.free.total == 0 {
				break
			}
			z = t.list[t.free.find(t.random.Int64N(t.free.total))]
		}
		h := z.hosts[z.free.find(t.random.Int64N(z.free.total))]
		if avoid != nil && avoid(h.told.ID) {
			z.free.add(h.index, -h.weight)
			t.weigh(z)
			hidden = append(hidden, h)
			continue
		}
		tries++
		if best == nil || h.load() < best.load() {
			best = h
		}
		if h.told.Capacity == 1 { // it is free, and that is all that counts
			break
		}
	}
	for _, h := range hidden {
		h.zone.free.add(h.index, h.weight)
		t.weigh(h.zone)
	}
	return best, len(hidden)
}

func (t *Table) refusal(room string, avoided int) error {
	n := t.totals
	switch {
	case n.Hosts == 0:
		return fmt.Errorf("placing room %q: %w: no host is registered; start some, or see why those there are do not reach the registry", room, ErrNone)
	case n.Draining == n.Hosts:
		return fmt.Errorf("placing room %q: %w: all %d hosts are draining; start some", room, ErrNone, n.Hosts)
	}
	return fmt.Errorf("placing room %q: %w: of %d hosts %d are full, %d overloaded, %d draining, %d left out after a failure, "+
		"%d tried for this room already; start more, or wait until rooms close", room, ErrOverloaded,
		n.Hosts, n.Full, n.Overloaded, n.Draining, n.Failed, avoided)
}
