package crdt

import "github.com/symphony-rtc/symphony/crdt/internal/wire"

// item is one struct of the document: a run of units that one client inserted one after the other and that still stand
// beside each other, or a GC struct, of which only the range of clocks is left. It is what yjs calls Item and GC.
//
// Items live in one slice, Doc.items, and name each other by index; no pointers, so that the garbage collector has
// nothing to follow. Index 0 is nobody: the zero value of every link means "none".
type item struct {
	clock, length uint32

	// The neighbours in the item's list. While the item is staged (see stage.go) they hold how it names its parent.
	left, right int32

	// The neighbours when the item was inserted, by id. Client 0 means none.
	originClock, rightClock   uint32
	originClient, rightClient uint32

	list int32 // index in Doc.lists; 0 for GC

	// off and size are the content's place in the arena, for kinds that have one. For Type, off is the index in
	// Doc.types; while staged, off is the name's key and size the type ref.
	off, size uint32

	meta uint32 // client index << 8 | flags | kind
}

// Kinds and flags in item.meta.
const (
	kindMask    = 0x0f
	kindFree    = 0x0f // not an item: an entry of the free list
	flagDeleted = 0x10
	flagJSON    = 0x20 // the value of an Embed or Format is JSON text and not any-encoded
	flagStaged  = 0x40 // decoded, not integrated yet
	clientShift = 8
)

// maxClients is how many client ids a document can know: they are 24-bit indices in items.
const maxClients = 1<<24 - 1

func (it *item) kind() wire.Kind { return wire.Kind(it.meta & kindMask) }
func (it *item) deleted() bool   { return it.meta&flagDeleted != 0 }
func (it *item) client() uint32  { return it.meta >> clientShift }
func (it *item) last() uint32    { return it.clock + it.length - 1 }
func (it *item) end() uint32     { return it.clock + it.length }

// visible says whether the item is content that the user sees. Formats are not: they have no place of their own.
func (it *item) visible() bool {
	return it.meta&flagDeleted == 0 && it.kind() != wire.Format
}

func (it *item) setKind(k wire.Kind) { it.meta = it.meta&^kindMask | uint32(k) }

// inArena says whether off and size are a place in the arena.
func (it *item) inArena() bool {
	switch it.kind() {
	case wire.String, wire.Any, wire.JSON, wire.Binary, wire.Embed, wire.Format, wire.Doc:
		return true
	}
	return false
}

// newItem returns the index of a zero item. Pointers to items are invalid afterwards.
func (d *Doc) newItem() int32 {
	if i := d.freeItem; i != 0 {
		d.freeItem = d.items[i].right
		d.freeItems--
		d.items[i] = item{}
		return i
	}
	if len(d.items) == 0 {
		d.items = append(reserve(d.items, 8), item{meta: kindFree})
	}
	d.items = append(reserve(d.items, 1), item{})
	return int32(len(d.items) - 1)
}

// dropItem gives an item back that no list, index or type refers to any more. Its content is not freed.
func (d *Doc) dropItem(i int32) {
	if int(i) == len(d.items)-1 {
		d.items = d.items[:i]
		return
	}
	d.items[i] = item{right: d.freeItem, meta: kindFree}
	d.freeItem = i
	d.freeItems++
}

// freeContent gives the item's place in the arena back.
func (d *Doc) freeContent(it *item) {
	if it.inArena() {
		d.arena.free(it.off, it.size)
	}
	it.off, it.size = 0, 0
}
