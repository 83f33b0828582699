package journal

import (
	"fmt"
	"sync"

	"github.com/symphony-rtc/symphony/internal/room"
)

// maxBlock is the size beyond which a block is full and the next update begins another.
const maxBlock = 1 << 20

// Room is one opened room's end of the journal, from Journal.Open. Its methods are safe for concurrent use.
type Room struct {
	ID    string
	Num   int64  // of the room in its catalog
	Epoch uint64 // of the opening

	journal *Journal
	events  room.JournalEvents

	mu      sync.Mutex
	next    uint64   // number that the next update must have
	queue   []*Block // appended and not yet taken by the committer; the last one may grow
	listed  bool     // in journal.dirty
	backlog int
	durable uint64
	ended   bool // fenced or released

	// Of the committer's goroutine.
	delayed  bool // its events know that commits fail
	fenced   bool
	news     uint64 // highest number of the commit being reported
	reported bool   // already on the list of rooms with news
}

// Open returns the journal's end of a room that was just claimed: last is the number of its newest durable update.
func (j *Journal) Open(id string, num int64, epoch, last uint64, events room.JournalEvents) *Room {
	return &Room{ID: id, Num: num, Epoch: epoch, journal: j, events: events, next: last + 1, durable: last}
}

// Append implements room.Handle.
func (r *Room) Append(seq uint64, update []byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.ended {
		return
	}
	if seq != r.next {
		panic(fmt.Sprintf("journal: update %d of room %q appended where %d is next", seq, r.ID, r.next))
	}
	r.next++
	var b *Block
	if n := len(r.queue); n > 0 && len(r.queue[n-1].Data)+len(update) <= maxBlock {
		b = r.queue[n-1]
	} else {
		b = r.journal.blocks.Get().(*Block)
		b.Room, b.First = r, seq
		r.queue = append(r.queue, b)
	}
	b.add(update)
	r.backlog += len(update)
	r.journal.appended(r, len(update))
}

// take moves the queued blocks to dst. Called by the committer.
func (r *Room) take(dst []*Block) []*Block {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.listed = false
	dst = append(dst, r.queue...)
	clear(r.queue)
	r.queue = r.queue[:0]
	return dst
}

// Backlog implements room.Handle.
func (r *Room) Backlog() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.backlog
}

// Durable is the number of the newest durable update.
func (r *Room) Durable() uint64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.durable
}

// Releasable reports whether the room may be released: an error says how much is not durable yet, ended says that
// there is nothing left to release.
func (r *Room) Releasable() (ended bool, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.ended && r.backlog > 0 {
		return false, fmt.Errorf("%d bytes of updates are not durable yet", r.backlog)
	}
	return r.ended, nil
}

// End makes the room's end of the journal deaf: it was released.
func (r *Room) End() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ended = true
}
