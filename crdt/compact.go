package crdt

import (
	"slices"

	"github.com/symphony-rtc/symphony/crdt/internal/wire"
)

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
			for k, i := range chunk {
				moved[i] = int32(len(items))
				chunk[k] = moved[i]
				items = append(items, d.items[i])
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
		if d.lists[l].typ != 0 {
			d.lists[l].start, d.lists[l].last = moved[d.lists[l].start], moved[d.lists[l].last]
		}
	}
	d.items = items
	d.freeItem, d.freeItems = 0, 0
}

// shrink gives back what slices have reserved for growing, where it is much. It is called when much was added at once
// and little is likely to follow.
func (d *Doc) shrink() {
	if spare := cap(d.items) - len(d.items); spare > 256 && spare > len(d.items)/4 {
		d.items = slices.Clip(slices.Clone(d.items))
	}
	if spare := cap(d.arena.buf) - len(d.arena.buf); spare > 4096 && spare > len(d.arena.buf)/4 {
		d.arena.buf = slices.Clip(slices.Clone(d.arena.buf))
	}
}
