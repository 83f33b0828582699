package lib0

import (
	"bytes"
	"slices"
	"sync"
)

// kind of a JavaScript value.
type kind uint8

const (
	undefinedKind kind = iota
	nullKind
	falseKind
	trueKind
	numberKind
	bigintKind
	stringKind
	bytesKind
	arrayKind
	objectKind
)

// span is a piece of text: a slice of tree.src or, for text that had escapes, of tree.text.
type span struct{ start, end uint32 }

// node is a value in a tree: 32 bytes per value, whatever it holds.
type node struct {
	kind        kind
	escaped     bool // text is in tree.text
	keyEscaped  bool
	first, next int32 // first child, next sibling; 0 is none (node 0 is the root)
	key, text   span  // key: of a member of an object; text: of a string or bytes
}

// tree is a parsed value with its objects as JavaScript holds them: the last of equal keys counts, at the place of the
// first; keys that are array indices come first, in numeric order. It is the slow path, for values that are not
// canonical or change their encoding.
type tree struct {
	src   []byte
	text  []byte
	nodes []node
	nums  []uint64 // numbers and bigints; a node's text.start is the index
	lossy bool     // holds a number that JSON text cannot carry
}

var trees = sync.Pool{New: func() any { return new(tree) }}

func newTree(src []byte) *tree {
	t := trees.Get().(*tree)
	t.src = src
	return t
}

// release gives the tree back, unless it grew so large that keeping it would hold memory for nothing.
func (t *tree) release() {
	if cap(t.nodes) > 4096 || cap(t.text) > 1<<16 {
		return
	}
	*t = tree{text: t.text[:0], nodes: t.nodes[:0], nums: t.nums[:0]}
	trees.Put(t)
}

func (t *tree) add(k kind) int32 {
	t.nodes = append(t.nodes, node{kind: k})
	return int32(len(t.nodes) - 1)
}

func (t *tree) addNumber(k kind, bits uint64) int32 {
	i := t.add(k)
	t.nodes[i].text.start = uint32(len(t.nums))
	t.nums = append(t.nums, bits)
	return i
}

func (t *tree) num(i int32) uint64 { return t.nums[t.nodes[i].text.start] }

func (t *tree) slice(s span, escaped bool) []byte {
	if escaped {
		return t.text[s.start:s.end]
	}
	return t.src[s.start:s.end]
}

func (t *tree) keyOf(i int32) []byte  { return t.slice(t.nodes[i].key, t.nodes[i].keyEscaped) }
func (t *tree) textOf(i int32) []byte { return t.slice(t.nodes[i].text, t.nodes[i].escaped) }

func (t *tree) children(i int32) (n uint64) {
	for c := t.nodes[i].first; c != 0; c = t.nodes[c].next {
		n++
	}
	return n
}

// members links the children of an array or object as they are parsed.
type members struct {
	parent, last int32
	count        int
	indices      bool             // a key is an array index
	byKey        map[string]int32 // made when there are more than a few
}

// manyKeys is how many members are searched one by one before a map is made.
const manyKeys = 8

func (m *members) append(t *tree, child int32) {
	if m.last == 0 {
		t.nodes[m.parent].first = child
	} else {
		t.nodes[m.last].next = child
	}
	m.last = child
	m.count++
}

// put links child, whose key is set, unless the object has the key: then the value there is replaced.
func (m *members) put(t *tree, child int32) {
	key := t.keyOf(child)
	if old := m.find(t, key); old != 0 {
		n := &t.nodes[old]
		next, k, escaped := n.next, n.key, n.keyEscaped
		*n = t.nodes[child]
		n.next, n.key, n.keyEscaped = next, k, escaped
		return
	}
	if _, ok := isIndex(key); ok {
		m.indices = true
	}
	m.append(t, child)
	if m.byKey != nil {
		m.byKey[string(key)] = child
	}
}

func (m *members) find(t *tree, key []byte) int32 {
	if m.count < manyKeys {
		for c := t.nodes[m.parent].first; c != 0; c = t.nodes[c].next {
			if bytes.Equal(t.keyOf(c), key) {
				return c
			}
		}
		return 0
	}
	if m.byKey == nil {
		m.byKey = make(map[string]int32, 2*manyKeys)
		for c := t.nodes[m.parent].first; c != 0; c = t.nodes[c].next {
			m.byKey[string(t.keyOf(c))] = c
		}
	}
	return m.byKey[string(key)]
}

// sort moves the keys that are array indices to the front, in numeric order.
func (m *members) sort(t *tree) {
	if !m.indices {
		return
	}
	order := make([]int32, 0, m.count)
	for c := t.nodes[m.parent].first; c != 0; c = t.nodes[c].next {
		order = append(order, c)
	}
	slices.SortStableFunc(order, func(a, b int32) int {
		x, xOK := isIndex(t.keyOf(a))
		y, yOK := isIndex(t.keyOf(b))
		switch {
		case xOK && yOK && x < y, xOK && !yOK:
			return -1
		case xOK && yOK && x > y, yOK && !xOK:
			return 1
		}
		return 0
	})
	last := &t.nodes[m.parent].first
	for _, c := range order {
		*last = c
		last = &t.nodes[c].next
	}
	*last = 0
}
