package crdt

import (
	"cmp"
	"slices"

	"github.com/symphony-rtc/symphony/crdt/internal/wire"
	"github.com/symphony-rtc/symphony/crdt/lib0"
)

// viewer writes what users see of a document to dst.
type viewer struct {
	*Doc
	dst []byte
}

func (v *viewer) put(s string) { v.dst = append(v.dst, s...) }

// typeAs writes a type as JSON, as toJSON of a type of that ref does. Type 0 is an empty one.
func (v *viewer) typeAs(t int32, ref uint8, depth int) {
	if depth > maxViewDepth {
		v.put("null")
		return
	}
	switch ref {
	case typeArray:
		v.array(t, depth)
	case typeMap, typeXMLHook:
		v.object(t, depth)
	case typeText:
		v.quoted(func() { v.plainText(t) })
	default:
		v.quoted(func() { v.xml(t, ref, depth) })
	}
}

// quoted writes what write writes as a JSON string.
func (v *viewer) quoted(write func()) {
	from := len(v.dst)
	write()
	text := slices.Clone(v.dst[from:])
	v.dst = lib0.AppendQuoted(v.dst[:from], text)
}

func (v *viewer) array(t int32, depth int) {
	v.put("[")
	first := true
	for i := v.firstOf(t); i != 0; i = v.items[i].right {
		it := &v.items[i]
		if it.visible() {
			v.elements(it, depth, func() {
				if !first {
					v.put(",")
				}
				first = false
			})
		}
	}
	v.put("]")
}

// elements writes the values of an item, each after what before writes.
func (v *viewer) elements(it *item, depth int, before func()) {
	data := v.contentOf(it)
	switch it.kind() {
	case wire.String:
		for len(data) > 0 {
			n := unitLen(data)
			if n == 4 {
				for _, unit := range [][]byte{lib0.AppendSurrogates(nil, data, true, false), lib0.AppendSurrogates(nil, data, false, true)} {
					before()
					v.dst = lib0.AppendQuoted(v.dst, unit)
				}
			} else {
				before()
				v.dst = lib0.AppendQuoted(v.dst, data[:n])
			}
			data = data[n:]
		}
	case wire.Any, wire.JSON:
		for range it.length {
			var one []byte
			one, data = v.split(it, data)
			before()
			v.value(one, it.kind() == wire.JSON)
		}
	default:
		before()
		v.single(it, data, depth)
	}
}

// single writes the value of an item that has one.
func (v *viewer) single(it *item, data []byte, depth int) {
	switch it.kind() {
	case wire.Binary:
		v.binary(data)
	case wire.Embed:
		v.value(data, it.meta&flagJSON != 0)
	case wire.Type:
		v.typeAs(int32(it.off), v.types[it.off].ref, depth+1)
	default: // Doc
		v.put("{}")
	}
}

// contentOf returns the item's content as wire.Content.Data has it.
func (v *viewer) contentOf(it *item) []byte {
	if !it.inArena() {
		return nil
	}
	data := v.arena.bytes(it.off, it.size)
	if it.kind() == wire.Format {
		_, data = splitFormat(data)
	}
	return data
}

// split cuts the first value off the content of an Any or JSON item.
func (v *viewer) split(it *item, data []byte) (one, rest []byte) {
	if it.kind() == wire.JSON {
		s, n := lib0.Bytes(data)
		return s, data[n:]
	}
	n, _, _ := lib0.ScanAny(data)
	return data[:n], data[n:]
}

// unitLen is the length in bytes of the first character of text; one of 4 bytes is two UTF-16 units.
func unitLen(s []byte) int {
	switch b := s[0]; {
	case b < 0x80:
		return 1
	case b < 0xe0:
		return min(2, len(s))
	case b < 0xf0:
		return min(3, len(s))
	}
	return min(4, len(s))
}

// object writes the entries of a type.
func (v *viewer) object(t int32, depth int) {
	v.put("{")
	o := objectWriter{v: v, at: len(v.dst)}
	v.entries(t, func(key []byte, it *item, last []byte, isJSON bool) {
		if k := it.kind(); (k == wire.Any || k == wire.JSON || k == wire.Embed) && isUndefined(last, isJSON) {
			return
		}
		o.add(key, func() {
			switch it.kind() {
			case wire.Any, wire.JSON:
				v.value(last, isJSON)
			case wire.String:
				v.dst = lib0.AppendQuoted(v.dst, last)
			default:
				v.single(it, last, depth)
			}
		})
	})
	o.finish()
	v.put("}")
}

// entries calls f for every entry of a type with its item and the last value in it, which is the one that counts.
func (v *viewer) entries(t int32, f func(key []byte, it *item, last []byte, isJSON bool)) {
	for l := v.firstEntry(t); l != 0; l = v.lists[l].next {
		i := v.lists[l].last
		if i == 0 || !v.items[i].visible() {
			continue
		}
		it := &v.items[i]
		last := v.contentOf(it)
		isJSON := it.meta&flagJSON != 0
		switch it.kind() {
		case wire.Any, wire.JSON:
			isJSON = it.kind() == wire.JSON
			var one []byte
			for range it.length {
				one, last = v.split(it, last)
			}
			last = one
		case wire.String:
			last = lastUnit(last)
		}
		f(v.keyName(v.lists[l].key), it, last, isJSON)
	}
}

// lastUnit returns the last UTF-16 unit of text.
func lastUnit(s []byte) []byte {
	at := len(s) - 1
	for at > 0 && s[at]&0xc0 == 0x80 {
		at--
	}
	if s[at] >= 0xf0 {
		return lib0.AppendSurrogates(nil, s[at:], false, true)
	}
	return s[at:]
}

// objectWriter writes the members of an object in the order of JavaScript: those whose keys are array indices come
// first, by number, the others as they were added. Later members of the same name must not be added.
type objectWriter struct {
	v       *viewer
	at      int // where the members begin in v.dst
	n       int
	indices []indexMember
}

type indexMember struct {
	index uint32
	key   []byte
	write func()
}

func (o *objectWriter) add(key []byte, write func()) {
	if string(key) == "__proto__" { // assigning to it does not make a member in JavaScript
		return
	}
	if index, ok := arrayIndex(key); ok {
		// Has to go in front of those already written.
		o.indices = append(o.indices, indexMember{index, key, write})
		return
	}
	o.begin(key)
	write()
}

func (o *objectWriter) begin(key []byte) {
	if o.n > 0 {
		o.v.put(",")
	}
	o.n++
	o.v.dst = append(lib0.AppendQuoted(o.v.dst, key), ':')
}

// finish writes the members whose keys are indices. It rotates them in front of the others.
func (o *objectWriter) finish() {
	if len(o.indices) == 0 {
		return
	}
	slices.SortFunc(o.indices, func(a, b indexMember) int { return cmp.Compare(a.index, b.index) })
	dst, others := o.v.dst, o.n
	o.v.dst, o.n = nil, 0
	for _, m := range o.indices {
		o.begin(m.key)
		m.write()
	}
	front := o.v.dst
	if others > 0 {
		front = append(front, ',')
	}
	o.v.dst = slices.Insert(dst, o.at, front...)
}
