// Package placement chooses the host for a room that nobody serves yet, from what a watch of the registry told.
//
// Many proxies choose at the same time, each from a view that is some milliseconds old. If each took the least loaded
// host, all of them would take the same one until they heard of it. So a Table
//
//   - draws a zone in proportion to what is free in it, so that zones fill evenly and one that comes back empty is not run over,
//   - draws a few hosts of that zone, each in proportion to what is free on it, and takes the least loaded of them,
//   - counts what it picked itself on the host, until the registry tells of it or a moment has passed,
//   - leaves out hosts that failed, for a moment, and avoids zones where most picks fail.
//
// docs/placement.md shows what each of these is worth, measured by `symphony bench placement`.
//
// A wrong choice costs a detour and nothing else: the host decides whether it takes a room, the registry who has it.
package placement

import (
	"math/rand/v2"
	"sync"
	"time"

	"github.com/symphony-rtc/symphony/internal/cluster"
)

// Options are what a Table can be told. Zero values stand for the defaults.
type Options struct {
	Choices  int              // hosts drawn for a pick, of which the least loaded is taken (default 3)
	Overload float64          // Host.Load above which a host is not picked (default 0.9)
	Memory   time.Duration    // how long a pick or a failure counts if the registry says nothing of it (default 2 s)
	Now      func() time.Time // default time.Now
	Source   rand.Source      // default a new one with a random seed; used by one goroutine at a time
}

// Table is the hosts as a watch of the registry tells them (see cluster.View.OnHost), ready to pick from. A pick and a change
// cost O(log n) for n hosts. Safe for concurrent use.
type Table struct {
	choices  int
	overload float64
	memory   time.Duration
	now      func() time.Time
	began    time.Time

	mu     sync.Mutex
	random *rand.Rand
	hosts  map[string]*host
	zones  map[string]*zone
	list   []*zone // by zone.index
	free   tree    // what is free in each zone, by zone.index
	recent recent
	totals Totals
}

// zone is the hosts that fail together.
type zone struct {
	index  int
	hosts  []*host // by host.index
	free   tree    // what is free on each, by host.index
	picks  int64   // from it, and how many of them failed, within the last Memory
	failed int64
	weight int64 // in Table.free
}

// New returns a table without hosts.
func New(o Options) *Table {
	if o.Choices <= 0 {
		o.Choices = 3
	}
	if o.Overload <= 0 {
		o.Overload = 0.9
	}
	if o.Memory <= 0 {
		o.Memory = 2 * time.Second
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Source == nil {
		o.Source = rand.NewPCG(rand.Uint64(), rand.Uint64())
	}
	return &Table{choices: o.Choices, overload: o.Overload, memory: o.Memory, now: o.Now, began: o.Now(),
		random: rand.New(o.Source), hosts: map[string]*host{}, zones: map[string]*zone{}}
}

// Set takes in the registry's word about a host, which is new or has changed.
func (t *Table) Set(told cluster.Host) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.forget()
	t.set(told)
}

func (t *Table) set(told cluster.Host) {
	h := t.hosts[told.ID]
	if h != nil && h.told.Zone != told.Zone { // never seen in life; but who knows who writes into a registry
		t.remove(h)
		h = nil
	}
	if h == nil {
		h = &host{zone: t.zone(told.Zone)}
		h.zone.push(h)
		t.hosts[told.ID] = h
		t.totals.Hosts++
		t.totals.add(h.state, 1)
	} else {
		// As many rooms as came, so many of our picks are in what the host tells. Others came to nothing or are on their way.
		h.settle(told.Rooms - h.told.Rooms)
	}
	h.told = told
	t.update(h)
}

// Remove takes out a host that is gone. One that is not known changes nothing.
func (t *Table) Remove(id string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.forget()
	if h := t.hosts[id]; h != nil {
		t.remove(h)
	}
}

func (t *Table) remove(h *host) {
	h.gone = true
	t.update(h)
	t.totals.add(h.state, -1)
	t.totals.Hosts--
	h.zone.take(h)
	delete(t.hosts, h.told.ID)
}

// zone returns a zone, a new one if need be. Zones are few: those without hosts stay.
func (t *Table) zone(name string) *zone {
	z := t.zones[name]
	if z == nil {
		z = &zone{index: len(t.list)}
		t.zones[name] = z
		t.list = append(t.list, z)
		t.free.push()
	}
	return z
}

func (z *zone) push(h *host) {
	h.index = len(z.hosts)
	z.hosts = append(z.hosts, h)
	z.free.push()
}

// take removes a host whose weight is 0: the last one takes its place.
func (z *zone) take(h *host) {
	last := z.hosts[len(z.hosts)-1]
	if last != h {
		z.free.add(last.index, -last.weight)
		last.index = h.index
		z.hosts[last.index] = last
		z.free.add(last.index, last.weight)
	}
	z.hosts[len(z.hosts)-1] = nil
	z.hosts = z.hosts[:len(z.hosts)-1]
	z.free.pop()
	h.index = -1
}

// weigh brings a zone's weight up to date: what is free on its hosts, times the share of its recent picks that did not fail.
// A zone that is gone is asked less and less, long before the leases of its hosts are over.
func (t *Table) weigh(z *zone) {
	weight := z.free.total
	if failed := min(z.failed, z.picks); failed > 0 && weight > 0 {
		weight = max(1, weight/(z.picks+1)*(z.picks-failed+1))
	}
	if weight != z.weight {
		t.free.add(z.index, weight-z.weight)
		z.weight = weight
	}
}
