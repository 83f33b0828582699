package process

import (
	"cmp"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"time"

	"github.com/symphony-rtc/symphony/internal/cluster"
)

// keeper is what the Orchestrator's goroutine does.
type keeper struct {
	o           Options
	confinement *confinement // nil without limits
	children    map[string]*child
	exits       chan exit
	want        cluster.Want
	ending      bool // all of it

	failures  int // in a row
	failed    time.Time
	notBefore time.Time // when the next child may be started
}

func newKeeper(o Options) *keeper {
	k := &keeper{o: o, children: make(map[string]*child), exits: make(chan exit)}
	if o.Memory > 0 || o.Processors > 0 {
		var err error
		if k.confinement, err = confine(limits{memory: o.Memory, processors: o.Processors}); err != nil {
			o.Log.Warn("processes cannot be given limits of their own: they share those of this one", "err", err)
		}
	}
	return k
}

// run is the Orchestrator's goroutine. It returns when quit is closed and no child is left.
func (k *keeper) run(wants <-chan cluster.Want, events <-chan cluster.Event, quit <-chan struct{}) {
	defer k.confinement.close()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for !k.ending || len(k.children) > 0 {
		select {
		case k.want = <-wants:
		case e, ok := <-events:
			if !ok {
				events = nil // the registry is closed: it stays as it was last known
			}
			k.follow(e)
		case e := <-k.exits:
			k.ended(e)
		case <-quit:
			quit, k.ending = nil, true
			for _, c := range k.children {
				k.end(c, "the server ends")
			}
		case <-timer.C:
		}
		k.killOverdue()
		if !k.ending {
			k.scale()
		}
		timer.Reset(k.next())
	}
}

// follow notes what the registry says about children.
func (k *keeper) follow(e cluster.Event) {
	switch e.Kind {
	case cluster.EventReset:
		for _, c := range k.children {
			c.told = false
		}
		return
	case cluster.EventSynced:
		for _, c := range k.children {
			if c.present && !c.told {
				c.leave()
			}
		}
		return
	}
	c := k.children[e.Host.ID]
	if c == nil {
		return
	}
	switch e.Kind {
	case cluster.EventHost:
		if !c.joined {
			c.log.Debug("a process is ready", "took", time.Since(c.started))
		}
		c.joined, c.present, c.told = true, true, true
		c.draining, c.rooms = e.Host.Draining, e.Host.Rooms
		switch {
		case c.rooms > 0:
			c.used, c.idle = true, time.Time{}
		case c.used && c.idle.IsZero():
			c.idle = time.Now()
		}
	case cluster.EventHostGone:
		c.leave()
	case cluster.EventClaimed:
		c.used, c.idle = true, time.Time{}
	}
}

// leave notes that a child is not registered any more.
func (c *child) leave() { c.present, c.absent = false, time.Now() }

// counts reports whether a child is one of those that Scale speaks of: it can have a room, or will soon.
func (k *keeper) counts(c *child) bool {
	if c.ending || c.draining || c.joined && !c.present {
		return false
	}
	return k.o.Capacity > 1 || !k.usedUp(c)
}

// usedUp reports whether a child for one room has, or is about to end after, its room.
func (k *keeper) usedUp(c *child) bool {
	return c.used && (c.idle.IsZero() || time.Since(c.idle) < k.o.Unused)
}

// scale starts or ends children so that there are as many as are wanted.
func (k *keeper) scale() {
	need := k.want.Total
	if k.o.Capacity == 1 {
		need = k.want.Free
	}
	starting := 0
	var counted []*child
	for _, c := range k.children {
		if k.counts(c) {
			need--
			counted = append(counted, c)
		}
		if !c.joined && !c.ending {
			starting++
		}
	}
	if need < 0 {
		slices.SortFunc(counted, func(a, b *child) int { // who is missed least first
			return cmp.Or(cmp.Compare(value(a), value(b)), b.started.Compare(a.started))
		})
		for _, c := range counted[:-need] {
			k.end(c, "fewer are wanted")
		}
		return
	}
	for ; need > 0 && starting < k.o.Starting && (k.o.Most == 0 || len(k.children) < k.o.Most); need-- {
		if time.Now().Before(k.notBefore) {
			return
		}
		if err := k.start(); err != nil {
			k.o.Log.Error("a process for rooms cannot be started", "err", err)
			k.fail()
			return
		}
		starting++
	}
}

// value is how much a child would be missed.
func value(c *child) int {
	if !c.joined {
		return 0
	}
	return c.rooms + 1
}

// ended notes the end of a child.
func (k *keeper) ended(e exit) {
	c := e.child
	delete(k.children, c.id)
	c.out.flush()
	memory := c.group.outOfMemory()
	c.group.remove()
	_ = os.Remove(socketPath(k.o.Dir, c.id)) // one that was killed leaves it
	attrs := []any{"lived", time.Since(c.started).Round(time.Millisecond)}
	if e.err != nil {
		attrs = append(attrs, "err", e.err)
	}
	switch {
	case memory:
		c.log.Error("a process is killed: it needed more memory than cluster.memory allows", append(attrs, "memory", k.o.Memory)...)
	case e.err != nil && !c.asked(e.err):
		c.log.Error("a process for rooms has crashed", attrs...)
	default:
		c.log.Debug("a process has ended", attrs...)
	}
	if !c.ending && (!c.used || k.o.Capacity > 1) && (e.err != nil || !c.draining) {
		k.fail()
	}
}

// fail delays the next start, because something that was started was of no use. Pauses are random so that what fails together does
// not come back together.
func (k *keeper) fail() {
	now := time.Now()
	for _, c := range k.children { // is there one that shows that it is not as it was?
		if c.present && c.started.After(k.failed) && now.Sub(c.started) >= k.o.Stable {
			k.failures = 0
		}
	}
	longest := min(k.o.RetryMax, k.o.RetryMin<<min(k.failures, 30))
	k.failures++
	k.failed = now
	k.notBefore = now.Add(rand.N(longest) + 1)
}

// overdue returns when a child is killed, and why; zero if it is not to be.
func (k *keeper) overdue(c *child) (time.Time, string) {
	switch {
	case c.ending:
		return c.killAt, c.killed
	case c.present:
		return time.Time{}, ""
	case !c.joined:
		return c.absent.Add(k.o.Patience), "it did not become ready"
	}
	return c.absent.Add(k.o.Patience), "it gives no sign of life"
}

func (k *keeper) killOverdue() {
	for _, c := range k.children {
		if at, why := k.overdue(c); !at.IsZero() && !time.Now().Before(at) {
			if !c.ending && !c.joined {
				k.fail()
			}
			c.killed = why
			c.kill()
		}
	}
}

// next returns how long there is nothing to do unless something happens.
func (k *keeper) next() time.Duration {
	now := time.Now()
	next := now.Add(time.Hour)
	if now.Before(k.notBefore) {
		next = k.notBefore
	}
	for c := range maps.Values(k.children) {
		if at, _ := k.overdue(c); !at.IsZero() && at.Before(next) {
			next = at
		}
		if at := c.idle.Add(k.o.Unused); !c.idle.IsZero() && at.After(now) && at.Before(next) {
			next = at
		}
	}
	return max(next.Sub(now), 0)
}
