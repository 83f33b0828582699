package crdt

import "github.com/symphony-rtc/symphony/crdt/internal/wire"

// tidy gives memory back when much of it is unused.
func (d *Doc) tidy() {
	if d.arena.wasteful() {
		d.compactArena()
	}
	if d.freeItems > 256 && d.freeItems > len(d.items)/2 {
		d.compactItems()
	}
}

// compactArena copies the content that is still used to a new buffer.
func (d *Doc) compactArena() {
	buf := make([]byte, 0, len(d.arena.buf)-d.arena.dead)
	for i := range d.items {
		it := &d.items[i]
		if it.meta&kindMask != kindFree && it.inArena() {
			off := uint32(len(buf))
			buf = append(buf, d.arena.bytes(it.off, it.size)...)
			it.off = off
		}
	}
	d.arena = arena{buf: buf}
}

// compactItems moves the items together, in the order of their clients and clocks, and corrects every link.
func (d *Doc) compactItems() {
	moved := make([]int32, len(d.items))
	items := make([]item, 1, len(d.items)-d.freeItems)
	items[0].meta = kindFree
	for c := range d.clients {
		for _, chunk := range d.clients[c].index.chunks {
			for k, e := range chunk {
				moved[e.item] = int32(len(items))
				chunk[k].item = int32(len(items))
				items = append(items, d.items[e.item])
			}
		}
	}
	for i := range items {
		it := &items[i]
		it.left, it.right = moved[it.left], moved[it.right]
		if it.kind() == wire.Type {
			d.types[it.off].item = int32(i)
		}
	}
	for l := range d.lists {
		d.lists[l].start, d.lists[l].last = moved[d.lists[l].start], moved[d.lists[l].last]
	}
	for t := range d.types {
		d.types[t].start = moved[d.types[t].start]
	}
	d.items = items
	d.freeItem, d.freeItems = 0, 0
}

// clip gives back what was reserved for growing.
func (d *Doc) clip() {
	d.items = clip(d.items)
	d.arena.buf = clip(d.arena.buf)
	d.types, d.lists = clip(d.types), clip(d.lists)
	d.keys, d.keyBytes = clip(d.keys), clip(d.keyBytes)
}
