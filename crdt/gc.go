package crdt

import "github.com/symphony-rtc/symphony/crdt/internal/wire"

// collectDeleted frees the content of everything that the transaction deleted. See tryGcDeleteSet in yjs
// src/utils/Transaction.js.
func (t *txn) collectDeleted() {
	for _, r := range t.dels {
		x := &t.clients[r.client].index
		at, ok := t.find(r.client, r.clock), true
		for ok {
			i := x.get(at)
			it := &t.items[i]
			if it.clock >= r.clock+r.length {
				break
			}
			if k := it.kind(); k != wire.GC && k != wire.Deleted {
				if k == wire.Type {
					t.collectChildren(int32(it.off))
					it.off = 0
				}
				t.freeContent(it)
				it.setKind(wire.Deleted)
				it.meta &^= flagJSON
			}
			at, ok = x.next(at)
		}
	}
}

// collectChildren makes GC structs of everything that was ever in a type, and drops the type.
func (t *txn) collectChildren(typ int32) {
	t.doomed = append(t.doomed[:0], typ)
	for n := len(t.doomed); n > 0; n = len(t.doomed) {
		typ = t.doomed[n-1]
		t.doomed = t.doomed[:n-1]
		ty := t.types[typ]
		t.collectList(ty.start)
		for l := ty.firstKey; l != 0; l = t.lists[l].next {
			t.collectList(t.lists[l].start)
		}
		t.dropType(typ)
	}
}

func (t *txn) collectList(start int32) {
	for i := start; i != 0; {
		it := &t.items[i]
		next := it.right
		switch it.kind() {
		case wire.Type:
			t.doomed = append(t.doomed, int32(it.off))
		case wire.Doc:
			if !it.deleted() {
				t.subdocs--
			}
		}
		t.freeContent(it)
		*it = item{clock: it.clock, length: it.length, meta: it.client()<<clientShift | uint32(wire.GC) | flagDeleted}
		i = next
	}
}
