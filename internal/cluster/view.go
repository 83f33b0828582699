package cluster

import (
	"context"
	"sync"
)

// View is a copy of the registry in this process, kept by a watch. It may be a little late; asking it costs nothing. It is
// made for a million rooms: a room is its id and a number. Safe for concurrent use.
type View struct {
	synced chan struct{}
	done   chan struct{}

	mu        sync.RWMutex
	rooms     map[string]place
	ids       map[string]uint32 // host id -> index in hosts
	hosts     []seenHost
	unused    []uint32 // indexes in hosts
	round     place    // the mark of what is current: roundBit or 0
	telling   bool     // everything is being told, for the first time or anew
	claims    uint64
	lapsed    map[string]int // host id -> rooms that it had when it went: if it comes back it claims them again
	waiters   map[string]*waiter
	listeners []func(Host, bool)

	calls sync.Mutex // held while listeners are called; taken before mu
}

// place is where a room is: the index of its host, and in the lowest bit the round in which it was told last. Rounds
// alternate with each EventReset, so what is of the other round at EventSynced has vanished in between.
type place uint32

const roundBit place = 1

func (p place) host() uint32 { return uint32(p >> 1) }

// seenHost is a host, or one that has rooms and is not known (any more).
type seenHost struct {
	Host
	known   bool
	round   place
	rooms   int
	again   int     // rooms that it claims again: they do not count as claims
	waiting *waiter // a list: those who wait for changes of its rooms
}

// NewView watches a registry until ctx ends. Done tells when the view's work has ended.
func NewView(ctx context.Context, r Registry) *View {
	v := &View{
		synced:  make(chan struct{}),
		done:    make(chan struct{}),
		rooms:   make(map[string]place),
		ids:     make(map[string]uint32),
		waiters: make(map[string]*waiter),
		lapsed:  make(map[string]int),
		telling: true,
	}
	events := r.Watch(ctx)
	go func() {
		defer close(v.done)
		for e := range events {
			v.apply(e)
		}
	}()
	return v
}

// Synced is closed when the view has been complete for the first time.
func (v *View) Synced() <-chan struct{} { return v.synced }

// Done is closed when the view does not follow the registry any more, because ctx or the registry ended. It goes on answering.
func (v *View) Done() <-chan struct{} { return v.done }

// Hosts returns all hosts, in no order.
func (v *View) Hosts() []Host {
	v.mu.RLock()
	defer v.mu.RUnlock()
	hosts := make([]Host, 0, len(v.ids))
	for _, i := range v.ids {
		if v.hosts[i].known {
			hosts = append(hosts, v.hosts[i].Host)
		}
	}
	return hosts
}

// Host returns the host with an id, if it is there.
func (v *View) Host(id string) (Host, bool) {
	v.mu.RLock()
	defer v.mu.RUnlock()
	if i, ok := v.ids[id]; ok && v.hosts[i].known {
		return v.hosts[i].Host, true
	}
	return Host{}, false
}

// Rooms returns how many rooms a host has claimed. Unlike Host.Rooms, which the host tells from time to time, it follows each
// claim.
func (v *View) Rooms(host string) int {
	v.mu.RLock()
	defer v.mu.RUnlock()
	if i, ok := v.ids[host]; ok {
		return v.hosts[i].rooms
	}
	return 0
}

// Owner returns the host that serves a room; false if nobody does, or if its host is gone.
func (v *View) Owner(room string) (Host, bool) {
	v.mu.RLock()
	defer v.mu.RUnlock()
	if p, ok := v.rooms[room]; ok && v.hosts[p.host()].known {
		return v.hosts[p.host()].Host, true
	}
	return Host{}, false
}

// Claims returns how many claims have happened since the view was synced: of free rooms, and by hand-over, but not of what a host had
// before the registry lost it for a while. The difference of two calls is the rate at which hosts are used up.
func (v *View) Claims() uint64 {
	v.mu.RLock()
	defer v.mu.RUnlock()
	return v.claims
}

// OnHost has f called for every host that is there, and from then on for every host that comes, changes or goes, one call at a
// time, in order. f may ask the view, but not call OnHost, and the view stands still until it returns.
func (v *View) OnHost(f func(h Host, gone bool)) {
	v.calls.Lock()
	defer v.calls.Unlock()
	v.mu.Lock()
	v.listeners = append(v.listeners, f)
	v.mu.Unlock()
	for _, h := range v.Hosts() {
		f(h, false)
	}
}

// hostChange is what listeners are told.
type hostChange struct {
	host Host
	gone bool
}

// apply makes the view follow one event.
func (v *View) apply(e Event) {
	v.calls.Lock()
	defer v.calls.Unlock()
	changes, listeners := v.follow(e)
	for _, change := range changes {
		for _, f := range listeners {
			f(change.host, change.gone)
		}
	}
}

