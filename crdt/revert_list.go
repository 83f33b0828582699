package crdt

import "github.com/symphony-rtc/symphony/crdt/internal/wire"

// sequence reverts the sequence of a type. Both documents have the units that are in both in the same order, so one walk
// along cur's is enough, in which the units that are live in old come one after the other.
//
// Nothing else is relied on: of documents that contradict each other (only a hostile member makes such) old's units are
// inserted anew from the first on that does not come.
func (r *reverter) sequence(p pair) {
	o := liveReader{reader: reader{d: r.old}, next: r.old.firstOf(p.old)}
	o.forward()
	w := walker{reverter: r, old: &o}
	last := int32(0)
	for i := r.cur.firstOf(p.cur); i != 0; i = r.cur.items[i].right {
		w.item(&r.cur.items[i])
		last = i
	}
	if o.it == nil {
		return
	}
	if !w.anew {
		w.place = r.inside(p, nil)
		if last != 0 {
			it := &r.cur.items[last]
			w.place = r.behind(it, it.length)
		}
	}
	for o.it != nil && r.err == nil {
		r.put(&w.place, &o.reader, o.rest())
		o.forward()
	}
}

// liveReader reads what is live in a sequence.
type liveReader struct {
	reader
	next int32 // the item to read after this one
}

// forward goes to the next live item when this one is read.
func (o *liveReader) forward() {
	if o.it != nil && o.rest() > 0 {
		return
	}
	o.it = nil
	for o.next != 0 && o.it == nil {
		it := &o.d.items[o.next]
		o.next = it.right
		if !it.deleted() {
			o.reader = o.d.read(it)
		}
	}
}

// find returns how many units of it, from off on, come before the next unit of o, and how many from there on are the
// next units of o.
func (o *liveReader) find(d *Doc, it *item, off uint32) (before, n uint32) {
	rest := it.length - off
	if o.it == nil || o.d.clients[o.it.client()].id != d.clients[it.client()].id {
		return rest, 0
	}
	clock := o.it.clock + o.off
	if clock < it.clock+off || clock >= it.end() {
		return rest, 0
	}
	before = clock - (it.clock + off)
	return before, min(rest-before, o.rest())
}

// walker goes along a sequence of cur.
type walker struct {
	*reverter
	old *liveReader

	// Where to insert next, if anew. What is inserted anew stays together as long as nothing live comes in between.
	place wire.Struct
	anew  bool
}

func (w *walker) item(it *item) {
	x := w.cur.read(it)
	for x.rest() > 0 && w.err == nil {
		before, n := w.old.find(w.cur, it, x.off)
		if it.deleted() {
			x.off += before + n
			if n > 0 {
				w.insert(it, x.off, n)
			}
			continue
		}
		if before > 0 { // inserted since
			w.remove(it, x.off, before)
			x.take(before)
			w.anew = false
		}
		if n > 0 {
			w.compare(&x, n)
		}
	}
}

// insert inserts the next n units of old anew, which are those of it before off.
func (w *walker) insert(it *item, off, n uint32) {
	if !w.anew {
		w.place, w.anew = w.behind(it, off), true
	}
	w.put(&w.place, &w.old.reader, n)
	w.old.forward()
}

// compare keeps the next n units of x, which are the next of old, if their content is the same. It is not if a string
// was cut between two surrogates since.
func (w *walker) compare(x *reader, n uint32) {
	it, o := x.it, &w.old.reader
	if w.keep(x, n) {
		return
	}
	if it.kind() != wire.String || o.it.kind() != wire.String {
		w.remove(it, x.off, n)
		x.take(n)
		w.insert(it, x.off, n)
		return
	}
	for n > 0 && w.err == nil {
		if size := charLen(o); size <= n && w.keep(x, size) {
			n -= size
			continue
		}
		w.remove(it, x.off, 1)
		x.take(1)
		w.insert(it, x.off, 1)
		n--
	}
}

// keep keeps the next n units of x if the next of old are the same.
func (w *walker) keep(x *reader, n uint32) bool {
	o := w.old.it
	if !same(&w.old.reader, x, n) {
		return false
	}
	w.anew = false
	if o.kind() == wire.Type {
		w.todo = append(w.todo, pair{old: int32(o.off), cur: int32(x.it.off)})
	}
	w.old.forward()
	return true
}

// charLen is how many units the next character of a string has.
func charLen(x *reader) uint32 {
	if !x.half && x.data[x.pos] >= 0xf0 {
		return 2
	}
	return 1
}

// entries reverts the entries of a type.
func (r *reverter) entries(p pair) {
	for l := r.cur.firstEntry(p.cur); l != 0; l = r.cur.lists[l].next {
		key := r.cur.keyName(r.cur.lists[l].key)
		r.entry(p, key, r.old.valueOf(p.old, key), r.cur.lists[l].last)
	}
	for l := r.old.firstEntry(p.old); l != 0; l = r.old.lists[l].next {
		key := r.old.keyName(r.old.lists[l].key)
		if k := r.cur.lookKey(key); p.cur == 0 || k == 0 || r.cur.lookEntry(p.cur, k) == 0 {
			r.entry(p, key, r.old.valueOf(p.old, key), 0)
		}
	}
}

// valueOf returns the item that is the value of an entry, nil if there is none.
func (d *Doc) valueOf(typ int32, key []byte) *item {
	k := d.lookKey(key)
	if typ == 0 || k == 0 {
		return nil
	}
	if l := d.lookEntry(typ, k); l != 0 {
		if i := d.lists[l].last; i != 0 && !d.items[i].deleted() {
			return &d.items[i]
		}
	}
	return nil
}

// entry gives an entry the value that it had in old (nil: none). last is what was set last for it in cur (0: nothing ever).
func (r *reverter) entry(p pair, key []byte, value *item, last int32) {
	var place wire.Struct
	if last != 0 {
		it := &r.cur.items[last]
		if !it.deleted() {
			if value != nil && r.sameEntry(value, it) {
				return
			}
			r.remove(it, 0, it.length)
		}
		place = r.behind(it, it.length)
	} else if value != nil {
		place = r.inside(p, key)
	}
	if value != nil && r.err == nil {
		o := r.old.read(value)
		r.put(&place, &o, o.rest())
	}
}

// sameEntry says whether an entry of old is still the same item.
func (r *reverter) sameEntry(value, it *item) bool {
	if r.old.idOf(value, 0) != r.cur.idOf(it, 0) || value.length != it.length {
		return false
	}
	a, b := r.old.read(value), r.cur.read(it)
	if !same(&a, &b, it.length) {
		return false
	}
	if it.kind() == wire.Type {
		r.todo = append(r.todo, pair{old: int32(value.off), cur: int32(it.off)})
	}
	return true
}
