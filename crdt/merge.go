package crdt

import "github.com/symphony-rtc/symphony/crdt/internal/wire"

// mergeable says whether two neighbours in the index of a client can become one struct. Whether two are mergeable does
// not depend on what has been merged before: merging keeps the ends as they are. See mergeWith in yjs
// src/structs/Item.js.
func (t *txn) mergeable(l, r int32) bool {
	left, right := &t.items[l], &t.items[r]
	if (left.meta^right.meta)&(kindMask|flagDeleted) != 0 {
		return false
	}
	k := left.kind()
	if k == wire.GC {
		return true
	}
	if left.right != r || right.originClient != right.client() || right.originClock != right.clock-1 {
		return false
	}
	if left.rightClient != right.rightClient || left.rightClient != 0 && left.rightClock != right.rightClock {
		return false
	}
	return k == wire.String || k == wire.Deleted || k == wire.Any || k == wire.JSON
}

// merge makes l and r, which are mergeable, one item. r is dropped; the index has to be told.
func (t *txn) merge(l, r int32) {
	left, right := &t.items[l], &t.items[r]
	if left.inArena() {
		left.off = t.arena.join(left.off, left.size, right.off, right.size)
		left.size += right.size
	}
	left.length += right.length
	if left.list != 0 {
		left.right = right.right
		if left.right != 0 {
			t.items[left.right].left = l
		} else if left.list > 0 {
			t.lists[left.list].last = l
		}
	}
	t.dropItem(r)
}

// mergeRun merges every mergeable pair of neighbours whose right one is at a place from..to of c's index; if the pair
// at from merges, also the pairs before it as long as they do.
func (t *txn) mergeRun(c uint32, from, to cursor) {
	x := &t.clients[c].index
	left, ok := x.prev(from)
	if !ok {
		if from == to {
			return
		}
		left = from
		from, _ = x.next(from)
	} else if t.mergeable(x.get(left), x.get(from)) {
		for {
			before, ok := x.prev(left)
			if !ok || !t.mergeable(x.get(before), x.get(left)) {
				break
			}
			from, left = left, before
		}
	}
	t.mergeForward(c, left, from, to)
}

// mergeForward merges every mergeable pair from left and from on to the place to, and closes the gaps in the index.
func (t *txn) mergeForward(c uint32, left, from, to cursor) {
	x := &t.clients[c].index
	l := x.get(left)
	empty := false
	for n := from.chunk; n <= to.chunk; n++ {
		chunk := x.chunks[n]
		at, end := 0, len(chunk)
		if n == from.chunk {
			at = int(from.at)
		}
		if n == to.chunk {
			end = int(to.at) + 1
		}
		w := at
		for ; at < end; at++ {
			r := chunk[at].item
			if t.mergeable(l, r) {
				t.merge(l, r)
				continue
			}
			l = r
			chunk[w] = chunk[at]
			w++
		}
		if w < end {
			x.chunks[n] = append(chunk[:w], chunk[end:]...)
			empty = empty || len(x.chunks[n]) == 0
		}
	}
	if empty {
		x.dropEmpty()
	}
}

// mergeDeleted merges the deleted structs of a range with each other and their neighbours. See tryMergeDeleteSet in
// yjs src/utils/Transaction.js.
func (t *txn) mergeDeleted(r delRange) {
	x := &t.clients[r.client].index
	to := t.find(r.client, r.clock+r.length-1)
	if next, ok := x.next(to); ok {
		to = next
	}
	from := t.find(r.client, r.clock)
	if t.items[x.get(from)].clock < r.clock { // merged with one before the range
		next, ok := x.next(from)
		if !ok || to == from {
			return
		}
		from = next
	}
	t.mergeRun(r.client, from, to)
}

// mergeAround merges the struct that contains a unit with its right neighbour, then with its left ones.
func (t *txn) mergeAround(u unit) {
	x := &t.clients[u.client].index
	at := t.find(u.client, u.clock)
	if next, ok := x.next(at); ok && t.mergeable(x.get(at), x.get(next)) {
		t.mergeRun(u.client, next, next)
		return // the left ones have been tried with it
	}
	if prev, ok := x.prev(at); ok && t.mergeable(x.get(prev), x.get(at)) {
		t.mergeRun(u.client, at, at)
	}
}
