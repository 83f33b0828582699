package room

import (
	"context"
	"maps"
	"math/rand/v2"
	"os"
	"runtime/debug"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/symphony-rtc/symphony/crdt"
	"github.com/symphony-rtc/symphony/protocol"
)

// The simulation of what overlaps: real hosts with real goroutines on a fake clock, and storage whose every answer takes a
// time that the seed decides. A room is opened while another host is still storing it, or this one, and closed while it is
// being loaded; hosts end in order or are killed; the room is edited, evicted, deleted, damaged and replaced meanwhile.

// world is one schedule.
type world struct {
	t     *testing.T
	seed  uint64
	disk  *disk
	books *books
	over  atomic.Bool // actors stop

	polite bool // people propose initial content, and write only once there is some

	mu     sync.Mutex
	nodes  []*node // that serve; the last is where most people go
	nextID uint64

	counts map[string]int // how often what this is about has happened; all seeds together
}

// node is a server.
type node struct {
	host    *Host
	process *process
	lines   lines
}

// lines are the connections of a node.
type lines struct {
	mu   sync.Mutex
	cut  bool
	open []*line
}

func (l *lines) add(line *line) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.cut {
		line.Close(protocol.CloseRestarting, "")
	}
	l.open = append(l.open, line)
}

func (w *world) count(what string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.counts[what]++
}

func (w *world) newNode() *node {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.nextID++
	rng := rand.New(rand.NewPCG(w.seed, 1000+w.nextID))
	n := &node{process: &process{disk: w.disk, rng: rng, slow: time.Duration(1 + rng.IntN(1_500_000_000))}}
	opts := Options{
		Grace:         time.Duration(1 + rng.IntN(2_000_000_000)),
		SnapshotEvery: time.Duration(1 + rng.IntN(4_000_000_000)),
	}
	if rng.IntN(3) == 0 {
		opts.MaxBacklog, opts.MaxWaiting = 200, 300
	}
	n.host = NewHost(n.process, opts)
	w.nodes = append(w.nodes, n)
	return n
}

// pick returns a node to connect to.
func (w *world) pick(rng *rand.Rand) *node {
	w.mu.Lock()
	defer w.mu.Unlock()
	n := len(w.nodes) - 1
	if rng.IntN(10) == 0 {
		n = rng.IntN(n + 1)
	}
	return w.nodes[n]
}

// drop takes a node out of service, and has another one begin unless one is left.
func (w *world) drop(n *node) bool {
	w.mu.Lock()
	i := slices.Index(w.nodes, n)
	if i < 0 {
		w.mu.Unlock()
		return false
	}
	if len(w.nodes) == 1 {
		w.mu.Unlock()
		w.newNode()
		w.mu.Lock()
	}
	w.nodes = slices.Delete(w.nodes, i, i+1)
	w.mu.Unlock()
	return true
}