func (v *View) follow(e Event) ([]hostChange, []func(Host, bool)) {
	v.mu.Lock()
	defer v.mu.Unlock()
	var changes []hostChange
	switch e.Kind {
	case EventHost:
		if v.setHost(e.Host) {
			changes = []hostChange{{e.Host, false}}
		}
	case EventHostGone:
		if i, ok := v.ids[e.Host.ID]; ok && v.hosts[i].known {
			changes = []hostChange{{v.hosts[i].Host, true}}
			v.removeHost(i)
		}
	case EventClaimed:
		v.claim(e.Room, e.Host.ID)
	case EventFree:
		v.free(e.Room)
	case EventReset:
		v.beginAnew()
	case EventSynced:
		changes = v.finish()
	}
	return changes, v.listeners
}

// index returns the index of a host, which need not be known yet.
func (v *View) index(id string) uint32 {
	if i, ok := v.ids[id]; ok {
		return i
	}
	var i uint32
	if n := len(v.unused); n > 0 {
		i, v.unused = v.unused[n-1], v.unused[:n-1]
	} else {
		i = uint32(len(v.hosts))
		v.hosts = append(v.hosts, seenHost{})
	}
	v.hosts[i] = seenHost{Host: Host{ID: id}}
	v.ids[id] = i
	return i
}

// tidy gives up the index of a host that is neither known nor has rooms.
func (v *View) tidy(i uint32) {
	if h := &v.hosts[i]; !h.known && h.rooms == 0 {
		delete(v.ids, h.ID)
		v.hosts[i] = seenHost{}
		v.unused = append(v.unused, i)
	}
}

// setHost reports whether anything about the host is new.
func (v *View) setHost(h Host) bool {
	i := v.index(h.ID)
	seen := &v.hosts[i]
	was, known := seen.Host, seen.known
	if !known {
		seen.again = v.lapsed[h.ID]
		delete(v.lapsed, h.ID)
	}
	seen.Host, seen.known, seen.round = h, true, v.round
	if !known || was.Draining != h.Draining || was.Address != h.Address {
		v.wakeAll(i)
	}
	return !known || was != h
}

// maxLapsed is how many hosts that went are remembered; most of them never come back.
const maxLapsed = 10_000

func (v *View) removeHost(i uint32) {
	if n := v.hosts[i].rooms + v.hosts[i].again; n > 0 {
		if len(v.lapsed) >= maxLapsed {
			clear(v.lapsed)
		}
		v.lapsed[v.hosts[i].ID] = n
	}
	v.hosts[i].again = 0
	v.hosts[i].Host = Host{ID: v.hosts[i].ID}
	v.hosts[i].known = false
	v.wakeAll(i)
	v.tidy(i)
}

func (v *View) claim(room, host string) {
	i := v.index(host)
	old, had := v.rooms[room]
	v.rooms[room] = place(i)<<1 | v.round
	if had && old.host() == i {
		return
	}
	v.wake(room)
	v.hosts[i].rooms++
	if had {
		v.hosts[old.host()].rooms--
		v.tidy(old.host())
	}
	switch seen := &v.hosts[i]; {
	case seen.again > 0:
		seen.again--
	case !v.first():
		v.claims++
	}
}

func (v *View) free(room string) {
	old, had := v.rooms[room]
	if !had {
		return
	}
	v.wake(room)
	delete(v.rooms, room)
	v.hosts[old.host()].rooms--
	v.tidy(old.host())
}

// first reports whether the view has never been complete yet.
func (v *View) first() bool {
	select {
	case <-v.synced:
		return false
	default:
		return true
	}
}

// beginAnew prepares for being told everything again. Until then the view stays as it is: old news is better than none.
func (v *View) beginAnew() {
	v.round ^= roundBit
	if v.telling { // the last time was not finished: what it told must not pass for told this time
		for room, p := range v.rooms {
			v.rooms[room] = p&^roundBit | v.round ^ roundBit
		}
		for i := range v.hosts {
			v.hosts[i].round = v.round ^ roundBit
		}
	}
	v.telling = true
}

// finish ends what has vanished without being told.
func (v *View) finish() []hostChange {
	if !v.telling {
		return nil
	}
	v.telling = false
	var gone []hostChange
	for i := range v.hosts {
		if h := &v.hosts[i]; h.known && h.round != v.round {
			gone = append(gone, hostChange{h.Host, true})
			v.removeHost(uint32(i))
		}
	}
	for room, p := range v.rooms {
		if p&roundBit != v.round {
			v.free(room)
		}
	}
	if v.first() {
		close(v.synced)
	}
	return gone
}
