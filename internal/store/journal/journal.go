package journal

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/symphony-rtc/symphony/internal/store"
)

const (
	// maxCommit bounds the bytes of one transaction after a long outage.
	maxCommit = 64 << 20
	// keepBlock is the largest buffer that is kept for reuse.
	keepBlock = 64 << 10
	// A failing commit is retried after retryMin, then twice that and so on up to retryMax.
	retryMin = 20 * time.Millisecond
	retryMax = time.Second
)

// ErrClosed is returned by what is asked of a closed journal.
var ErrClosed = errors.New("the store is closed")

// Backend is where commits go. Its methods are called by one goroutine, the committer.
type Backend interface {
	// Commit makes one durable transaction: it runs the ops, in order and before anything else, then writes the blocks,
	// sealed, each under the fence that its room still has the block's epoch; it sets Op.After, Op.Err and Block.Refused.
	// Several blocks of a room are in order of their numbers. now is milliseconds since 1970. An error means that nothing
	// was written, or that it is not known whether something was: the same blocks come again, before later ones, and then have to be
	// written once all the same. changed reports whether the transaction wrote anything.
	Commit(ops []*Op, blocks []*Block, now int64) (changed bool, err error)
	// Untidy reports whether the backend would like a transaction for itself when nobody else does.
	Untidy() bool
}

// Options of New. The zero value of each field means its default.
type Options struct {
	// Window is how long a commit waits for more updates after the first; 5 ms by default. Longer means fewer and
	// larger commits, and later acknowledgements.
	Window time.Duration
	// BatchBytes ends the window early when so much waits; 1 MiB by default.
	BatchBytes int
	// Observe hears of every commit. May be nil.
	Observe store.Observer
	// Now is the clock, time.Now by default.
	Now func() time.Time
}

// Journal commits what rooms append in groups. Safe for concurrent use.
type Journal struct {
	backend Backend
	o       Options
	blocks  sync.Pool // of *Block
	backlog atomic.Int64

	mu      sync.Mutex // short; never held during I/O
	dirty   []*Room    // that have blocks to commit
	ops     []*Op
	settle  []chan struct{}
	pending int // bytes appended since the committer last looked
	closed  bool

	wake  chan struct{} // there is something to commit
	hurry chan struct{} // and it should not wait for the window
	quit  chan struct{}
	done  chan struct{}
	fail  error // why the last commits failed before the committer ended; valid after done
}