// phase is what the room does on a node just now, for the counts.
func (n *node) phase() string {
	r := n.host.get("room")
	if r == nil {
		return "closed"
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.storing {
		return "storing"
	}
	return map[phase]string{loading: "loading", open: "open", releasing: "releasing", gone: "gone"}[r.phase]
}

// close ends a node in order, within a time that may be too short.
func (w *world) close(n *node, within time.Duration) {
	if !w.drop(n) {
		return
	}
	w.count("host closed while " + n.phase())
	ctx, cancel := context.WithTimeout(context.Background(), within)
	defer cancel()
	if err := n.host.Close(ctx); err != nil {
		w.count("host closed too late")
	}
}

// kill ends a node as SIGKILL would: the world hears nothing of it any more, and it nothing of the world.
func (w *world) kill(n *node) {
	if !w.drop(n) {
		return
	}
	w.count("host killed while " + n.phase())
	n.kill()
}

func (n *node) kill() {
	n.process.kill()
	n.lines.mu.Lock()
	n.lines.cut = true
	for _, l := range n.lines.open {
		l.mu.Lock()
		l.closed = true
		l.mu.Unlock()
	}
	n.lines.mu.Unlock()
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_ = n.host.Close(ctx)
}

// fate is what happens to hosts and storage.
func (w *world) fate(rng *rand.Rand, closing *sync.WaitGroup) {
	for !w.over.Load() {
		time.Sleep(time.Duration(rng.IntN(1_500_000_000)))
		n := w.pick(rng)
		switch p := rng.IntN(100); {
		case p < 20:
			within := time.Duration(rng.IntN(4_000_000_000))
			closing.Go(func() { w.close(n, within) })
		case p < 45:
			w.kill(n)
		case p < 60:
			w.newNode()
		case p < 90:
			w.disk.set(func() { w.disk.down = true })
			time.Sleep(time.Duration(rng.IntN(2_000_000_000)))
			w.disk.set(func() { w.disk.down = false })
		case p < 94:
			w.disk.set(func() { w.disk.corrupt = true })
			w.kill(n)
			time.Sleep(time.Duration(rng.IntN(4_000_000_000)))
			w.repair()
		}
	}
}

func (w *world) repair() {
	w.disk.set(func() {
		if w.disk.corrupt {
			w.disk.corrupt = false
			w.disk.epoch++
		}
	})
}

// manage is what the server itself does with the room.
func (w *world) manage(rng *rand.Rand) {
	for !w.over.Load() {
		time.Sleep(time.Duration(rng.IntN(800_000_000)))
		n := w.pick(rng)
		ctx, cancel := context.WithTimeout(context.Background(), time.Duration(rng.IntN(5_000_000_000)))
		switch p := rng.IntN(100); {
		case p < 50 && !(w.polite && rng.IntN(4) > 0):
			w.edit(ctx, n)
		case p < 65:
			_ = n.host.Flush(ctx, "room")
		case p < 85:
			w.count("evicted while " + n.phase())
			_ = n.host.Evict(ctx, "room", protocol.Closef(protocol.CloseRestarting, "evicted"))
		case p < 90:
			_ = n.host.Hold(ctx, "room", protocol.Closef(protocol.CloseRestarting, "replaced"), func() error {
				time.Sleep(time.Duration(rng.IntN(300_000_000)))
				w.replace()
				return nil
			})
		case p < 92:
			w.replace() // another server does it
		default:
			w.disk.set(func() { w.disk.epoch, w.disk.deleted = w.disk.epoch+1, true })
			time.Sleep(time.Duration(rng.IntN(1_500_000_000)))
			w.disk.set(func() { w.disk.deleted = false })
		}
		cancel()
	}
}

// edit is an edit by the server. In a blank room it is initial content.
func (w *world) edit(ctx context.Context, n *node) {
	by := newAuthor(w.books.newID())
	var generation uint64
	initial := false
	err := n.host.Edit(ctx, "room", func(_ *crdt.Doc, blank bool) ([]byte, error) {
		generation = n.host.get("room").generation
		if initial = blank; initial {
			return content(initialIDs + by.id), nil
		}
		w.books.note(generation, func(b *book) { b.authors[by.id] = by })
		return w.books.append(by), nil
	})
	if err != nil {
		return
	}
	w.count("edited by the server")
	w.books.note(generation, func(b *book) {
		if initial {
			b.initial = append(b.initial, initialIDs+by.id)
		} else {
			by.acked[0] = true
		}
	})
}

func (w *world) generation() uint64 {
	w.disk.mu.Lock()
	defer w.disk.mu.Unlock()
	return w.disk.generation
}

// replace puts another document in the room's place, as a restored version would be.
func (w *world) replace() {
	id := w.books.newID()
	doc := crdt.NewDoc(crdt.Options{})
	apply(w.t, doc, content(id))
	snapshot, err := doc.EncodeStateAsUpdateV2(nil)
	if err != nil {
		w.t.Error(err)
	}
	w.books.note(w.generation()+1, func(b *book) { b.replaced = id })
	w.disk.replace(snapshot)
}

// settle lets everything come to rest and checks that all agree.
func (w *world) settle(people []*person) {
	w.disk.set(func() { w.disk.down, w.disk.deleted = false, false })
	w.repair()
	for len(w.nodes) > 1 { // the others end in order
		n := w.nodes[0]
		w.drop(n)
		for _, p := range people {
			p.disconnect()
		}
		w.mustClose(n)
	}
	time.Sleep(10 * time.Second) // what is still on its way to the disk arrives
	if !w.agree(people) {
		w.differ(people)
		return
	}
	stored, _ := w.disk.read()
	w.books.check(stored, "at the end")
	for _, p := range people {
		p.disconnect()
	}
	n := w.nodes[0]
	time.Sleep(2 * time.Minute)
	if phase := n.phase(); phase != "closed" {
		w.t.Errorf("long after the last member left the room is %s", phase)
	}
	if stored, _ := w.disk.read(); len(stored.Journal) > 0 {
		w.t.Errorf("%d journal rows are left after the room closed", len(stored.Journal))
	}
	w.mustClose(n)
	w.disk.tasks.Wait()
	if w.disk.active {
		w.t.Error("all is closed and the room is still marked as active")
	}
}

func (w *world) mustClose(n *node) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
	defer cancel()
	if err := n.host.Close(ctx); err != nil {
		w.t.Error(err)
	}
}

