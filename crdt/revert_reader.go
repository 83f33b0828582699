package crdt

import (
	"bytes"

	"github.com/symphony-rtc/symphony/crdt/internal/wire"
	"github.com/symphony-rtc/symphony/crdt/lib0"
)

// reader reads the content of an item from left to right, any number of units at a time.
type reader struct {
	d    *Doc
	it   *item // nil: there is nothing to read
	data []byte
	off  uint32 // units read
	pos  int    // where in data the rest begins
	half bool   // the last unit read was the first half of a character, all of which lies before pos
}

// isDivisible says whether items of this kind have content for each of their units. All others that are not deleted are
// one unit long.
func isDivisible(k wire.Kind) bool { return k == wire.String || k == wire.Any || k == wire.JSON }

func (d *Doc) read(it *item) reader {
	x := reader{d: d, it: it}
	if it.inArena() {
		x.data = d.arena.bytes(it.off, it.size)
	}
	return x
}

// rest is how many units there are to read.
func (x *reader) rest() uint32 { return x.it.length - x.off }

// take reads n units. Of a string it returns the characters that begin in them: of one of which they have only the first
// half all, of one of which they have only the second half nothing.
func (x *reader) take(n uint32) []byte {
	x.off += n
	rest := x.data[x.pos:]
	size := 0
	switch x.it.kind() {
	case wire.String:
		if len(x.data) == int(x.it.length) { // ASCII
			size = int(n)
			break
		}
		if x.half {
			n--
			x.half = false
		}
		size, x.half = lib0.UTF16Index(rest, int(n))
		if x.half {
			size += 4
		}
	case wire.Any:
		for range n {
			one, _, _ := lib0.ScanAny(rest[size:])
			size += one
		}
	case wire.JSON:
		for range n {
			_, one := lib0.Bytes(rest[size:])
			size += one
		}
	default:
		return x.data
	}
	x.pos += size
	return rest[:size]
}

// liveReader reads what is live in a sequence.
type liveReader struct {
	reader
	next int32 // the item to read after this one
}

// readLive returns a reader of a type's sequence; its item is nil if nothing is live.
func (d *Doc) readLive(typ int32) liveReader {
	o := liveReader{reader: reader{d: d}, next: d.firstOf(typ)}
	o.forward()
	return o
}

// forward goes to the next live item when this one is read.
func (o *liveReader) forward() {
	if o.it != nil && o.rest() > 0 {
		return
	}
	o.it = nil
	for o.next != 0 && o.it == nil {
		it := &o.d.items[o.next]
		o.next = it.right
		if !it.deleted() {
			o.reader = o.d.read(it)
		}
	}
}

// textLen is how many units text is that a reader returned for n units.
func textLen(text []byte, n uint32) uint32 {
	if len(text) == int(n) && lib0.ASCIIPrefix(text) == len(text) {
		return n
	}
	return uint32(lib0.UTF16Len(text))
}

// same says whether the next n units of both are the same content. It reads them if so.
func same(a, b *reader, n uint32) bool {
	k := a.it.kind()
	if b.it.kind() != k || a.half || b.half {
		return false
	}
	x, y := *a, *b
	v, w := x.take(n), y.take(n)
	switch k {
	case wire.Type:
		if !sameType(a.d, a.it, b.d, b.it) {
			return false
		}
	case wire.Format:
		var p, q uint32
		p, v = splitFormat(v)
		q, w = splitFormat(w)
		if !bytes.Equal(a.d.keyName(p), b.d.keyName(q)) || !sameValue(a.it, v, b.it, w) {
			return false
		}
	case wire.Embed:
		if !sameValue(a.it, v, b.it, w) {
			return false
		}
	default:
		if !bytes.Equal(v, w) {
			return false
		}
	}
	*a, *b = x, y
	return true
}

func sameType(d *Doc, a *item, e *Doc, b *item) bool {
	s, t := &d.types[a.off], &e.types[b.off]
	if s.ref != t.ref || (s.name == 0) != (t.name == 0) {
		return false
	}
	return s.name == 0 || bytes.Equal(d.keyName(s.name), e.keyName(t.name))
}

// sameValue compares the values of two embeds or formats. One of them may have come in V1, as JSON, and the other in V2.
func sameValue(a *item, v []byte, b *item, w []byte) bool {
	if (a.meta^b.meta)&flagJSON == 0 {
		return bytes.Equal(v, w)
	}
	if a.meta&flagJSON != 0 {
		v, w = w, v
	}
	text, err := lib0.AnyToJSON(nil, v)
	return err == nil && bytes.Equal(text, w)
}
