package crdt

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/symphony-rtc/symphony/crdt/internal/wire"
)

// checkInvariants verifies what must hold of a document between transactions.
func (d *Doc) checkInvariants() error {
	if len(d.items) == 0 {
		return nil
	}
	owner := make([]bool, len(d.items)) // is in the index of a client
	content := 0
	var ranges []gap
	for c := range d.clients {
		cl := &d.clients[c]
		if cl.touched || cl.block != 0 || cl.missing != 0 {
			return fmt.Errorf("client %d: transaction state left behind", cl.id)
		}
		if cl.id != 0 || c != 0 {
			if got := d.lookClient(cl.id); got != uint32(c) {
				return fmt.Errorf("client %d at %d is found at %d", cl.id, c, got)
			}
		}
		next := uint32(0)
		for n, chunk := range cl.index.chunks {
			if len(chunk) == 0 || len(chunk) > chunkSize {
				return fmt.Errorf("client %d: chunk %d of length %d", cl.id, n, len(chunk))
			}
			for _, e := range chunk {
				i := e.item
				it := &d.items[i]
				if e.clock != it.clock {
					return fmt.Errorf("client %d: item %d begins at %d, not %d", cl.id, i, it.clock, e.clock)
				}
				if owner[i] {
					return fmt.Errorf("item %d is in an index twice", i)
				}
				owner[i] = true
				if it.clock != next || it.length == 0 || it.client() != uint32(c) {
					return fmt.Errorf("client %d: item %d (%+v), want clock %d", cl.id, i, it, next)
				}
				next = it.end()
				if err := d.checkItem(i); err != nil {
					return err
				}
				if it.inArena() && it.size > 0 {
					content += int(it.size)
					ranges = append(ranges, gap{it.off, it.off + it.size})
				}
			}
		}
		if next != cl.state {
			return fmt.Errorf("client %d: state %d, structs until %d", cl.id, cl.state, next)
		}
	}
	if got := len(d.arena.buf) - d.arena.dead; got != content {
		return fmt.Errorf("arena: %d bytes in use, items have %d", got, content)
	}
	slices.SortFunc(ranges, func(a, b gap) int { return cmp.Compare(a.at, b.at) })
	for k, r := range ranges {
		if int(r.end) > len(d.arena.buf) || k > 0 && r.at < ranges[k-1].end {
			return fmt.Errorf("arena: content at %d..%d of %d bytes is another's or outside", r.at, r.end, len(d.arena.buf))
		}
	}
	free := 0
	for i := d.freeItem; i != 0; i = d.items[i].right {
		if owner[i] || d.items[i].meta&kindMask != kindFree {
			return fmt.Errorf("item %d is free and in use", i)
		}
		owner[i] = true
		free++
	}
	if free != d.freeItems {
		return fmt.Errorf("%d free items, counted %d", free, d.freeItems)
	}
	for i := 1; i < len(owner); i++ {
		if !owner[i] {
			return fmt.Errorf("item %d is lost", i)
		}
	}
	return d.checkTypes()
}

func (d *Doc) checkItem(i int32) error {
	it := &d.items[i]
	fail := func(what string) error { return fmt.Errorf("item %d (%v): %s", i, it.kind(), what) }
	if it.meta&flagStaged != 0 {
		return fail("still staged")
	}
	if it.kind() == wire.GC {
		if it.list != 0 || it.left != 0 || it.right != 0 || !it.deleted() {
			return fail("GC with links")
		}
		return nil
	}
	if it.kind() == wire.Skip || it.kind() > wire.Skip {
		return fail("kind that cannot be stored")
	}
	if it.list == 0 || d.typeOfList(it.list) == 0 {
		return fail("no list")
	}
	if it.left == 0 && *d.startOf(it.list) != i || it.left != 0 && d.items[it.left].right != i {
		return fail("left neighbour")
	}
	if it.right != 0 && d.items[it.right].left != i || it.right != 0 && d.items[it.right].list != it.list {
		return fail("right neighbour")
	}
	if it.right == 0 && it.list > 0 && d.lists[it.list].last != i {
		return fail("last of its entry, and the entry does not know")
	}
	if it.kind() == wire.Deleted && !it.deleted() {
		return fail("deleted content, not deleted")
	}
	if !d.keepDeleted && it.deleted() && it.kind() != wire.Deleted {
		return fail("content of a deleted item not collected")
	}
	if it.kind() == wire.Type && d.types[it.off].item != i {
		return fail("its type belongs to another")
	}
	return nil
}

func (d *Doc) checkTypes() error {
	used := map[int32]bool{}
	for t := range d.types {
		ty := &d.types[t]
		if t == 0 || ty.ref == typeFree {
			continue
		}
		lists := []int32{int32(-t)}
		n := int32(0)
		for l := ty.firstKey; l != 0; l = d.lists[l].next {
			n++
			lists = append(lists, l)
			if d.lookEntry(int32(t), d.lists[l].key) != l {
				return fmt.Errorf("type %d: key %q is not found", t, d.keyName(d.lists[l].key))
			}
		}
		if n != ty.keyCount {
			return fmt.Errorf("type %d: %d keys, counted %d", t, n, ty.keyCount)
		}
		for _, l := range lists {
			if used[l] || d.typeOfList(l) != int32(t) {
				return fmt.Errorf("list %d of type %d is of type %d", l, t, d.typeOfList(l))
			}
			used[l] = true
			last := int32(0)
			for i := *d.startOf(l); i != 0; i = d.items[i].right {
				if d.items[i].list != l || d.items[i].left != last {
					return fmt.Errorf("list %d: item %d is of list %d, its left is %d, not %d",
						l, i, d.items[i].list, d.items[i].left, last)
				}
				last = i
			}
			if l > 0 && d.lists[l].last != last {
				return fmt.Errorf("list %d: last is %d, not %d", l, d.lists[l].last, last)
			}
		}
	}
	for _, t := range d.roots {
		if d.keys[d.types[t].name].root != t {
			return fmt.Errorf("root %q is not found", d.keyName(d.types[t].name))
		}
	}
	return nil
}
