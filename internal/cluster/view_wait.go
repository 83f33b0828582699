package cluster

// waiter is everybody who waits for a change of one room. It is in the list of the host that has the room.
type waiter struct {
	room       string
	changed    chan struct{}
	callers    int
	host       int64 // index in View.hosts; -1 if nobody had the room
	prev, next *waiter
}

// Changed returns a channel that is closed as soon as the room gets another host or none, or its host goes, begins or ceases
// to drain, or has another address; cancel ends the waiting, and may be called whenever and more than once. To miss nothing, call Changed first and then look (Owner), and
// call it anew after each change. The room's host telling its load is no change.
func (v *View) Changed(room string) (changed <-chan struct{}, cancel func()) {
	v.mu.Lock()
	defer v.mu.Unlock()
	w := v.waiters[room]
	if w == nil {
		w = &waiter{room: room, changed: make(chan struct{}), host: -1}
		if p, ok := v.rooms[room]; ok {
			v.link(w, p.host())
		}
		v.waiters[room] = w
	}
	w.callers++
	canceled := false
	return w.changed, func() {
		v.mu.Lock()
		defer v.mu.Unlock()
		if !canceled {
			canceled = true
			v.cancel(w)
		}
	}
}

// cancel is called once for each caller.
func (v *View) cancel(w *waiter) {
	if w.callers--; w.callers == 0 && v.waiters[w.room] == w {
		v.forget(w)
	}
}

func (v *View) link(w *waiter, host uint32) {
	h := &v.hosts[host]
	w.host, w.next = int64(host), h.waiting
	if h.waiting != nil {
		h.waiting.prev = w
	}
	h.waiting = w
}

// forget takes a waiter out of the view.
func (v *View) forget(w *waiter) {
	delete(v.waiters, w.room)
	if w.host >= 0 {
		if w.prev != nil {
			w.prev.next = w.next
		} else {
			v.hosts[w.host].waiting = w.next
		}
		if w.next != nil {
			w.next.prev = w.prev
		}
	}
	w.host, w.prev, w.next = -1, nil, nil
}

// wake tells those who wait for a room.
func (v *View) wake(room string) {
	if w := v.waiters[room]; w != nil {
		v.forget(w)
		close(w.changed)
	}
}

// wakeAll tells those who wait for rooms of a host.
func (v *View) wakeAll(host uint32) {
	for w := v.hosts[host].waiting; w != nil; w = v.hosts[host].waiting {
		v.forget(w)
		close(w.changed)
	}
}
