package crdt

// Type refs on the wire; see typeRefs in yjs src/structs/ContentType.js.
const (
	typeArray       = 0
	typeMap         = 1
	typeText        = 2
	typeXMLElement  = 3
	typeXMLFragment = 4
	typeXMLHook     = 5
	typeXMLText     = 6
	typeUnknown     = 7 // a root: what it is only its users know
	typeFree        = 8 // not a type: an entry of the free list, linked by firstKey
)

// sharedType is an array, a map, a text or an XML node; every one has a sequence and entries, whether used or not.
type sharedType struct {
	item     int32  // the item that carries it, 0 for a root
	name     uint32 // key: name of a root, of an XML node or hook
	start    int32  // first item of its sequence
	firstKey int32  // lists of its entries in the order in which the keys came, linked by list.next
	lastKey  int32
	keyCount int32
	ref      uint8 // one of the type refs
}

// Items stand in lists, which YATA orders: the sequence of a type, or everything ever set for one key. item.list is an
// index in Doc.lists for the list of an entry, and minus the index of the type for a sequence.

// list is the list of an entry, of which the last item is the value (and the only one not deleted, if any).
type list struct {
	typ   int32
	key   uint32
	start int32 // the leftmost item
	last  int32 // the rightmost item
	next  int32 // next list of entries of the type; free lists: the next one
}

// typeOfList returns the type that a list belongs to.
func (d *Doc) typeOfList(l int32) int32 {
	if l < 0 {
		return -l
	}
	return d.lists[l].typ
}

// startOf is where a list's first item is kept.
func (d *Doc) startOf(l int32) *int32 {
	if l < 0 {
		return &d.types[-l].start
	}
	return &d.lists[l].start
}

// manyKeys is from how many keys on a type's entries are found by hash.
const manyKeys = 8

// entryID is where an entry of a type with many keys is found in Doc.entries.
func entryID(typ int32, key uint32) uint64 { return uint64(typ)<<32 | uint64(key) }

func (d *Doc) newType(t sharedType) int32 {
	if i := d.freeType; i != 0 {
		d.freeType = d.types[i].firstKey
		d.types[i] = t
		return i
	}
	if len(d.types) == 0 {
		d.types = append(d.types, sharedType{})
	}
	d.types = append(d.types, t)
	return int32(len(d.types) - 1)
}

// dropType gives a type back whose items are all gone, with its lists.
func (d *Doc) dropType(i int32) {
	t := &d.types[i]
	many := t.keyCount > manyKeys
	for l := t.firstKey; l != 0; {
		next := d.lists[l].next
		if many {
			delete(d.entries, entryID(i, d.lists[l].key))
		}
		d.dropList(l)
		l = next
	}
	if int(i) == len(d.types)-1 {
		d.types = d.types[:i]
		return
	}
	*t = sharedType{ref: typeFree, firstKey: d.freeType}
	d.freeType = i
}

func (d *Doc) newList(l list) int32 {
	if i := d.freeList; i != 0 {
		d.freeList = d.lists[i].next
		d.lists[i] = l
		return i
	}
	if len(d.lists) == 0 {
		d.lists = append(d.lists, list{})
	}
	d.lists = append(d.lists, l)
	return int32(len(d.lists) - 1)
}

func (d *Doc) dropList(i int32) {
	d.lists[i] = list{next: d.freeList}
	d.freeList = i
}

// root returns the root type of a name, which it adds if it is new.
func (d *Doc) root(name []byte) int32 {
	k := d.getKey(name)
	if t := d.keys[k].root; t != 0 {
		return t
	}
	t := d.newType(sharedType{ref: typeUnknown, name: k})
	d.keys[k].root = t
	d.roots = append(d.roots, t)
	return t
}

// dropRoots forgets the roots that appeared after the first n, which must be empty.
func (d *Doc) dropRoots(n int) {
	for len(d.roots) > n {
		t := d.roots[len(d.roots)-1]
		d.roots = d.roots[:len(d.roots)-1]
		d.keys[d.types[t].name].root = 0
		d.dropType(t)
	}
}

// listOf returns the list of a type's sequence, or for a key that of its entry, which it adds if it is new.
func (d *Doc) listOf(typ int32, key uint32) int32 {
	if key == 0 {
		return -typ
	}
	t := &d.types[typ]
	if l := d.lookEntry(typ, key); l != 0 {
		return l
	}
	l := d.newList(list{typ: typ, key: key})
	if t.lastKey == 0 {
		t.firstKey = l
	} else {
		d.lists[t.lastKey].next = l
	}
	t.lastKey = l
	t.keyCount++
	switch {
	case t.keyCount == manyKeys+1:
		if d.entries == nil {
			d.entries = make(map[uint64]int32)
		}
		for e := t.firstKey; e != 0; e = d.lists[e].next {
			d.entries[entryID(typ, d.lists[e].key)] = e
		}
	case t.keyCount > manyKeys:
		d.entries[entryID(typ, key)] = l
	}
	return l
}

// lookEntry returns the list of a type's entry, 0 if the key was never set.
func (d *Doc) lookEntry(typ int32, key uint32) int32 {
	t := &d.types[typ]
	if t.keyCount > manyKeys {
		return d.entries[entryID(typ, key)]
	}
	l := t.firstKey
	for l != 0 && d.lists[l].key != key {
		l = d.lists[l].next
	}
	return l
}