// agree has people connect and listen until all have what is stored, or no hope is left. Each of them writes once: a host
// that lost the room to another learns of it only when it writes.
func (w *world) agree(people []*person) bool {
	wrote := make(map[*person]bool)
	for range 1000 {
		time.Sleep(300 * time.Millisecond)
		done := true
		for _, p := range people {
			if p.session != nil && p.line.isClosed() {
				p.disconnect()
			}
			if p.session == nil {
				p.connect(time.Minute)
			}
			for range 1000 {
				p.hear()
			}
			if p.settled() && !wrote[p] {
				wrote[p], done = true, false
				p.write()
			}
			done = done && p.settled()
		}
		if !done {
			continue
		}
		_, doc := w.disk.read()
		if !slices.ContainsFunc(people, func(p *person) bool { return !same(w.t, p.doc, doc) }) {
			return true
		}
	}
	return false
}

func (w *world) differ(people []*person) {
	stored, doc := w.disk.read()
	w.t.Errorf("not all agree in the end; stored (generation %d) is %v", stored.Generation, stateVector(doc))
	for i, p := range people {
		w.t.Errorf("person %d: settled %v, connected %v, generation %d, %d of %d acknowledged, has %v",
			i, p.settled(), p.session != nil, p.generation, p.durable, len(p.sent), stateVector(p.doc))
	}
	for _, p := range people {
		p.disconnect()
	}
	for _, n := range w.nodes {
		n.kill()
	}
}

func overlap(t *testing.T, seed uint64, counts map[string]int) {
	w := &world{t: t, seed: seed, counts: counts}
	w.books = &books{t: t, gens: make(map[uint64]*book)}
	w.disk = &disk{w: w, generation: 1, rows: make(map[uint64][]byte)}
	w.newNode()
	rng := rand.New(rand.NewPCG(seed, 2))
	w.polite = rng.IntN(2) == 0
	var people []*person
	var actors, closing sync.WaitGroup
	for i := range 2 + rng.IntN(3) {
		p := w.newPerson(uint64(i))
		people = append(people, p)
		actors.Go(p.live)
	}
	actors.Go(func() { w.fate(rand.New(rand.NewPCG(seed, 3)), &closing) })
	actors.Go(func() { w.manage(rand.New(rand.NewPCG(seed, 4))) })
	time.Sleep(time.Duration(1+rng.IntN(10)) * time.Second)
	w.over.Store(true)
	actors.Wait()
	for _, p := range people {
		if p.session != nil && p.line.isClosed() {
			p.disconnect()
		}
	}
	closing.Wait()
	w.settle(people)
}

// seedVariable names the environment variable that has one seed of a simulation run alone.
const seedVariable = "SYMPHONY_SEED"

// TestOverlap runs thousands of schedules.
func TestOverlap(t *testing.T) {
	first, seeds := uint64(0), uint64(5000)
	if testing.Short() {
		seeds = 300
	}
	if s := os.Getenv(seedVariable); s != "" {
		seed, err := strconv.ParseUint(s, 10, 64)
		if err != nil {
			t.Fatalf("%s: %v", seedVariable, err)
		}
		first, seeds = seed, 1
	}
	debug.SetTraceback("all") // a panic in a host shows the seed: it is an argument of overlap
	counts := make(map[string]int)
	var seed uint64
	defer func() {
		if t.Failed() {
			t.Logf("seed %d; run it alone with %s=%d go test -run TestOverlap ./internal/room", seed, seedVariable, seed)
		}
	}()
	for seed = first; seed < first+seeds; seed++ {
		synctest.Test(t, func(t *testing.T) { overlap(t, seed, counts) })
	}
	for _, what := range slices.Sorted(maps.Keys(counts)) {
		t.Logf("%6d times: %s", counts[what], what)
	}
	for _, what := range overlaps {
		if seeds > 1 && counts[what] == 0 {
			t.Errorf("in no schedule: %s", what)
		}
	}
}

// overlaps are what a run of many seeds must have seen, or else it proves nothing.
var overlaps = []string{
	"joined while loading", "joined while storing", "joined while releasing", "joined while open",
	"host closed while loading", "host closed while storing", "host closed too late",
	"host killed while loading", "host killed while storing", "host killed while releasing",
	"evicted while loading", "evicted while open", "evicted while storing",
	"claimed by another while it was being loaded", "refused a commit of an older epoch", "refused a save of an older epoch",
	"edited by the server", "proposed what was taken", "proposed too late", "replaced the document", "started over",
	"opened a damaged room", "opened a deleted room", "told that the room is deleted",
	"told that storage is fine", "told that storage is delayed", "told that storage is full",
}