// New starts a journal that commits to backend. Close ends it.
func New(backend Backend, o Options) *Journal {
	if o.Window <= 0 {
		o.Window = 5 * time.Millisecond
	}
	if o.BatchBytes <= 0 {
		o.BatchBytes = 1 << 20
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	j := &Journal{
		backend: backend, o: o,
		wake: make(chan struct{}, 1), hurry: make(chan struct{}, 1),
		quit: make(chan struct{}), done: make(chan struct{}),
	}
	j.blocks.New = func() any { return &Block{Data: make([]byte, BlockHeader, 512)} }
	go j.run()
	return j
}

// Close makes everything appended durable, with one last try if commits fail just now, and ends the committer. The error
// says how much could not be stored. Only the first call does anything, the others wait.
func (j *Journal) Close() error {
	j.mu.Lock()
	was := j.closed
	j.closed = true
	j.mu.Unlock()
	if !was {
		close(j.quit)
	}
	<-j.done
	if was {
		return nil
	}
	return j.fail
}

// Backlog is the number of bytes, of all rooms, that are appended and not yet durable.
func (j *Journal) Backlog() int { return int(j.backlog.Load()) }

// Settled returns a channel that is closed once a commit that wrote something has followed.
func (j *Journal) Settled() <-chan struct{} {
	c := make(chan struct{})
	j.mu.Lock()
	j.settle = append(j.settle, c)
	j.mu.Unlock()
	return c
}

// appended tells the committer about an append. r.mu is held.
func (j *Journal) appended(r *Room, bytes int) {
	j.backlog.Add(int64(bytes))
	j.mu.Lock()
	first := len(j.dirty) == 0 && len(j.ops) == 0
	if !r.listed {
		r.listed = true
		j.dirty = append(j.dirty, r)
	}
	before := j.pending
	j.pending += bytes
	full := before < j.o.BatchBytes && j.pending >= j.o.BatchBytes
	j.mu.Unlock()
	if first {
		signal(j.wake)
	}
	if full {
		signal(j.hurry)
	}
}

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// batch is what the committer has taken from the rooms.
type batch struct {
	blocks []*Block // not durable yet, in order for each room; kept until they are
	ops    []*Op
	settle []chan struct{}
	dirty  []*Room // scratch: who had blocks
	news   []*Room // scratch: who hears of the transaction
}

// run is the committer.
func (j *Journal) run() {
	defer close(j.done)
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	var b batch
	for quit := false; !quit; {
		select {
		case <-j.wake:
			timer.Reset(j.o.Window)
			select {
			case <-timer.C:
			case <-j.hurry:
			case <-j.quit:
				quit = true
			}
		case <-j.quit:
			quit = true
		}
		j.flush(&b, timer)
	}
}

// flush commits until nothing is left, or until the journal is closing and a commit fails.
func (j *Journal) flush(b *batch, timer *time.Timer) {
	retry := retryMin
	for {
		j.take(b)
		if len(b.blocks) == 0 && len(b.ops) == 0 && !j.backend.Untidy() {
			return
		}
		err := j.commit(b)
		if err == nil {
			retry = retryMin
			if len(b.blocks) == 0 {
				if j.backend.Untidy() {
					signal(j.wake)
				}
				return
			}
			continue
		}
		timer.Reset(retry)
		select {
		case <-timer.C:
		case <-j.quit:
			j.abandon(b, err)
			return
		}
		retry = min(2*retry, retryMax)
	}
}

// abandon tries once more before the journal closes without having made everything durable.
func (j *Journal) abandon(b *batch, err error) {
	j.take(b)
	for err != nil || len(b.blocks) > 0 {
		if err = j.commit(b); err != nil {
			bytes := 0
			for _, block := range b.blocks {
				bytes += block.Bytes
			}
			j.fail = fmt.Errorf("%d bytes of updates could not be made durable before closing: %w", bytes, err)
			return
		}
	}
}

// take moves what rooms have queued into the batch.
func (j *Journal) take(b *batch) {
	j.mu.Lock()
	b.dirty, j.dirty = j.dirty, b.dirty[:0]
	b.ops = append(b.ops, j.ops...)
	clear(j.ops)
	j.ops = j.ops[:0]
	b.settle = append(b.settle, j.settle...)
	j.settle = nil
	j.pending = 0
	// Whoever queues something from now on signals again; what is signalled already is in the batch.
	select {
	case <-j.wake:
	default:
	}
	select {
	case <-j.hurry:
	default:
	}
	j.mu.Unlock()
	for _, r := range b.dirty {
		b.blocks = r.take(b.blocks)
	}
	clear(b.dirty)
	kept := b.ops[:0]
	for _, o := range b.ops {
		select {
		case <-o.state:
			kept = append(kept, o)
		default: // withdrawn
		}
	}
	clear(b.ops[len(kept):])
	b.ops = kept
}

// commit makes one transaction of the batch, as far as its bytes allow, and reports the outcome to all concerned. On an
// error the blocks stay in the batch; the ops are over in any case.
func (j *Journal) commit(b *batch) error {
	began := time.Now()
	n, bytes, updates := 0, 0, 0
	for n < len(b.blocks) && bytes <= maxCommit {
		bytes += b.blocks[n].Bytes
		updates += int(b.blocks[n].Count)
		n++
	}
	changed, err := j.backend.Commit(b.ops, b.blocks[:n], j.o.Now().UnixMilli())
	if j.o.Observe != nil && updates > 0 {
		j.o.Observe.JournalCommit(time.Since(began), updates, bytes, err)
	}
	if err != nil {
		err = fmt.Errorf("commit to the journal: %w", err)
		j.failed(b, err)
		return err
	}
	if changed {
		for _, c := range b.settle {
			close(c)
		}
		b.settle = b.settle[:0]
	}
	j.committed(b, n)
	return nil
}
