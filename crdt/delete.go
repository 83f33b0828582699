package crdt

import "github.com/symphony-rtc/symphony/crdt/internal/wire"

// delRange is a range of units by client index.
type delRange struct{ client, clock, length uint32 }

// deleteIncoming deletes the ranges of t.incoming. Parts that are not known yet go to t.unapplied. See
// readAndApplyDeleteSet in yjs src/utils/DeleteSet.js.
func (t *txn) deleteIncoming() {
	for _, r := range t.incoming {
		c := t.lookClient(r.client)
		state := uint32(0)
		if c != 0 {
			state = t.clients[c].state
		}
		if r.clock >= state {
			t.unapplied = append(t.unapplied, r)
			continue
		}
		end := r.clock + r.length
		if end > state {
			t.unapplied = append(t.unapplied, idRange{r.client, state, end - state})
			end = state
		}
		t.deleteRange(c, r.clock, end)
	}
}

// deleteRange deletes the units from clock to end (exclusive), all of them known, splitting items at both ends.
func (t *txn) deleteRange(c, clock, end uint32) {
	at := t.find(c, clock)
	i := t.clients[c].index.get(at)
	if it := &t.items[i]; !it.deleted() && it.clock < clock {
		i = t.split(c, at, clock-it.clock)
		at = t.find(c, clock)
	}
	for {
		it := &t.items[i]
		if it.clock >= end {
			return
		}
		if !it.deleted() {
			if end < it.end() {
				t.split(c, at, end-it.clock)
				at = t.find(c, t.items[i].clock)
			}
			t.deleteItem(i)
		}
		var ok bool
		if at, ok = t.clients[c].index.next(at); !ok {
			return
		}
		i = t.clients[c].index.get(at)
	}
}

// deleteItem marks an item as deleted, and everything in the type that it carries. See delete in yjs
// src/structs/Item.js and ContentType.js.
func (t *txn) deleteItem(i int32) {
	it := &t.items[i]
	if it.deleted() {
		return
	}
	t.changed = true
	it.meta |= flagDeleted
	t.dels = append(t.dels, delRange{it.client(), it.clock, it.length})
	switch it.kind() {
	case wire.Doc:
		t.subdocs--
	case wire.Type:
		t.deleteChildren(int32(it.off))
	}
}

// walk is where deleteChildren is in a type: at an item of a list, after which the lists of entries follow.
type walk struct {
	item int32
	next int32 // the next list of entries
}

// deleteChildren deletes everything in a type, depth first; not by recursion, because types can be nested without end.
func (t *txn) deleteChildren(typ int32) {
	base := len(t.walks)
	t.walks = append(t.walks, t.walkOf(typ))
	for len(t.walks) > base {
		w := &t.walks[len(t.walks)-1]
		i := w.item
		switch {
		case i != 0:
			if t.items[i].list < 0 {
				w.item = t.items[i].right
			} else {
				w.item = 0 // of an entry only the value
			}
		case w.next != 0:
			w.item = t.lists[w.next].last
			w.next = t.lists[w.next].next
			continue
		default:
			t.walks = t.walks[:len(t.walks)-1]
			continue
		}
		it := &t.items[i]
		if it.deleted() {
			if c := it.client(); it.clock < t.beforeState(c) {
				// It was deleted in an earlier transaction and will be collected in this one: it may merge then.
				t.mergeLater = append(t.mergeLater, unit{c, it.clock})
			}
			continue
		}
		it.meta |= flagDeleted
		t.dels = append(t.dels, delRange{it.client(), it.clock, it.length})
		switch it.kind() {
		case wire.Doc:
			t.subdocs--
		case wire.Type:
			t.walks = append(t.walks, t.walkOf(int32(it.off)))
		}
	}
}

func (t *txn) walkOf(typ int32) walk {
	ty := &t.types[typ]
	return walk{item: ty.start, next: ty.firstKey}
}
