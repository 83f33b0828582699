package placement

import "time"

// recent is the picks and failures of the last Memory, oldest first.
type recent struct {
	first int // entries before it are forgotten
	list  []memory
}

// memory is one pick or failure of a host.
type memory struct {
	host   *host
	failed bool
	until  time.Duration // since the table began
}

func (t *Table) remember(h *host, failed bool) {
	t.recent.list = append(t.recent.list, memory{h, failed, t.now().Sub(t.began) + t.memory})
}

// forget ends what was remembered for long enough.
func (t *Table) forget() {
	r := &t.recent
	if r.first == len(r.list) {
		return
	}
	now := t.now().Sub(t.began)
	for ; r.first < len(r.list) && r.list[r.first].until <= now; r.first++ {
		m := r.list[r.first]
		r.list[r.first].host = nil
		m.end()
		if m.host.gone {
			t.weigh(m.host.zone)
		} else {
			t.update(m.host)
		}
	}
	if r.first > len(r.list)/2 { // each entry is moved once at most on average
		rest := copy(r.list, r.list[r.first:])
		clear(r.list[rest:])
		r.list = r.list[:rest]
		r.first = 0
	}
}

func (m memory) end() {
	h := m.host
	switch {
	case m.failed:
		h.failed--
		h.zone.failed--
		return
	case h.settled > 0:
		h.settled--
	default:
		h.pending--
	}
	h.zone.picks--
}

// Picked counts a room that went to a host by another way than Pick: a move to a host that somebody named.
func (t *Table) Picked(id string) {
	t.change(id, t.picked)
}

func (t *Table) picked(h *host) {
	h.pending++
	h.zone.picks++
	t.remember(h, false)
	t.update(h)
}

// Failed tells that a picked host did not take the room: it said that it is full or restarting, or could not be reached. It
// is left out for a moment, and its zone is asked less if most of what is picked there fails.
func (t *Table) Failed(id string) {
	t.change(id, func(h *host) {
		h.settle(1)
		h.failed++
		h.zone.failed++
		t.remember(h, true)
		t.update(h)
	})
}

// Unused tells that a pick came to nothing through no fault of the host: somebody else has the room, or nobody wants it any
// more. The place is free again at once.
func (t *Table) Unused(id string) {
	t.change(id, func(h *host) {
		h.settle(1)
		t.update(h)
	})
}

func (t *Table) change(id string, change func(*host)) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.forget()
	if h := t.hosts[id]; h != nil {
		change(h)
	}
}
