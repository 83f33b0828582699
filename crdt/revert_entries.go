package crdt

import "github.com/symphony-rtc/symphony/crdt/internal/wire"

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
		r.put(&place, o.piece(o.rest()))
	}
}

// sameEntry says whether the value of an entry can stay, be it that somebody has set the same again.
func (r *reverter) sameEntry(value, it *item) bool {
	if value.length != it.length {
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
