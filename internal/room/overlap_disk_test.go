package room

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/symphony-rtc/symphony/crdt"
)

// disk is the one room that all processes of a simulation share, as catalog and snapshots would have it: what it holds
// changes at one instant, some time after it was asked for and some time before the answer arrives.
type disk struct {
	w     *world
	tasks sync.WaitGroup // what goes on in storage, whether or not somebody still waits for it

	mu         sync.Mutex
	down       bool // everything fails
	active     bool // some host has it open
	deleted    bool
	corrupt    bool // it cannot be opened
	epoch      uint64
	generation uint64
	snapshot   []byte
	through    uint64 // updates up to here are in the snapshot
	last       uint64 // newest durable update
	rows       map[uint64][]byte
}

var (
	errDown = errors.New("simulated: storage is down")
	errLost = errors.New("simulated: done, but the answer was lost")
)

// stored is what a host would find. d.mu is held.
func (d *disk) stored() Stored {
	s := Stored{Epoch: d.epoch, Generation: d.generation, Snapshot: d.snapshot, LastSeq: d.last}
	for _, seq := range slices.Sorted(maps.Keys(d.rows)) {
		s.Journal = append(s.Journal, d.rows[seq])
	}
	return s
}

// read returns what is stored, and its document.
func (d *disk) read() (Stored, *crdt.Doc) {
	d.mu.Lock()
	stored := d.stored()
	d.mu.Unlock()
	doc, err := build(stored)
	if err != nil {
		d.w.t.Errorf("what is stored is no document: %v", err)
	}
	return stored, doc
}

// claim raises the epoch.
func (d *disk) claim() (Stored, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case d.deleted:
		d.w.count("opened a deleted room")
		return Stored{}, fmt.Errorf("simulated: %w", ErrDeleted)
	case d.corrupt:
		d.w.count("opened a damaged room")
		return Stored{}, fmt.Errorf("simulated: %w", ErrCorrupt)
	}
	d.epoch++
	d.active = true
	return d.stored(), nil
}

// release marks the room inactive, unless it is somebody else's by now.
func (d *disk) release(h *diskHandle) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if h.epoch != d.epoch {
		return
	}
	if _, looks := h.events.(ignore); !looks && len(d.rows) > 0 {
		d.w.t.Errorf("released with %d updates that are in no snapshot", len(d.rows))
	}
	d.active = false
}

// commit makes updates of a claim durable.
func (d *disk) commit(epoch uint64, batch []simRow) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if epoch != d.epoch {
		d.w.count("refused a commit of an older epoch")
		return ErrFenced
	}
	for _, row := range batch {
		d.rows[row.seq] = row.update
		d.last = max(d.last, row.seq)
	}
	return nil
}

// point makes a snapshot the newest state, after checking that it may be.
func (d *disk) point(epoch, through uint64, snapshot []byte) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if epoch != d.epoch {
		d.w.count("refused a save of an older epoch")
		return ErrFenced
	}
	if through > d.last {
		d.w.t.Errorf("a snapshot covers updates up to %d, durable are those up to %d", through, d.last)
	}
	if through < d.through {
		return fmt.Errorf("simulated: a snapshot through %d cannot follow one through %d", through, d.through)
	}
	d.checkCovers(through, snapshot)
	d.snapshot, d.through = snapshot, through
	maps.DeleteFunc(d.rows, func(seq uint64, _ []byte) bool { return seq <= through })
	return nil
}

// checkCovers checks that a snapshot has everything that it is about to replace.
func (d *disk) checkCovers(through uint64, snapshot []byte) {
	doc, err := build(Stored{Snapshot: snapshot})
	if err != nil {
		d.w.t.Errorf("a snapshot is no document: %v", err)
		return
	}
	if d.snapshot != nil {
		if applied, err := doc.ApplyUpdateV2(d.snapshot); err != nil || applied.Changed {
			d.w.t.Errorf("a snapshot lacks something of the one before (%v)", err)
		}
	}
	for seq, update := range d.rows {
		if seq > through {
			continue
		}
		if applied, err := doc.ApplyUpdate(update); err != nil || applied.Changed {
			d.w.t.Errorf("a snapshot through %d lacks update %d (%v)", through, seq, err)
		}
	}
}

