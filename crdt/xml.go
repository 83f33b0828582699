package crdt

import (
	"bytes"
	"encoding/binary"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/symphony-rtc/symphony/crdt/internal/wire"
	"github.com/symphony-rtc/symphony/crdt/lib0"
)

const objectString = "[object Object]" // what JavaScript makes of an object as a string

// xml writes a type as toString of a type of that ref does.
func (v *viewer) xml(t int32, ref uint8, depth int) {
	if depth > maxViewDepth {
		return
	}
	switch ref {
	case typeXMLElement:
		v.element(t, depth)
	case typeXMLFragment:
		v.xmlChildren(t, depth)
	case typeXMLText:
		v.xmlText(t, depth)
	case typeText:
		v.plainText(t)
	default:
		v.put(objectString)
	}
}

// xmlChildren writes everything in a type's sequence. See toString in yjs src/types/YXmlFragment.js.
func (v *viewer) xmlChildren(t int32, depth int) {
	for i := v.firstOf(t); i != 0; i = v.items[i].right {
		if it := &v.items[i]; it.visible() {
			data := v.contentOf(it)
			switch it.kind() {
			case wire.String:
				v.dst = append(v.dst, data...)
			case wire.Any, wire.JSON:
				for range it.length {
					var one []byte
					one, data = v.split(it, data)
					v.jsString(anyOf(one, it.kind() == wire.JSON))
				}
			default:
				v.xmlSingle(it, data, depth)
			}
		}
	}
}

// xmlSingle writes the value of an item that has one as a string.
func (v *viewer) xmlSingle(it *item, data []byte, depth int) {
	switch it.kind() {
	case wire.Type:
		v.xml(int32(it.off), v.types[it.off].ref, depth+1)
	case wire.Embed:
		v.jsString(anyOf(data, it.meta&flagJSON != 0))
	case wire.Binary:
		v.jsBytes(data)
	default: // Doc
		v.put(objectString)
	}
}

// element writes an XML element. See toString in yjs src/types/YXmlElement.js.
func (v *viewer) element(t int32, depth int) {
	name := lowerCase(v.keyName(v.types[t].name))
	v.put("<")
	v.dst = append(v.dst, name...)
	type attr struct {
		key, value []byte
	}
	var attrs []attr
	v.entries(t, func(key []byte, it *item, last []byte, isJSON bool) {
		if string(key) == "__proto__" {
			return
		}
		inner := viewer{Doc: v.Doc}
		switch it.kind() {
		case wire.Any, wire.JSON:
			inner.jsString(anyOf(last, isJSON))
		case wire.String:
			inner.dst = append(inner.dst, last...)
		default:
			inner.xmlSingle(it, last, depth)
		}
		attrs = append(attrs, attr{key, inner.dst})
	})
	slices.SortFunc(attrs, func(a, b attr) int { return compareUTF16(a.key, b.key) })
	for _, a := range attrs {
		v.put(" ")
		v.dst = append(v.dst, a.key...)
		v.put(`="`)
		v.dst = append(v.dst, a.value...)
		v.put(`"`)
	}
	v.put(">")
	v.xmlChildren(t, depth)
	v.put("</")
	v.dst = append(v.dst, name...)
	v.put(">")
}

// xmlText writes an XML text, its formats as elements. See toString in yjs src/types/YXmlText.js.
func (v *viewer) xmlText(t int32, depth int) {
	v.runs(t, func(r run) {
		nodes := slices.Clone(r.attributes)
		nodes = slices.DeleteFunc(nodes, func(a attribute) bool { return string(v.keyName(a.key)) == "__proto__" })
		slices.SortFunc(nodes, func(a, b attribute) int { return compareUTF16(v.keyName(a.key), v.keyName(b.key)) })
		for _, n := range nodes {
			v.put("<")
			v.dst = append(v.dst, v.keyName(n.key)...)
			v.xmlFormat(anyOf(n.value, n.isJSON))
			v.put(">")
		}
		if r.item == 0 {
			v.dst = append(v.dst, r.text...)
		} else {
			it := &v.items[r.item]
			v.xmlSingle(it, v.contentOf(it), depth)
		}
		for _, n := range slices.Backward(nodes) {
			v.put("</")
			v.dst = append(v.dst, v.keyName(n.key)...)
			v.put(">")
		}
	})
}

