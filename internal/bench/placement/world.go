package placement

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"time"
)

// How the rest of the cluster behaves.
const (
	lease       = 5 * time.Second // until the registry gives up a host that died
	reconnects  = 2 * time.Second // within which the clients of a room come back after its host has died
	retry       = time.Second     // until an open that no host took is tried again
	tries       = 8               // hosts that one open tries
	fullMachine = 0.85            // load of a host whose rooms are as many as its capacity, and of average size
)

// world is the cluster as it truly is, and the proxies' views of it.
type world struct {
	config  Config
	random  *rand.Rand
	tick    time.Duration
	now     int // in ticks
	end     int
	sizes   distribution[uint16]
	lives   distribution[float32]
	hosts   []host
	rooms   []room
	ends    [][]int32 // rooms whose life is over, by tick
	opens   [][]int32 // rooms that come back, by tick
	events  map[int][]func()
	proxies []proxy
	changed []int32  // hosts that have something to tell
	ended   []word   // starts of hosts that the registry has given up in this tick
	words   [][]word // told in the last ticks, a ring
	tally   Tally
	power   float64 // people that load a host fully
}

// host is a host as it is.
type host struct {
	*identity
	starts         int
	first          int32 // of its rooms; -1 is none
	rooms          int32
	people         int64
	up, draining   bool
	changed        bool
	second, opened int32 // rooms opened in this second of the simulation
}

// room is a room that is open, or will be at once: when one ends another begins in its place.
type room struct {
	host       int32 // -1 if none has it
	prev, next int32 // on that host
	people     uint16
}

// proxy is one that chooses hosts.
type proxy struct {
	strategy
	lag int // age of its view in ticks
}

func newWorld(c Config, s Strategy, length time.Duration) *world {
	tick, oldest := c.age()
	w := &world{config: c, random: rand.New(rand.NewPCG(c.Seed, 0)), tick: tick, end: int(length / tick),
		sizes: crowds(), lives: lifetimes(), hosts: make([]host, c.Hosts), rooms: make([]room, c.Rooms),
		events: map[int][]func(){}, words: make([][]word, oldest)}
	w.ends, w.opens = make([][]int32, w.end+1), make([][]int32, w.end+1)
	w.power = float64(c.Capacity) * w.sizes.mean() / fullMachine
	epoch := time.Unix(0, 0)
	clock := func() time.Time { return epoch.Add(time.Duration(w.now) * w.tick) }
	for i := range c.Proxies {
		w.proxies = append(w.proxies, proxy{s.make(c, clock, rand.NewPCG(c.Seed, uint64(i+1))), 1 + i%oldest})
	}
	for i := range w.hosts {
		w.hosts[i].first = -1
		w.start(int32(i))
	}
	for i := range w.rooms {
		w.rooms[i].host = -1
	}
	return w
}

// in returns a tick from now.
func (w *world) in(d time.Duration) int { return w.now + max(1, int(d/w.tick)) }

func (w *world) after(d time.Duration, do func()) {
	at := w.in(d)
	w.events[at] = append(w.events[at], do)
}

// step plays one tick.
func (w *world) step() {
	w.hear()
	for _, do := range w.events[w.now] {
		do()
	}
	delete(w.events, w.now)
	for _, r := range w.ends[w.now] {
		w.leave(r)
		w.begin(r)
	}
	for _, r := range w.opens[w.now] {
		w.open(r)
	}
	w.ends[w.now], w.opens[w.now] = nil, nil
	w.tell()
	w.now++
}

// tell writes down what changed in this tick, for the proxies to hear when it has reached them.
func (w *world) tell() {
	list := append(w.words[w.now%len(w.words)][:0], w.ended...)
	w.ended = w.ended[:0]
	slices.Sort(w.changed) // what is near in memory is heard together
	for _, i := range w.changed {
		h := &w.hosts[i]
		h.changed = false
		if h.up {
			list = append(list, word{who: h.identity, rooms: h.rooms, load: float32(w.load(h)), draining: h.draining})
		}
	}
	w.changed = w.changed[:0]
	w.words[w.now%len(w.words)] = list
}

// gone tells that the registry has given up a start of a host.
func (w *world) gone(who *identity) {
	w.ended = append(w.ended, word{who: who, gone: true})
}

func (w *world) hear() {
	for _, p := range w.proxies {
		if at := w.now - p.lag; at >= 0 {
			for _, word := range w.words[at%len(w.words)] {
				p.hear(word)
			}
		}
	}
}

func (w *world) load(h *host) float64 { return float64(h.people) / w.power }

func (w *world) change(i int32) {
	if h := &w.hosts[i]; !h.changed {
		h.changed = true
		w.changed = append(w.changed, i)
	}
}

