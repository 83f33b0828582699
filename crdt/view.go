package crdt

import (
	"bytes"
	"slices"

	"github.com/symphony-rtc/symphony/crdt/internal/wire"
	"github.com/symphony-rtc/symphony/crdt/lib0"
)

// What users see of a document. A server does not know what a root type is (an array, a text...), only its users do:
// the methods of this file that take a name show the root as the type they are named after, as yjs does for
// doc.getText(name) and so on. AppendJSON guesses.
//
// All JSON is valid and written as JSON.stringify does, with these additions: a bigint is a string of its digits (yjs
// throws), and types nested deeper than 1,000 are null. So NaN and the infinities are null; undefined is left out of
// objects and null in arrays; a Uint8Array is an object with its indices as keys; a subdocument is {}; halves of
// surrogate pairs are \ud8xx escapes; keys that are array indices come first in objects.

// maxViewDepth is how deeply types may be nested to be shown.
const maxViewDepth = 1000

// Roots returns the names of the root types, in the order in which they appeared.
func (d *Doc) Roots() []string {
	var names []string
	for _, t := range d.roots {
		names = append(names, string(d.keyName(d.types[t].name)))
	}
	return names
}

// AppendJSON appends all root types as one JSON object, name to value, in the order of their names. What a root is, is guessed from what is in it:
// it is a text (a string) if its sequence has strings, formats or embeds; an XML fragment (a string, too) if everything
// in its sequence is XML; otherwise an array if its sequence is not empty; otherwise an object if it ever had entries;
// otherwise an array. Entries beside a sequence that is not empty are not shown. Types that are not roots are known:
// texts and XML are strings, maps (and XML hooks) objects.
func (d *Doc) AppendJSON(dst []byte) []byte {
	name := func(t int32) []byte { return d.keyName(d.types[t].name) }
	roots := slices.SortedFunc(slices.Values(d.roots), func(a, b int32) int { return bytes.Compare(name(a), name(b)) })
	v := viewer{Doc: d, dst: append(dst, '{')}
	for k, t := range roots {
		if k > 0 {
			v.put(",")
		}
		v.dst = append(lib0.AppendQuoted(v.dst, name(t)), ':')
		v.typeAs(t, d.guess(t), 0)
	}
	return append(v.dst, '}')
}

// Text returns the root as a text without formats: doc.getText(name).toString() in yjs.
func (d *Doc) Text(name string) string {
	v := viewer{Doc: d}
	v.plainText(d.rootNamed(name))
	return string(lib0.AppendText(nil, v.dst))
}

// Delta returns the root as a JSON array of operations: doc.getText(name).toDelta() in yjs.
func (d *Doc) Delta(name string) []byte {
	v := viewer{Doc: d}
	v.delta(d.rootNamed(name))
	return v.dst
}

// MapJSON returns the root as a JSON object: doc.getMap(name).toJSON() in yjs.
func (d *Doc) MapJSON(name string) []byte {
	v := viewer{Doc: d}
	v.typeAs(d.rootNamed(name), typeMap, 0)
	return v.dst
}

// ArrayJSON returns the root as a JSON array: doc.getArray(name).toJSON() in yjs.
func (d *Doc) ArrayJSON(name string) []byte {
	v := viewer{Doc: d}
	v.typeAs(d.rootNamed(name), typeArray, 0)
	return v.dst
}

// XML returns the root as XML text: doc.getXmlFragment(name).toString() in yjs. Like there, nothing is escaped: it is
// for reading, and not safe to show in a browser.
func (d *Doc) XML(name string) string {
	v := viewer{Doc: d}
	v.xmlChildren(d.rootNamed(name), 0)
	return string(lib0.AppendText(nil, v.dst))
}

// rootNamed returns the root type of a name; 0, which is an empty type, if there is none.
func (d *Doc) rootNamed(name string) int32 {
	if k := d.lookKey([]byte(name)); k != 0 {
		return d.keys[k].root
	}
	return 0
}

// guess tells what a root is from what is in it.
func (d *Doc) guess(t int32) uint8 {
	xml, other := false, false
	for i := d.firstOf(t); i != 0; i = d.items[i].right {
		it := &d.items[i]
		if it.deleted() {
			continue
		}
		switch it.kind() {
		case wire.String, wire.Embed, wire.Format:
			return typeText
		case wire.Type:
			if ref := d.types[it.off].ref; ref == typeXMLElement || ref == typeXMLText || ref == typeXMLHook {
				xml = true
				continue
			}
		}
		other = true
	}
	switch {
	case other:
		return typeArray
	case xml:
		return typeXMLFragment
	case d.firstEntry(t) != 0:
		return typeMap
	}
	return typeArray
}

// firstOf returns the first item of a type's sequence, 0 if there is none.
func (d *Doc) firstOf(t int32) int32 {
	if t == 0 {
		return 0
	}
	return d.types[t].start
}

// firstEntry returns the list of a type's first entry, 0 if there is none.
func (d *Doc) firstEntry(t int32) int32 {
	if t == 0 {
		return 0
	}
	return d.types[t].firstKey
}
