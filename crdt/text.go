package crdt

import (
	"slices"

	"github.com/symphony-rtc/symphony/crdt/internal/wire"
	"github.com/symphony-rtc/symphony/crdt/lib0"
)

// plainText writes the strings of a type's sequence.
func (v *viewer) plainText(t int32) {
	for i := v.firstOf(t); i != 0; i = v.items[i].right {
		if it := &v.items[i]; !it.deleted() && it.kind() == wire.String {
			v.dst = append(v.dst, v.arena.bytes(it.off, it.size)...)
		}
	}
}

// attribute is a format in force: a stored value.
type attribute struct {
	key    uint32
	value  []byte
	isJSON bool
}

// run is a part of a text with the same formats: a string, or one embed or type.
type run struct {
	text       []byte // of a string
	item       int32  // the item that carries the embed or type, 0 for a string
	attributes []attribute
}

// runs calls f for every operation that toDelta of yjs src/types/YText.js returns. What f gets is valid during the call.
func (v *viewer) runs(t int32, f func(run)) {
	var text []byte
	var attributes []attribute
	flush := func() {
		if len(text) > 0 {
			f(run{text: text, attributes: attributes})
			text = text[:0]
		}
	}
	change := v.lookKey([]byte("ychange")) // the attribute that yjs keeps for itself
	for i := v.firstOf(t); i != 0; i = v.items[i].right {
		it := &v.items[i]
		if it.deleted() {
			continue
		}
		switch it.kind() {
		case wire.String:
			if k := attributeIndex(attributes, change); k >= 0 && !isUndefined(attributes[k].value, attributes[k].isJSON) {
				flush()
				attributes = slices.Delete(attributes, k, k+1)
			}
			text = append(text, v.arena.bytes(it.off, it.size)...)
		case wire.Type, wire.Embed:
			flush()
			f(run{item: i, attributes: attributes})
		case wire.Format:
			flush()
			key, value := splitFormat(v.arena.bytes(it.off, it.size))
			attributes = setAttribute(attributes, attribute{key, value, it.meta&flagJSON != 0})
		}
	}
	flush()
}

func attributeIndex(attributes []attribute, key uint32) int {
	return slices.IndexFunc(attributes, func(a attribute) bool { return a.key == key })
}

// setAttribute updates the formats in force; null ends one.
func setAttribute(attributes []attribute, a attribute) []attribute {
	k := attributeIndex(attributes, a.key)
	switch null := isNull(a.value, a.isJSON); {
	case null && k >= 0:
		return slices.Delete(attributes, k, k+1)
	case null:
		return attributes
	case k >= 0:
		attributes[k] = a
		return attributes
	}
	return append(attributes, a)
}

// delta writes a type as toDelta does.
func (v *viewer) delta(t int32) {
	v.put("[")
	first := true
	v.runs(t, func(r run) {
		if !first {
			v.put(",")
		}
		first = false
		v.put("{")
		v.insert(r)
		if len(r.attributes) > 0 {
			v.attributes(r.attributes)
		}
		v.put("}")
	})
	v.put("]")
}

func (v *viewer) insert(r run) {
	if r.item == 0 {
		v.put(`"insert":`)
		v.dst = lib0.AppendQuoted(v.dst, r.text)
		return
	}
	it := &v.items[r.item]
	data := v.contentOf(it)
	if it.kind() == wire.Embed && isUndefined(data, it.meta&flagJSON != 0) {
		return
	}
	v.put(`"insert":`)
	v.single(it, data, 0)
}

func (v *viewer) attributes(attributes []attribute) {
	if v.dst[len(v.dst)-1] != '{' {
		v.put(",")
	}
	v.put(`"attributes":{`)
	o := objectWriter{v: v, at: len(v.dst)}
	for _, a := range attributes {
		if !isUndefined(a.value, a.isJSON) {
			o.add(v.keyName(a.key), func() { v.value(a.value, a.isJSON) })
		}
	}
	o.finish()
	v.put("}")
}
