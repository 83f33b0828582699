package sqlite

import (
	"slices"
	"sync"

	"github.com/symphony-rtc/symphony/internal/store/records"
)

// The journal is one sequence of rows; whose they are is indexed here, in memory, and rebuilt at start. An index in
// the file would dirty one page per room in each commit; this way a commit dirties a few pages at the file's end.
// Covered rows are not deleted one by one either, which would dirty a page each: rows are grouped in segments, and a
// segment is deleted when none of its rows is needed any more.
const (
	segmentRows  = 1024
	segmentBytes = 4 << 20
)

// segment is a run of rows [from, to).
type segment struct {
	from, to int64
	live     int // rows that some room needs
	bytes    int
	closed   bool // no more rows will be added
}

// rowRef is one live row.
type rowRef struct {
	n    int64
	last uint64 // number of its newest update
	size int32  // of its data, capped
	seg  *segment
}

type roomRows struct {
	rows   []rowRef
	sum    records.JournalStats
	damage error // why the rows cannot be trusted; set at start only
}

// index knows the live rows of every room. Safe for concurrent use.
type index struct {
	mu    sync.Mutex
	rooms map[int64]*roomRows
	open  *segment
	dead  []*segment // closed and without live rows: to be deleted
}

func newIndex() *index { return &index{rooms: make(map[int64]*roomRows)} }

// add enters a committed row. Rows are added in the order of n.
func (x *index) add(room, n int64, last uint64, size int, millis int64) {
	x.mu.Lock()
	defer x.mu.Unlock()
	r := x.room(room)
	seg := x.extend(n, size)
	r.rows = append(r.rows, rowRef{n: n, last: last, size: int32(min(size, 1<<30)), seg: seg})
	r.sum.Bytes += int64(size)
	r.sum.Last = last
	r.sum.Updated = millis
}

// keep sees to it that no row which is there now is ever deleted: damaged rows are among them.
func (x *index) keep() {
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, r := range x.rooms {
		for _, row := range r.rows {
			row.seg.live++ // for good
		}
	}
	x.open = nil
	x.dead = nil
}

// extend puts one live row into the open segment.
func (x *index) extend(n int64, size int) *segment {
	seg := x.open
	if seg == nil {
		seg = &segment{from: n}
		x.open = seg
	}
	seg.to = n + 1
	seg.live++
	seg.bytes += size
	if seg.to-seg.from >= segmentRows || seg.bytes >= segmentBytes {
		seg.closed = true
		x.open = nil
	}
	return seg
}

func (x *index) room(num int64) *roomRows {
	r := x.rooms[num]
	if r == nil {
		r = &roomRows{}
		x.rooms[num] = r
	}
	return r
}

// cover drops the rows of a room whose updates are all <= through.
func (x *index) cover(num int64, through uint64) {
	x.mu.Lock()
	defer x.mu.Unlock()
	r := x.rooms[num]
	if r == nil || r.damage != nil {
		return
	}
	covered := 0
	for _, row := range r.rows {
		if row.last > through {
			break
		}
		covered++
		r.sum.Bytes -= int64(row.size)
		x.leave(row.seg)
	}
	if covered == len(r.rows) {
		delete(x.rooms, num)
		return
	}
	r.rows = slices.Delete(r.rows, 0, covered)
}

// drop drops all rows of a room, and what is known about their damage.
func (x *index) drop(num int64) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if r := x.rooms[num]; r != nil {
		for _, row := range r.rows {
			x.leave(row.seg)
		}
		delete(x.rooms, num)
	}
}

// leave takes one live row out of its segment.
func (x *index) leave(seg *segment) {
	seg.live--
	if seg.live == 0 && seg.closed {
		x.dead = append(x.dead, seg)
	}
}

// take copies the references to a room's rows.
func (x *index) take(num int64) (rows []rowRef, damage error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if r := x.rooms[num]; r != nil {
		return slices.Clone(r.rows), r.damage
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

// damage marks a room's rows as not to be trusted.
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
