package crdt

import (
	"cmp"
	"slices"

	"github.com/symphony-rtc/symphony/crdt/internal/wire"
)

// unit names one unit of content by client index and clock.
type unit struct{ client, clock uint32 }

// restRun is structs of a client that wait for others.
type restRun struct {
	client uint32
	items  []int32 // part of txn.staged
}

// integrateStaged integrates every staged struct whose dependencies are there. What cannot be integrated is left in
// t.rest, with the clocks it waits for in t.missing. It does what integrateStructs in yjs src/utils/encoding.js does,
// in the same order, because the order decides how far items are split and merged.
func (t *txn) integrateStaged() {
	t.rest, t.missing = t.rest[:0], t.missing[:0]
	if len(t.blocks) == 0 {
		return
	}
	t.queue = t.queue[:0]
	for b := range t.blocks {
		t.queue = append(t.queue, int32(b))
	}
	if len(t.queue) > 1 {
		slices.SortFunc(t.queue, func(a, b int32) int {
			return cmp.Compare(t.clients[t.blocks[a].client].id, t.clients[t.blocks[b].client].id)
		})
	}
	t.waiting = t.waiting[:0]
	cur := t.nextBlock()
	for cur != nil {
		var i int32
		if n := len(t.waiting); n > 0 {
			i = t.waiting[n-1]
			t.waiting = t.waiting[:n-1]
		} else if cur.at < cur.end {
			i = t.take(cur)
		} else {
			cur = t.nextBlock()
			continue
		}
		t.advance(i)
	}
	for _, b := range t.blocks {
		t.clients[b.client].block = 0
	}
	for _, m := range t.missing {
		t.clients[m.client].missing = 0
	}
}

// nextBlock is the unfinished block of the highest client.
func (t *txn) nextBlock() *block {
	for n := len(t.queue); n > 0; n-- {
		if b := &t.blocks[t.queue[n-1]]; !b.gone && b.at < b.end {
			return b
		}
		t.queue = t.queue[:n-1]
	}
	return nil
}

func (t *txn) take(b *block) int32 {
	b.at++
	return t.staged[b.at-1]
}

// advance integrates a struct, after what it depends on if that is staged too.
func (t *txn) advance(i int32) {
	for {
		it := &t.items[i]
		if it.kind() == wire.Skip {
			return
		}
		c, clock := it.client(), it.clock
		state := t.clients[c].state
		if clock > state {
			t.waiting = append(t.waiting, i)
			t.miss(c, clock-1)
			t.giveUp()
			return
		}
		missing := t.resolve(i)
		if missing == 0 {
			if it = &t.items[i]; state-clock < it.length {
				t.integrate(i, state-clock)
			}
			return
		}
		t.waiting = append(t.waiting, i)
		b := t.clients[missing].block
		if b == 0 || t.blocks[b-1].at == t.blocks[b-1].end {
			t.miss(missing, t.clients[missing].state)
			t.giveUp()
			return
		}
		i = t.take(&t.blocks[b-1])
	}
}

// miss notes that something waits for a unit.
func (t *txn) miss(c, clock uint32) {
	if k := t.clients[c].missing; k != 0 {
		m := &t.missing[k-1]
		m.clock = min(m.clock, clock)
		return
	}
	t.missing = append(t.missing, unit{c, clock})
	t.clients[c].missing = int32(len(t.missing))
}

// giveUp moves every waiting struct, and what follows it in its block, to t.rest.
func (t *txn) giveUp() {
	for _, i := range t.waiting {
		c := t.items[i].client()
		run := restRun{client: c}
		if b := t.clients[c].block; b != 0 {
			bl := &t.blocks[b-1]
			run.items = t.staged[bl.at-1 : bl.end]
			bl.gone, bl.at = true, bl.end
			t.clients[c].block = 0
			t.rest = append(t.rest, run)
			continue
		}
		// A circle, which only a hostile update contains: the client has been given up before.
		t.one = append(t.one, i)
		run.items = t.one[len(t.one)-1:]
		if k := slices.IndexFunc(t.rest, func(r restRun) bool { return r.client == c }); k >= 0 {
			t.rest[k] = run
		} else {
			t.rest = append(t.rest, run)
		}
	}
	t.waiting = t.waiting[:0]
}

