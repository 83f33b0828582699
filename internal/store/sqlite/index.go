package sqlite

import (
	"slices"
	"sync"

	"github.com/symphony-rtc/symphony/internal/store/journal"
	"github.com/symphony-rtc/symphony/internal/store/records"
)

// The journal is one sequence of rows with blocks of many rooms each; whose they are is indexed here, in memory, and
// rebuilt at start. An index in the file would dirty one page per room in each commit; this way a commit dirties a few
// pages at the file's end. Rows are not deleted one by one either: they are grouped in segments, and a segment is
// deleted when none of its blocks is needed any more.
const (
	segmentRows  = 1024
	segmentBytes = 1 << 20
)

// segment is a run of rows [from, to).
type segment struct {
	from, to int64
	live     int // blocks that some room needs
	bytes    int
	closed   bool // no more rows will be added
}

func (s *segment) full() bool { return s.to-s.from >= segmentRows || s.bytes >= segmentBytes }

// blockRef is one live block.
type blockRef struct {
	n    int64  // of its row
	last uint64 // number of its newest update
	off  uint32 // where it is in the row's data
	size uint32
	seg  *segment
}

type roomBlocks struct {
	blocks []blockRef
	sum    records.JournalStats
	damage error // why the blocks cannot be trusted; set at start only
}

// index knows the live blocks of every room. Safe for concurrent use.
type index struct {
	mu    sync.Mutex
	rooms map[int64]*roomBlocks
	open  *segment
	dead  []*segment // closed and without live rows: to be deleted
}

func newIndex() *index { return &index{rooms: make(map[int64]*roomBlocks)} }

// addAll enters the committed blocks of a transaction. places are those of the blocks that were not refused.
func (x *index) addAll(blocks []*journal.Block, places []place, millis int64) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, b := range blocks {
		if !b.Refused {
			x.add(b.Room.Num, places[0], b.Last(), len(b.Data), millis)
			places = places[1:]
		}
	}
}

// enter is add for a block that was found at start.
func (x *index) enter(room int64, at place, last uint64, size int, millis int64) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.add(room, at, last, size, millis)
}

// add enters a block. Blocks are added in the order of their rows. x.mu is held.
func (x *index) add(room int64, at place, last uint64, size int, millis int64) {
	r := x.room(room)
	seg := x.extend(at.n, size)
	r.blocks = append(r.blocks, blockRef{n: at.n, off: uint32(at.off), last: last, size: uint32(size), seg: seg})
	r.sum.Bytes += int64(size)
	r.sum.Last = last
	r.sum.Updated = millis
}

// keep sees to it that no row which is there now is ever deleted: damaged rows are among them.
func (x *index) keep() {
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, r := range x.rooms {
		for _, b := range r.blocks {
			b.seg.live++ // for good
		}
	}
	x.open = nil
	x.dead = nil
}

// extend puts one live block of row n into the open segment. A row is never divided.
func (x *index) extend(n int64, size int) *segment {
	seg := x.open
	if seg != nil && seg.full() && n >= seg.to {
		seg.closed = true
		if seg.live == 0 {
			x.dead = append(x.dead, seg)
		}
		seg = nil
	}
	if seg == nil {
		seg = &segment{from: n}
		x.open = seg
	}
	seg.to = n + 1
	seg.live++
	seg.bytes += size
	return seg
}

func (x *index) room(num int64) *roomBlocks {
	r := x.rooms[num]
	if r == nil {
		r = &roomBlocks{}
		x.rooms[num] = r
	}
	return r
}

// cover drops the blocks of a room whose updates are all <= through.
func (x *index) cover(num int64, through uint64) {
	x.mu.Lock()
	defer x.mu.Unlock()
	r := x.rooms[num]
	if r == nil || r.damage != nil {
		return
	}
	covered := 0
	for _, b := range r.blocks {
		if b.last > through {
			break
		}
		covered++
		r.sum.Bytes -= int64(b.size)
		x.leave(b.seg)
	}
	if covered == len(r.blocks) {
		delete(x.rooms, num)
		return
	}
	r.blocks = slices.Delete(r.blocks, 0, covered)
}

// drop drops all blocks of a room, and what is known about their damage.
func (x *index) drop(num int64) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if r := x.rooms[num]; r != nil {
		for _, b := range r.blocks {
			x.leave(b.seg)
		}
		delete(x.rooms, num)
	}
}

// leave takes one live block out of its segment.
func (x *index) leave(seg *segment) {
	seg.live--
	if seg.live == 0 && seg.closed {
		x.dead = append(x.dead, seg)
	}
}

// take copies the references to a room's blocks.
func (x *index) take(num int64) (blocks []blockRef, damage error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if r := x.rooms[num]; r != nil {
		return slices.Clone(r.blocks), r.damage
	}
	return nil, nil
}

func (x *index) stats(num int64) records.JournalStats {
	x.mu.Lock()
	defer x.mu.Unlock()
	if r := x.rooms[num]; r != nil {
		return r.sum
	}
	return records.JournalStats{}
}

// damage marks a room's blocks as not to be trusted.
func (x *index) damage(num int64, err error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if r := x.room(num); r.damage == nil {
		r.damage = err
	}
}

// damaged returns the room's damage, nil if there is none.
func (x *index) damaged(num int64) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	if r := x.rooms[num]; r != nil {
		return r.damage
	}
	return nil
}

// nextDead returns a segment to delete, nil if there is none; deleted takes it off the list once that is durable.
func (x *index) nextDead() *segment {
	x.mu.Lock()
	defer x.mu.Unlock()
	if len(x.dead) == 0 {
		return nil
	}
	return x.dead[0]
}

func (x *index) deleted() (more bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.dead = x.dead[1:]
	return len(x.dead) > 0
}
