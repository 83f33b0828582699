package crdt

import (
	"bytes"

	"github.com/symphony-rtc/symphony/crdt/internal/wire"
	"github.com/symphony-rtc/symphony/crdt/lib0"
)

// piece is an item or part of one.
type piece struct {
	it   *item
	off  uint32 // where it begins in the item
	n    uint32 // units
	data []byte // as of reader.take

	starts []int // where in data its values begin, of n at least; nil: not known yet
}

// piece reads n units. Of a string it holds whole characters only, see take: it may have another length.
func (x *reader) piece(n uint32) piece {
	p := piece{it: x.it, off: x.off, n: n}
	p.data = x.take(n)
	if p.it.kind() == wire.String {
		p.n = textLen(p.data, n)
	}
	return p
}

// settle ends a stretch: it inserts what is missing and deletes what is too much. What is to be inserted may be there
// already, if somebody reverted before, or an undo manager; so what is the same from either end of the stretch stays.
// Types are first looked for that are equal all through; what types remain become each other.
func (w *walker) settle() {
	if len(w.want) > 0 && len(w.have) > 0 {
		m := matcher{walker: w, want: w.want, have: w.have}
		for _, m.equal = range []bool{true, false} {
			m.fromLeft()
			m.fromRight()
		}
		w.insertAndRemove(m.want, m.have)
	} else {
		w.insertAndRemove(w.want, w.have)
	}
	w.want, w.have, w.placed = w.want[:0], w.have[:0], false
}

func (w *walker) insertAndRemove(want, have []piece) {
	for _, p := range want {
		if w.err != nil {
			return
		}
		w.put(&w.place, p)
	}
	for _, p := range have {
		w.remove(p.it, p.off, p.n)
	}
}

// matcher looks for what is the same at the ends of want and have, and takes it away from both.
type matcher struct {
	*walker
	want, have []piece
	equal      bool // types have to be equal all through
}

func (m *matcher) fromLeft() {
	for len(m.want) > 0 && len(m.have) > 0 {
		a, b := &m.want[0], &m.have[0]
		n, size := m.prefix(a, b)
		if n == 0 {
			return
		}
		m.place = m.behind(b.it, b.off+n)
		for _, p := range []*piece{a, b} {
			p.off += n
			p.n -= n
			p.data = p.data[size:]
			p.starts = nil
		}
		if a.n == 0 {
			m.want = m.want[1:]
		}
		if b.n == 0 {
			m.have = m.have[1:]
		}
	}
}

func (m *matcher) fromRight() {
	for len(m.want) > 0 && len(m.have) > 0 {
		a, b := &m.want[len(m.want)-1], &m.have[len(m.have)-1]
		n, size := m.suffix(a, b)
		if n == 0 {
			return
		}
		for _, p := range []*piece{a, b} {
			p.n -= n
			p.data = p.data[:len(p.data)-size]
		}
		m.place = m.before(b.it, b.off+b.n)
		if a.n == 0 {
			m.want = m.want[:len(m.want)-1]
		}
		if b.n == 0 {
			m.have = m.have[:len(m.have)-1]
		}
	}
}

// prefix returns how many units, and bytes of data, a and b have in common at their beginnings.
func (m *matcher) prefix(a, b *piece) (n uint32, size int) {
	k := a.it.kind()
	switch {
	case k != b.it.kind():
		return 0, 0
	case k == wire.String:
		for size < min(len(a.data), len(b.data)) && a.data[size] == b.data[size] {
			size++
		}
		for size < len(a.data) && a.data[size]&0xc0 == 0x80 {
			size--
		}
		return uint32(lib0.UTF16Len(a.data[:size])), size
	case isDivisible(k):
		for n < min(a.n, b.n) {
			x, y := valueLen(k, a.data[size:]), valueLen(k, b.data[size:])
			if !bytes.Equal(a.data[size:size+x], b.data[size:size+y]) {
				break
			}
			size += x
			n++
		}
		return n, size
	}
	return m.whole(a, b)
}