// resolve finds the neighbours and the list of a staged item, or returns the client that must come first. The items at
// its origins are split where needed. See getMissing in yjs src/structs/Item.js.
func (t *txn) resolve(i int32) (missing uint32) {
	it := &t.items[i]
	if it.kind() == wire.GC {
		return 0
	}
	c := it.client()
	if o := it.originClient; o != 0 && o != c && it.originClock >= t.clients[o].state {
		return o
	}
	if o := it.rightClient; o != 0 && o != c && it.rightClock >= t.clients[o].state {
		return o
	}
	if it.left < 0 {
		if p := uint32(-it.left); p != c && it.originClock >= t.clients[p].state {
			return p
		}
	}
	if it.originClient == 0 && it.rightClient == 0 {
		t.resolveParent(i)
		return 0
	}
	var left, right int32
	if o := it.originClient; o != 0 {
		left = t.cleanEnd(o, it.originClock)
	}
	if o := t.items[i].rightClient; o != 0 {
		right = t.cleanStart(o, t.items[i].rightClock)
	}
	it = &t.items[i]
	it.left, it.right, it.list = left, right, 0
	switch {
	case left != 0 && t.items[left].kind() == wire.GC, right != 0 && t.items[right].kind() == wire.GC:
	case left != 0:
		it.list = t.items[left].list
	default:
		it.list = t.items[right].list
	}
	return 0
}

// resolveParent finds the list of a staged item that has no neighbours to tell.
func (t *txn) resolveParent(i int32) {
	it := &t.items[i]
	typ, key := it.left, uint32(it.right)
	if typ < 0 {
		p := &t.items[t.findItem(uint32(-typ), it.originClock)]
		typ = 0
		if p.kind() == wire.Type {
			typ = int32(p.off)
		}
		it.originClock = 0
	}
	it.left, it.right = 0, 0
	if typ != 0 {
		it.list = t.listOf(typ, key)
	}
}

// integrate links a resolved item into its list, without its first offset units, which are known. An item without a
// list becomes a GC struct. See integrate in yjs src/structs/Item.js.
func (t *txn) integrate(i int32, offset uint32) {
	t.changed = true
	it := &t.items[i]
	it.meta &^= flagStaged
	c := it.client()
	if offset > 0 {
		t.cutFront(i, c, offset)
		it = &t.items[i]
	}
	t.touch(c)
	if it.list == 0 {
		t.freeContent(it)
		*it = item{clock: it.clock, length: it.length, meta: c<<clientShift | uint32(wire.GC) | flagDeleted}
		t.clients[c].state = it.end()
		t.clients[c].index.push(it.clock, i)
		return
	}
	if left, right := it.left, it.right; left == 0 && (right == 0 || t.items[right].left != 0) ||
		left != 0 && t.items[left].right != right {
		t.placeAmongConcurrent(i)
	}
	t.link(i)
	it = &t.items[i]
	t.clients[c].state = it.end()
	t.clients[c].index.push(it.clock, i)
	switch it.kind() {
	case wire.Deleted:
		it.meta |= flagDeleted
		t.dels = append(t.dels, delRange{c, it.clock, it.length})
	case wire.Type:
		typ := sharedType{item: i, ref: uint8(it.size), name: it.off}
		n := t.newType(typ)
		it.off, it.size = uint32(n), 0
	case wire.Doc:
		t.subdocs++
	}
	if p := t.types[t.typeOfList(it.list)].item; p != 0 && t.items[p].deleted() || it.list > 0 && it.right != 0 {
		t.deleteItem(i)
	}
}

// cutFront removes the first units of a resolved item, which are in the store already.
func (t *txn) cutFront(i int32, c, offset uint32) {
	it := &t.items[i]
	if it.kind() == wire.GC {
		it.clock += offset
		it.length -= offset
		return
	}
	head := *it
	t.splitContent(&head, it, offset)
	if it.inArena() {
		t.arena.dead += int(head.size)
	}
	it.clock += offset
	it.length -= offset
	it.originClient, it.originClock = c, it.clock-1
	left := t.cleanEnd(c, it.clock-1)
	it = &t.items[i]
	it.left = left
	it.list = t.items[left].list // the same, unless the update contradicts an earlier one; 0 for GC
}
