package crdt

import "github.com/symphony-rtc/symphony/crdt/internal/wire"

// sequence reverts the sequence of a type. Both documents have the units that are in both in the same order, so one walk
// along cur's is enough, in which the units that are live in old come one after the other.
//
// Nothing else is relied on: of documents that contradict each other (only a hostile member makes such) old's units are
// inserted anew from the first on that does not come.
func (r *reverter) sequence(p pair) {
	w := &r.walk
	w.reverter, w.old, w.placed = r, r.old.readLive(p.old), false
	last := int32(0)
	for i := r.cur.firstOf(p.cur); i != 0; i = r.cur.items[i].right {
		w.item(&r.cur.items[i])
		last = i
	}
	if w.old.it != nil && !w.placed {
		w.placed = true
		if last != 0 {
			it := &r.cur.items[last]
			w.place = r.behind(it, it.length)
		} else {
			w.place = r.inside(p, nil)
		}
	}
	for w.old.it != nil {
		w.restore(w.old.rest())
	}
	w.settle()
}

// walker goes along a sequence of cur. What stays cuts it into stretches; of each it collects what is to be inserted and
// what is to be deleted, until it is left.
type walker struct {
	*reverter
	old liveReader

	place  wire.Struct // where to insert, if placed: at the first unit of the stretch that was deleted since
	placed bool
	want   []piece // of old, to be inserted
	have   []piece // of cur, to be deleted
}

// find returns how many units of it, from off on, come before the next unit of old, and how many from there on are the
// next units of old.
func (w *walker) find(it *item, off uint32) (before, n uint32) {
	rest, o := it.length-off, &w.old
	if o.it == nil || o.d.clients[o.it.client()].id != w.cur.clients[it.client()].id {
		return rest, 0
	}
	clock := o.it.clock + o.off
	if clock < it.clock+off || clock >= it.end() {
		return rest, 0
	}
	before = clock - (it.clock + off)
	return before, min(rest-before, o.rest())
}

func (w *walker) item(it *item) {
	x := w.cur.read(it)
	for x.rest() > 0 {
		before, n := w.find(it, x.off)
		if it.deleted() {
			x.off += before + n
			if n > 0 {
				w.putAnew(it, x.off, n)
			}
			continue
		}
		if before > 0 {
			w.drop(&x, before)
		}
		if n > 0 {
			w.compare(&x, n)
		}
	}
}

// drop deletes the next n units of x, which were inserted since.
func (w *walker) drop(x *reader, n uint32) {
	if w.old.it == nil && len(w.want) == 0 { // nothing is wanted any more
		w.remove(x.it, x.off, n)
		x.take(n)
		return
	}
	half := x.half
	p := x.piece(n)
	if half || p.n != n {
		w.remove(p.it, p.off, n) // part of a character: nothing that could be useful
		return
	}
	w.have = append(w.have, p)
}

// putAnew inserts the next n units of old anew, which are those of it before off.
func (w *walker) putAnew(it *item, off, n uint32) {
	if !w.placed {
		w.place, w.placed = w.behind(it, off), true
	}
	w.restore(n)
}

// restore inserts the next n units of old.
func (w *walker) restore(n uint32) {
	if p := w.old.piece(n); p.n > 0 {
		w.want = append(w.want, p)
	}
	w.old.forward()
}

// compare keeps the next n units of x, which are the next of old, if their content is the same. It is not if a string
// was cut between two surrogates since.
func (w *walker) compare(x *reader, n uint32) {
	if w.keep(x, n) {
		return
	}
	it, o := x.it, &w.old
	if it.kind() != wire.String || o.it.kind() != wire.String {
		w.replace(x, n)
		return
	}
	for n > 0 {
		if size := charLen(&o.reader); size <= n && w.keep(x, size) {
			n -= size
			continue
		}
		w.replace(x, 1)
		n--
	}
}

// replace deletes the next n units of x, and inserts the next of old instead.
func (w *walker) replace(x *reader, n uint32) {
	w.remove(x.it, x.off, n)
	x.take(n)
	w.putAnew(x.it, x.off, n)
}

// keep keeps the next n units of x if the next of old are the same.
func (w *walker) keep(x *reader, n uint32) bool {
	o := w.old.it
	if !same(&w.old.reader, x, n) {
		return false
	}
	w.settle()
	if o.kind() == wire.Type {
		w.todo = append(w.todo, pair{old: int32(o.off), cur: int32(x.it.off)})
	}
	w.old.forward()
	return true
}

// charLen is how many units the next character of a string has.
func charLen(x *reader) uint32 {
	if !x.half && x.pos < len(x.data) && x.data[x.pos] >= 0xf0 {
		return 2
	}
	return 1
}