// set changes what the disk is like.
func (d *disk) set(change func()) {
	d.mu.Lock()
	defer d.mu.Unlock()
	change()
}

// replace puts an unrelated document in place of the room's.
func (d *disk) replace(snapshot []byte) {
	d.set(func() {
		d.epoch++
		d.generation++
		d.snapshot, d.through = snapshot, d.last
		clear(d.rows)
	})
	d.w.count("replaced the document")
}

// process is what one host sees of the disk: a Store whose every answer takes its time, or gets lost.
type process struct {
	disk *disk
	slow time.Duration // the longest that one step takes

	mu      sync.Mutex
	rng     *rand.Rand
	dead    bool // killed: it hears nothing any more
	waiting int  // bytes appended and not durable
}

func (p *process) intn(n int) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.rng.IntN(n)
}

// step is how long something takes: mostly little, sometimes long.
func (p *process) step() time.Duration {
	limit := p.slow
	if p.intn(4) > 0 {
		limit /= 20
	}
	return time.Duration(p.intn(int(limit) + 1))
}

func (p *process) pause(ctx context.Context) error {
	timer := time.NewTimer(p.step())
	defer timer.Stop()
	select {
	case <-timer.C:
		return ctx.Err()
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (p *process) isDead() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.dead
}

func (p *process) kill() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.dead = true
}

// reach is the way to the disk: an error means that it did not get there.
func (p *process) reach(ctx context.Context) error {
	if err := p.pause(ctx); err != nil {
		return err
	}
	p.disk.mu.Lock()
	down := p.disk.down
	p.disk.mu.Unlock()
	if down || p.isDead() || p.intn(40) == 0 {
		return errDown
	}
	return nil
}

// answer is the way back.
func (p *process) answer(ctx context.Context) error {
	if err := p.pause(ctx); err != nil {
		return err
	}
	if p.isDead() || p.intn(25) == 0 {
		return errLost
	}
	return nil
}

// Open implements Store.
func (p *process) Open(ctx context.Context, _ string, events JournalEvents) (Handle, Stored, error) {
	if err := p.reach(ctx); err != nil {
		if !errors.Is(err, errDown) && p.intn(3) == 0 {
			p.disk.tasks.Go(func() { // it arrives all the same, when nobody waits for it any more
				time.Sleep(p.step())
				_, _ = p.disk.claim()
			})
		}
		return nil, Stored{}, err
	}
	stored, err := p.disk.claim()
	if err != nil {
		return nil, Stored{}, errors.Join(err, p.pause(ctx))
	}
	p.disk.w.books.check(stored, "opened")
	if err := p.answer(ctx); err != nil {
		return nil, Stored{}, err
	}
	p.disk.mu.Lock()
	moved := p.disk.epoch != stored.Epoch
	p.disk.mu.Unlock()
	if moved {
		p.disk.w.count("claimed by another while it was being loaded")
		return nil, Stored{}, ErrFenced
	}
	return &diskHandle{p: p, epoch: stored.Epoch, events: events, next: stored.LastSeq + 1, durable: stored.LastSeq}, stored, nil
}

// Salvage implements Store.
func (p *process) Salvage(ctx context.Context, _ string) (Stored, error) {
	if err := p.reach(ctx); err != nil {
		return Stored{}, err
	}
	stored, _ := p.disk.read()
	return stored, p.answer(ctx)
}

// Backlog implements Store.
func (p *process) Backlog() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.waiting
}

func (p *process) wait(bytes int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.waiting += bytes
}