// start starts a host.
func (w *world) start(i int32) {
	h := &w.hosts[i]
	h.starts++
	h.identity = &identity{i, fmt.Sprintf("host-%d-%d", i, h.starts), fmt.Sprint(i), fmt.Sprint("zone-", w.zone(i))}
	h.up, h.draining = true, false
	w.change(i)
}

func (w *world) zone(i int32) int { return int(i) % w.config.Zones }

// die ends a host without a word. Its rooms come back when their clients do.
func (w *world) die(i int32) {
	h := &w.hosts[i]
	if !h.up {
		return
	}
	h.up = false
	w.scatter(h, reconnects)
	who := h.identity
	w.after(lease, func() { w.gone(who) })
}

// drain ends a host in an orderly way: it says so, and a moment later lets go of its rooms and leaves.
func (w *world) drain(i int32, back time.Duration) {
	h := &w.hosts[i]
	if !h.up {
		return
	}
	h.draining = true
	w.change(i)
	w.after(time.Second, func() {
		if !h.up {
			return
		}
		h.up = false
		w.scatter(h, 0)
		w.gone(h.identity)
		w.after(back, func() { w.start(i) })
	})
}

// scatter takes all rooms from a host. They are opened anew within a time.
func (w *world) scatter(h *host, within time.Duration) {
	for h.first >= 0 {
		r := h.first
		w.leave(r)
		w.later(r, time.Duration(w.random.Int64N(int64(within)+1)))
	}
}

func (w *world) later(r int32, d time.Duration) {
	if at := w.in(d); at < len(w.opens) {
		w.opens[at] = append(w.opens[at], r)
	}
}

// begin begins a new room in the place of one that has ended.
func (w *world) begin(r int32) {
	w.rooms[r].people = w.sizes.draw(w.random)
	life := time.Duration(float64(w.lives.draw(w.random)) * float64(time.Second))
	if at := w.in(life); at < len(w.ends) {
		w.ends[at] = append(w.ends[at], r)
	}
	w.open(r)
}

// open finds a host for a room, as a proxy does it.
func (w *world) open(r int32) {
	if w.rooms[r].host >= 0 {
		return // its life ended while it waited: the next one has been opened
	}
	w.tally.Opens++
	p := w.proxies[w.random.IntN(len(w.proxies))]
	avoid := make([]*identity, 0, tries)
	for range tries {
		who := p.pick(avoid)
		if who == nil {
			break
		}
		h := &w.hosts[who.index]
		switch {
		case !h.up || h.identity != who:
			w.tally.Dead++
		case h.draining:
			w.tally.Draining++
		case int(h.rooms) >= w.config.Capacity:
			w.tally.Full++
		default:
			w.enter(r, who.index)
			return
		}
		p.failed(who)
		avoid = append(avoid, who)
	}
	w.tally.Refused++
	w.later(r, retry)
}

func (w *world) enter(r, i int32) {
	h, m := &w.hosts[i], &w.rooms[r]
	if w.load(h) > overload {
		w.tally.Overloaded++
	}
	m.host, m.prev, m.next = i, -1, h.first
	if h.first >= 0 {
		w.rooms[h.first].prev = r
	}
	h.first = r
	h.rooms++
	h.people += int64(m.people)
	if second := int32(time.Duration(w.now) * w.tick / time.Second); second != h.second {
		h.second, h.opened = second, 0
	}
	h.opened++
	w.tally.Herd = max(w.tally.Herd, int(h.opened))
	w.change(i)
}

func (w *world) leave(r int32) {
	m := &w.rooms[r]
	if m.host < 0 {
		return
	}
	h := &w.hosts[m.host]
	if m.prev >= 0 {
		w.rooms[m.prev].next = m.next
	} else {
		h.first = m.next
	}
	if m.next >= 0 {
		w.rooms[m.next].prev = m.prev
	}
	h.rooms--
	h.people -= int64(m.people)
	w.change(m.host)
	m.host = -1
}

// zones returns how full each zone is, as a share of the capacity of its hosts that are up.
func (w *world) zones() []float64 {
	rooms, hosts := make([]float64, w.config.Zones), make([]float64, w.config.Zones)
	for i := range w.hosts {
		if h := &w.hosts[i]; h.up && !h.draining {
			rooms[w.zone(int32(i))] += float64(h.rooms)
			hosts[w.zone(int32(i))]++
		}
	}
	for z := range rooms {
		if hosts[z] > 0 {
			rooms[z] /= hosts[z] * float64(w.config.Capacity)
		}
	}
	return rooms
}

// shares returns the rooms and the people of the hosts that are up, as shares of what each can have, sorted.
func (w *world) shares() (rooms, people []float64) {
	for i := range w.hosts {
		if h := &w.hosts[i]; h.up && !h.draining {
			rooms = append(rooms, float64(h.rooms)/float64(w.config.Capacity))
			people = append(people, w.load(h))
		}
	}
	slices.Sort(rooms)
	slices.Sort(people)
	return rooms, people
}