// xmlFormat writes the members of a format's value as attributes.
func (v *viewer) xmlFormat(value []byte) {
	type member struct{ key, value []byte }
	var members []member
	each := func(key, value []byte) { members = append(members, member{key, value}) }
	switch tag := value[0]; tag {
	case anyObject, anyArray:
		n, size := lib0.Uvarint(value[1:])
		b := value[1+size:]
		for k := range n {
			key := strconv.AppendUint(nil, k, 10)
			if tag == anyObject {
				var size int
				key, size = lib0.Bytes(b)
				b = b[size:]
			}
			size, _, _ := lib0.ScanAny(b)
			each(key, b[:size])
			b = b[size:]
		}
	case anyString:
		s, _ := lib0.Bytes(value[1:])
		for k := uint64(0); len(s) > 0; k++ {
			n := unitLen(s)
			units := [][]byte{s[:n]}
			if n == 4 {
				units = [][]byte{lib0.AppendSurrogates(nil, s, true, false), lib0.AppendSurrogates(nil, s, false, true)}
				k++
			}
			for u, unit := range units {
				each(strconv.AppendUint(nil, k-uint64(len(units)-1-u), 10), append([]byte{anyString, byte(len(unit))}, unit...))
			}
			s = s[n:]
		}
	case anyBytes:
		s, _ := lib0.Bytes(value[1:])
		for k, c := range s {
			each(strconv.AppendInt(nil, int64(k), 10), lib0.AppendVarint([]byte{anyInteger}, false, uint64(c)))
		}
	}
	slices.SortFunc(members, func(a, b member) int { return compareUTF16(a.key, b.key) })
	for _, m := range members {
		v.put(" ")
		v.dst = append(v.dst, m.key...)
		v.put(`="`)
		v.jsString(m.value)
		v.put(`"`)
	}
}

// anyOf returns a stored value any-encoded.
func anyOf(value []byte, isJSON bool) []byte {
	if !isJSON {
		return value
	}
	if !isUndefined(value, true) {
		if b, err := lib0.JSONToAny(nil, value); err == nil {
			return b
		}
	}
	return []byte{anyUndefined}
}

// jsString writes the any-encoded value that b begins with as JavaScript makes a string of it, and returns what follows.
func (v *viewer) jsString(b []byte) []byte {
	tag := b[0]
	rest := b[1:]
	switch tag {
	case anyUndefined:
		v.put("undefined")
	case anyNull:
		v.put("null")
	case anyTrue:
		v.put("true")
	case anyFalse:
		v.put("false")
	case anyBigInt:
		v.dst = strconv.AppendInt(v.dst, int64(binary.BigEndian.Uint64(rest)), 10)
		return rest[8:]
	case anyInteger, anyFloat32, anyFloat64:
		x, rest := anyNumber(tag, rest)
		v.jsNumber(x)
		return rest
	case anyString:
		s, n := lib0.Bytes(rest)
		v.dst = append(v.dst, s...)
		return rest[n:]
	case anyBytes:
		s, n := lib0.Bytes(rest)
		v.jsBytes(s)
		return rest[n:]
	case anyArray:
		n, size := lib0.Uvarint(rest)
		rest = rest[size:]
		for k := range n {
			if k > 0 {
				v.put(",")
			}
			if t := rest[0]; t == anyNull || t == anyUndefined { // nothing, in an array
				rest = rest[1:]
				continue
			}
			rest = v.jsString(rest)
		}
	default:
		v.put(objectString)
		n, _, _ := lib0.ScanAny(b)
		return b[n:]
	}
	return rest
}

func (v *viewer) jsNumber(x float64) {
	switch {
	case x != x:
		v.put("NaN")
	case x > 0 && x*2 == x:
		v.put("Infinity")
	case x < 0 && x*2 == x:
		v.put("-Infinity")
	default:
		v.dst = lib0.AppendNumber(v.dst, x)
	}
}

func (v *viewer) jsBytes(b []byte) {
	for k, c := range b {
		if k > 0 {
			v.put(",")
		}
		v.dst = strconv.AppendUint(v.dst, uint64(c), 10)
	}
}

// lowerCase is toLocaleLowerCase of JavaScript, but for the Greek final sigma.
func lowerCase(name []byte) []byte {
	s := bytes.ToLower(name)
	if bytes.Contains(name, []byte("İ")) {
		s = []byte(strings.ToLower(strings.ReplaceAll(string(name), "İ", "i\u0307")))
	}
	return s
}

// compareUTF16 orders text by UTF-16 units, as JavaScript does: characters beyond U+FFFF come before those from U+E000
// on.
func compareUTF16(a, b []byte) int {
	for len(a) > 0 && len(b) > 0 {
		x, n := utf8.DecodeRune(a)
		y, m := utf8.DecodeRune(b)
		if x != y || n != m {
			switch {
			case x > 0xffff && y >= 0xe000 && y <= 0xffff:
				return -1
			case y > 0xffff && x >= 0xe000 && x <= 0xffff:
				return 1
			}
			return int(x) - int(y)
		}
		a, b = a[n:], b[m:]
	}
	return len(a) - len(b)
}
