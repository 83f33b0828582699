package proxy

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/symphony-rtc/symphony/internal/cluster"
	"github.com/symphony-rtc/symphony/protocol"
)

// A room is what a proxy knows of a room that it has connections to. It looks for the room's host once for all of them.
type room struct {
	p  *Proxy
	id string

	mu      sync.Mutex
	conns   map[*conn]struct{}
	waiting int    // connections that wait for a host
	route   *route // the newest; nil if nobody knows where the room is
	gone    chan struct{}
	doubt   chan struct{} // tells watch that a connection may have been made too late

	// Of those who look for a host, one at a time.
	failed string               // the host that was tried last, in vain
	tries  int                  // in vain, since the last success
	avoid  map[string]time.Time // hosts that are not to be picked, until when
	why    string               // the last failure, for people

	breakdowns int       // in a row: the host ended without a word, before or soon after it had answered
	broke      time.Time // when it did last
}

// A route is where a room is. Whoever makes it, the leader, goes there first; the others follow when a host has answered.
type route struct {
	room  *room
	host  cluster.Host
	found chan struct{} // closed when the leader knows

	// Under the room's lock:
	ok     bool      // what the leader knows: the host serves the room,
	since  time.Time // from then on
	broken bool      // it has broken down
	picked bool      // the room was free, and this is one of the few that are opened
}

// enter makes a connection one of a room's.
func (p *Proxy) enter(id string, c *conn) *room {
	p.mu.Lock()
	defer p.mu.Unlock()
	r := p.rooms[id]
	if r == nil {
		r = &room{p: p, id: id, conns: make(map[*conn]struct{}), gone: make(chan struct{}), doubt: make(chan struct{}, 1)}
		p.rooms[id] = r
		p.work.Go(r.watch)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.conns[c] = struct{}{}
	return r
}

// leave ends that.
func (r *room) leave(c *conn) {
	r.p.mu.Lock()
	defer r.p.mu.Unlock()
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.conns, c)
	if len(r.conns) == 0 {
		delete(r.p.rooms, r.id)
		close(r.gone)
	}
}

// acquire returns where the room is. The caller tells how it went, by serves, fails or abandon: it may be the first to go there.
func (r *room) acquire(ctx context.Context) (to *route, err error) {
	r.mu.Lock()
	if r.waiting >= r.p.opts.MaxWaiting {
		r.mu.Unlock()
		return nil, protocol.Closef(protocol.CloseUnavailable, "%d connections wait for this room already: try again", r.p.opts.MaxWaiting)
	}
	if r.waiting++; r.waiting == 1 {
		r.p.events.waitingRooms.Add(1)
	}
	r.p.events.waiting.Add(1)
	defer func() {
		if r.waiting--; r.waiting == 0 {
			r.p.events.waitingRooms.Add(-1)
		}
		r.p.events.waiting.Add(-1)
		r.mu.Unlock()
	}()
	for {
		switch to = r.route; {
		case to == nil:
			to = &route{room: r, found: make(chan struct{})}
			r.route = to
			r.mu.Unlock()
			err = r.p.resolve(ctx, to)
			r.mu.Lock()
			if err != nil {
				r.drop(to)
				return nil, err
			}
			return to, nil
		case to.ok:
			return to, nil
		}
		r.mu.Unlock()
		select {
		case <-to.found:
		case <-ctx.Done():
		}
		r.mu.Lock()
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
	}
}

// serves says that the host of a route has answered.
func (to *route) serves() {
	r := to.room
	to.check()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.failed, r.tries, r.why = "", 0, ""
	if !to.ok && r.route == to {
		to.ok, to.since = true, time.Now()
		to.end()
	}
}

// check has the room verified in a moment if the view does not have it where the route leads: the view is late, or the room got
// another host while this one was being connected to, and watch has seen that already.
func (to *route) check() {
	if seen, known := to.room.p.deps.View.Owner(to.room.id); known && seen.ID == to.host.ID {
		return
	}
	select {
	case to.room.doubt <- struct{}{}:
	default:
	}
}

// end tells those who wait for the leader.
func (to *route) end() {
	close(to.found)
	if to.picked {
		<-to.room.p.opening
	}
}

// unpick tells the placement that the host that it picked does not get the room, whether by its own fault or not.
func (to *route) unpick(failed bool) {
	to.room.mu.Lock()
	unanswered := to.picked && !to.ok
	to.room.mu.Unlock()
	switch place := to.room.p.deps.Place; {
	case !unanswered:
	case failed:
		place.Failed(to.host.ID)
	default:
		place.Unused(to.host.ID)
	}
}

// abandon gives a route up that no host has answered on, because its leader's client went.
func (to *route) abandon() {
	r := to.room
	r.mu.Lock()
	defer r.mu.Unlock()
	if !to.ok {
		r.drop(to)
	}
}