// suffix returns how many units, and bytes of data, a and b have in common at their ends.
func (m *matcher) suffix(a, b *piece) (n uint32, size int) {
	k := a.it.kind()
	switch {
	case k != b.it.kind():
		return 0, 0
	case k == wire.String:
		i, j := len(a.data), len(b.data)
		for i > 0 && j > 0 && a.data[i-1] == b.data[j-1] {
			i--
			j--
		}
		for i < len(a.data) && a.data[i]&0xc0 == 0x80 {
			i++
		}
		return uint32(lib0.UTF16Len(a.data[i:])), len(a.data) - i
	case isDivisible(k):
		a.findValues()
		b.findValues()
		i, j := len(a.data), len(b.data)
		for n < min(a.n, b.n) {
			x, y := a.starts[a.n-1-n], b.starts[b.n-1-n]
			if !bytes.Equal(a.data[x:i], b.data[y:j]) {
				break
			}
			i, j = x, y
			n++
		}
		return n, len(a.data) - i
	}
	return m.whole(a, b)
}

// whole is prefix and suffix of content that has no parts.
func (m *matcher) whole(a, b *piece) (n uint32, size int) {
	x, y := m.reverter.old.read(a.it), m.cur.read(b.it)
	if !same(&x, &y, 1) {
		return 0, 0
	}
	if a.it.kind() == wire.Type {
		p := pair{old: int32(a.it.off), cur: int32(b.it.off)}
		if m.equal {
			if !m.equalTypes(p, 0) {
				return 0, 0
			}
		} else {
			m.todo = append(m.todo, p)
		}
	}
	return 1, 0
}

// valueLen is the size of the first value of data, of which an item of kind Any or JSON consists.
func valueLen(k wire.Kind, data []byte) int {
	n := 0
	if k == wire.JSON {
		_, n = lib0.Bytes(data)
	} else {
		n, _, _ = lib0.ScanAny(data)
	}
	return n
}

// findValues sets p.starts.
func (p *piece) findValues() {
	if p.starts != nil {
		return
	}
	p.starts = make([]int, 0, p.n)
	for at := 0; at < len(p.data); at += valueLen(p.it.kind(), p.data[at:]) {
		p.starts = append(p.starts, at)
	}
}

// maxEqualDepth is how deeply types are compared.
const maxEqualDepth = 100

// equalTypes says whether two types have the same content all through. There is a budget for that: where everything
// differs deep down, and everywhere, comparing would take too long, and the answer is no.
func (r *reverter) equalTypes(p pair, depth int) bool {
	o, c := r.old.readLive(p.old), r.cur.readLive(p.cur)
	for o.it != nil && c.it != nil {
		n := min(o.rest(), c.rest())
		if !r.equalItems(&o.reader, &c.reader, n, depth) {
			return false
		}
		o.forward()
		c.forward()
	}
	if o.it != nil || c.it != nil {
		return false
	}
	return r.equalEntries(p, depth)
}

func (r *reverter) equalEntries(p pair, depth int) bool {
	entries := 0
	for l := r.old.firstEntry(p.old); l != 0; l = r.old.lists[l].next {
		r.budget--
		key := r.old.keyName(r.old.lists[l].key)
		v := r.old.valueOf(p.old, key)
		if v == nil {
			continue
		}
		entries++
		w := r.cur.valueOf(p.cur, key)
		if w == nil || v.length != w.length {
			return false
		}
		o, c := r.old.read(v), r.cur.read(w)
		if !r.equalItems(&o, &c, v.length, depth) {
			return false
		}
	}
	for l := r.cur.firstEntry(p.cur); l != 0; l = r.cur.lists[l].next {
		r.budget--
		if i := r.cur.lists[l].last; i != 0 && !r.cur.items[i].deleted() {
			entries--
		}
	}
	return entries == 0
}

func (r *reverter) equalItems(o, c *reader, n uint32, depth int) bool {
	a, b := o.it, c.it
	r.budget -= 1 + int(n/256)
	if r.budget < 0 || !same(o, c, n) {
		return false
	}
	if a.kind() != wire.Type {
		return true
	}
	return depth < maxEqualDepth && r.equalTypes(pair{old: int32(a.off), cur: int32(b.off)}, depth+1)
}
