package crdt

import (
	"github.com/symphony-rtc/symphony/crdt/internal/wire"
	"github.com/symphony-rtc/symphony/crdt/lib0"
)

// cleanEnd returns the item that ends with the unit (c, clock), splitting the one that contains it. GC structs are not
// split. See getItemCleanEnd in yjs src/utils/StructStore.js.
func (t *txn) cleanEnd(c, clock uint32) int32 {
	x := &t.clients[c].index
	at := x.find(clock, 0)
	i := x.get(at)
	if it := &t.items[i]; it.last() != clock && it.kind() != wire.GC {
		t.split(c, at, clock-it.clock+1)
	}
	return i
}

// cleanStart returns the item that begins with the unit (c, clock), splitting the one that contains it.
func (t *txn) cleanStart(c, clock uint32) int32 {
	x := &t.clients[c].index
	at := x.find(clock, 1)
	i := x.get(at)
	if it := &t.items[i]; it.clock < clock && it.kind() != wire.GC {
		return t.split(c, at, clock-it.clock)
	}
	return i
}

// split cuts the item at a place of c's index behind its first n units and returns the right part. See splitItem in
// yjs src/structs/Item.js.
func (t *txn) split(c uint32, at cursor, n uint32) int32 {
	l := t.clients[c].index.get(at)
	r := t.newItem()
	left, right := &t.items[l], &t.items[r]
	*right = *left
	right.clock += n
	right.length -= n
	right.originClient, right.originClock = c, right.clock-1
	right.left = l
	t.splitContent(left, right, n)
	left.length = n
	left.right = r
	if right.right != 0 {
		t.items[right.right].left = r
	} else if right.list > 0 {
		t.lists[right.list].last = r
	}
	t.mergeLater = append(t.mergeLater, unit{c, right.clock})
	t.clients[c].index.insertAfter(at, right.clock, r)
	return r
}

// splitContent gives the first n units of left's content to left, the others to right. Both have the same content
// before, left its whole length.
func (t *txn) splitContent(left, right *item, n uint32) {
	data := t.arena.bytes(left.off, left.size)
	cut := 0
	switch left.kind() {
	case wire.String:
		if left.size == left.length { // ASCII
			cut = int(n)
			break
		}
		var inside bool
		cut, inside = lib0.UTF16Index(data, int(n))
		if inside || endsWithHighSurrogate(data[:cut]) {
			t.splitPair(left, right, cut, inside)
			return
		}
	case wire.Any:
		for range n {
			size, _, _ := lib0.ScanAny(data[cut:])
			cut += size
		}
	case wire.JSON:
		for range n {
			_, size := lib0.Bytes(data[cut:])
			cut += size
		}
	default: // no content: Deleted
		return
	}
	left.size = uint32(cut)
	right.off += uint32(cut)
	right.size -= uint32(cut)
}

// replacement is U+FFFD, which takes the place of each half of a surrogate pair that is split.
const replacement = "\uFFFD"

// splitPair splits a string behind a high surrogate: inside of the character at byte cut, or at byte cut, behind half
// a pair that stands alone. As in yjs (src/structs/ContentString.js), the units on both sides become U+FFFD.
func (t *txn) splitPair(left, right *item, cut int, inside bool) {
	a := &t.arena
	data := a.bytes(left.off, left.size)
	head, tail := data[:cut], data[cut:]
	var low []byte // what remains of a character whose first unit is replaced
	switch {
	case inside:
		tail = tail[4:]
	default:
		head = head[:cut-3]
		switch b := tail[0]; {
		case b < 0x80:
			tail = tail[1:]
		case b < 0xe0:
			tail = tail[2:]
		case b < 0xf0:
			tail = tail[3:]
		default:
			low = lib0.AppendSurrogates(nil, tail, false, true)
			tail = tail[4:]
		}
	}
	a.dead += len(data)
	left.off = uint32(len(a.buf))
	left.size = uint32(len(head) + len(replacement))
	a.buf = append(append(a.buf, head...), replacement...)
	right.off = uint32(len(a.buf))
	right.size = uint32(len(replacement) + len(low) + len(tail))
	a.buf = append(append(append(a.buf, replacement...), low...), tail...)
}

// endsWithHighSurrogate says whether text ends with the first half of a surrogate pair, alone.
func endsWithHighSurrogate(s []byte) bool {
	n := len(s)
	return n >= 3 && s[n-3] == 0xed && s[n-2] >= 0xa0 && s[n-2] < 0xb0
}