// fails says that the room is not where a route leads, or not any more, and why. With avoid set, the host is not to be chosen
// for this room for some time.
func (to *route) fails(why string, avoid bool) {
	r := to.room
	r.mu.Lock()
	defer r.mu.Unlock()
	if avoid {
		r.shun(to.host.ID, avoidFor)
	}
	if r.route == to {
		r.failed, r.why = to.host.ID, why
		r.tries++
	}
	r.drop(to)
}

const (
	// soon is for how long after its host has answered a breakdown may be the room's own doing: it takes more memory than there is, say.
	soon = 10 * time.Second
	// A room whose hosts break down soon, one after the other, is opened again after a pause, from the second time on. Else it would
	// take down every host there is, as fast as they can open it.
	firstRest   = 250 * time.Millisecond // it doubles
	longestRest = 30 * time.Second       // up to this
)

// breaksDown is fails for a host that ended without a word.
func (to *route) breaksDown(why string, avoid bool) {
	r, now := to.room, time.Now()
	r.mu.Lock()
	if !to.broken { // the first of its connections says so
		to.broken = true
		if !to.ok || now.Sub(to.since) < soon {
			r.breakdowns++
		} else {
			r.breakdowns = 0
		}
		r.broke = now
	}
	r.mu.Unlock()
	to.fails(why, avoid)
}

// hostGone reports whether a route's host is registered no more, as far as is known.
func (to *route) hostGone() bool {
	return !slices.ContainsFunc(to.room.p.deps.View.Hosts(), func(h cluster.Host) bool { return h.ID == to.host.ID })
}

// rest is how long the room is still to be left alone. The room's lock is held.
func (r *room) rest(now time.Time) time.Duration {
	if r.breakdowns < 2 {
		return 0
	}
	return r.broke.Add(min(firstRest<<min(r.breakdowns-2, 10), longestRest)).Sub(now)
}

// movedAway is fails for a host that lets go of the room.
func (to *route) movedAway(why string) {
	to.room.mu.Lock()
	to.room.shun(to.host.ID, avoidMoved)
	to.room.mu.Unlock()
	to.fails(why, false)
}

const (
	// avoidFor is how long a host that refused a room is not chosen for it.
	avoidFor = 5 * time.Second
	// avoidMoved is the same for a host that a room was moved away from. It has one room less than before and would be chosen again and
	// again, and take the room back as soon as it may, which is before this is over.
	avoidMoved = 2 * time.Second
)

// shun keeps a host from being chosen for the room. The room's lock is held.
func (r *room) shun(id string, d time.Duration) {
	if r.avoid == nil {
		r.avoid = make(map[string]time.Time)
	}
	r.avoid[id] = time.Now().Add(d)
}

// drop forgets a route. The room's lock is held.
func (r *room) drop(to *route) {
	if r.route != to {
		return
	}
	r.route = nil
	if !to.ok {
		to.end()
	}
}

func (r *room) avoids(id string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return time.Now().Before(r.avoid[id])
}

// watch follows the room in the registry: when it has another host than the connections are with, they are carried over. That
// is how they leave a host that is frozen, or cut off from the registry.
func (r *room) watch() {
	var retry <-chan time.Time
	for doubted := false; ; {
		changed, cancel := r.p.deps.View.Changed(r.id)
		if doubted || r.verify() {
			retry = time.After(verifyAgain)
		}
		doubted = false
		select {
		case <-changed:
		case <-retry:
			retry = nil
		case <-r.doubt:
			doubted = true
		case <-r.gone:
			cancel()
			return
		case <-r.p.ctx.Done():
			cancel()
			return
		}
		cancel()
	}
}

// verifyAgain is after how long the registry is asked again if it did not answer, and how late the view may be before it is compared.
const verifyAgain = time.Second

// verify compares where the connections are with the view and, if they differ, with the registry, because the view may be
// late. It reports whether that has to be done again, because the registry did not answer.
func (r *room) verify() (again bool) {
	seen, known := r.p.deps.View.Owner(r.id)
	r.mu.Lock()
	var elsewhere []*conn
	for c := range r.conns {
		if host := c.with(); host != "" && !(known && host == seen.ID) {
			elsewhere = append(elsewhere, c)
		}
	}
	r.mu.Unlock()
	if len(elsewhere) == 0 {
		return false
	}
	ctx, cancel := context.WithTimeout(r.p.ctx, registryTimeout)
	defer cancel()
	owner, err := r.p.deps.Registry.Owner(ctx, r.id)
	if err != nil && !errors.Is(err, cluster.ErrFree) {
		return true
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if to := r.route; to != nil && to.ok && to.host.ID != owner.ID {
		r.drop(to)
	}
	for _, c := range elsewhere {
		if host := c.with(); host != owner.ID {
			c.cut(host)
		}
	}
	return false
}