// diskHandle is an opening of the room by a process.
type diskHandle struct {
	p      *process
	epoch  uint64
	events JournalEvents

	mu       sync.Mutex
	next     uint64 // number of the next update
	durable  uint64
	pending  []simRow
	waiting  int // bytes of them
	running  bool
	ended    bool // fenced
	released bool
}

// Append implements Handle.
func (h *diskHandle) Append(seq uint64, update []byte) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.released || seq != h.next {
		h.p.disk.w.t.Errorf("update %d appended where %d is next, released: %v", seq, h.next, h.released)
	}
	h.next++
	if h.ended {
		return
	}
	h.pending = append(h.pending, simRow{seq, bytes.Clone(update)})
	h.waiting += len(update)
	h.p.wait(len(update))
	if !h.running {
		h.running = true
		h.p.disk.tasks.Go(h.run)
	}
}

// Backlog implements Handle.
func (h *diskHandle) Backlog() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.waiting
}

// run commits what is pending, a part at a time, until nothing is.
func (h *diskHandle) run() {
	delayed := false
	for {
		time.Sleep(h.p.step())
		batch := h.batch()
		if len(batch) == 0 || h.p.isDead() && h.p.intn(2) == 0 {
			return
		}
		err := h.p.reach(context.Background())
		if err == nil {
			err = h.p.disk.commit(h.epoch, batch)
		}
		if err == nil || errors.Is(err, ErrFenced) {
			time.Sleep(h.p.step())
		}
		switch {
		case h.p.isDead():
			return
		case errors.Is(err, ErrFenced):
			h.done(len(batch), 0)
			h.events.Fenced()
			return
		case err != nil:
			if !delayed {
				delayed = true
				h.events.Delayed(err)
			}
			continue
		case delayed:
			delayed = false
			h.events.Delayed(nil)
		}
		last := batch[len(batch)-1].seq
		h.done(len(batch), last)
		h.events.Committed(last)
	}
}

func (h *diskHandle) batch() []simRow {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.pending) == 0 {
		h.running = false
		return nil
	}
	return slices.Clone(h.pending[:1+h.p.intn(len(h.pending))])
}

// done takes n updates off the queue: they are durable, or will never be.
func (h *diskHandle) done(n int, durable uint64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if durable == 0 {
		h.ended, n = true, len(h.pending)
	} else {
		h.durable = durable
	}
	for _, row := range h.pending[:n] {
		h.waiting -= len(row.update)
		h.p.wait(-len(row.update))
	}
	h.pending = slices.Clone(h.pending[n:])
}

// Save implements Handle.
func (h *diskHandle) Save(ctx context.Context, through uint64, snapshot []byte) error {
	h.mu.Lock()
	if through > h.durable {
		h.p.disk.w.t.Errorf("a snapshot through %d while updates are durable up to %d", through, h.durable)
	}
	h.mu.Unlock()
	snapshot = bytes.Clone(snapshot)
	if err := h.p.reach(ctx); err != nil {
		if !errors.Is(err, errDown) && h.p.intn(2) == 0 {
			h.p.disk.tasks.Go(func() { // it arrives all the same, when nobody waits for it any more
				time.Sleep(h.p.step())
				_ = h.p.disk.point(h.epoch, through, snapshot)
			})
		}
		return err
	}
	if err := h.p.disk.point(h.epoch, through, snapshot); err != nil {
		return errors.Join(err, h.p.pause(ctx))
	}
	return h.p.answer(ctx)
}

// Release implements Handle.
func (h *diskHandle) Release(ctx context.Context) error {
	h.checkReleasable()
	if err := h.p.reach(ctx); err != nil {
		return err
	}
	h.p.disk.release(h)
	if err := h.p.answer(ctx); err != nil {
		return err
	}
	h.checkReleasable()
	h.mu.Lock()
	defer h.mu.Unlock()
	h.released = true
	return nil
}

func (h *diskHandle) checkReleasable() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.pending) > 0 && !h.ended {
		h.p.disk.w.t.Error("released with updates that are not durable")
	}
}
