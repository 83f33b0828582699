package crdt

import "slices"

// structIndex lists the structs of one client by clock, without gaps. It is cut into chunks, so that a split among
// hundreds of thousands of structs moves only a few of them.
type structIndex struct {
	chunks [][]int32 // none of them empty
	hint   cursor    // where the last search ended: the next one is likely to end there or right behind
}

// chunkSize is the greatest length of a chunk.
const chunkSize = 512

// cursor is a place in a structIndex.
type cursor struct{ chunk, at int32 }

func (x *structIndex) get(c cursor) int32 { return x.chunks[c.chunk][c.at] }

func (x *structIndex) first() cursor { return cursor{} }

// lastOne is the place of the last struct; the index must not be empty.
func (x *structIndex) lastOne() cursor {
	n := int32(len(x.chunks) - 1)
	return cursor{n, int32(len(x.chunks[n]) - 1)}
}

func (x *structIndex) next(c cursor) (cursor, bool) {
	if int(c.at)+1 < len(x.chunks[c.chunk]) {
		return cursor{c.chunk, c.at + 1}, true
	}
	if int(c.chunk)+1 < len(x.chunks) {
		return cursor{c.chunk + 1, 0}, true
	}
	return c, false
}

func (x *structIndex) prev(c cursor) (cursor, bool) {
	if c.at > 0 {
		return cursor{c.chunk, c.at - 1}, true
	}
	if c.chunk > 0 {
		return cursor{c.chunk - 1, int32(len(x.chunks[c.chunk-1]) - 1)}, true
	}
	return c, false
}

// countFrom is the number of structs from c to the end.
func (x *structIndex) countFrom(c cursor) int {
	n := len(x.chunks[c.chunk]) - int(c.at)
	for _, chunk := range x.chunks[c.chunk+1:] {
		n += len(chunk)
	}
	return n
}

// push adds the struct that follows the last.
func (x *structIndex) push(i int32) {
	n := len(x.chunks)
	if n == 0 || len(x.chunks[n-1]) >= chunkSize {
		x.chunks = append(x.chunks, nil)
		n++
	}
	x.chunks[n-1] = append(x.chunks[n-1], i)
}

// insertAfter adds a struct behind c and returns its place.
func (x *structIndex) insertAfter(c cursor, i int32) cursor {
	chunk := x.chunks[c.chunk]
	if len(chunk) >= chunkSize {
		half := len(chunk) / 2
		right := append(make([]int32, 0, chunkSize), chunk[half:]...)
		x.chunks = slices.Insert(x.chunks, int(c.chunk)+1, right)
		x.chunks[c.chunk] = chunk[:half]
		if int(c.at) >= half {
			c = cursor{c.chunk + 1, c.at - int32(half)}
		}
		chunk = x.chunks[c.chunk]
	}
	c.at++
	x.chunks[c.chunk] = slices.Insert(chunk, int(c.at), i)
	return c
}

// find returns the place of the struct that contains clock, which must be below the client's state.
func (d *Doc) find(c uint32, clock uint32) cursor {
	x := &d.clients[c].index
	if h := x.hint; int(h.chunk) < len(x.chunks) {
		chunk := x.chunks[h.chunk]
		if int(h.at) < len(chunk) {
			it := &d.items[chunk[h.at]]
			if clock-it.clock < it.length {
				return h
			}
			if clock >= it.clock && int(h.at)+1 < len(chunk) {
				it = &d.items[chunk[h.at+1]]
				if clock-it.clock < it.length {
					x.hint.at++
					return x.hint
				}
			}
		}
	}
	lo, hi := 0, len(x.chunks)-1 // the last chunk that begins at or before clock
	if d.items[x.chunks[hi][0]].clock <= clock {
		lo = hi
	}
	for lo < hi {
		mid := int(uint(lo+hi+1) / 2)
		if d.items[x.chunks[mid][0]].clock <= clock {
			lo = mid
		} else {
			hi = mid - 1
		}
	}
	chunk := x.chunks[lo]
	from, to := 0, len(chunk)-1
	if d.items[chunk[to]].clock <= clock {
		from = to
	}
	for from < to {
		mid := int(uint(from+to+1) / 2)
		if d.items[chunk[mid]].clock <= clock {
			from = mid
		} else {
			to = mid - 1
		}
	}
	x.hint = cursor{int32(lo), int32(from)}
	return x.hint
}

// findItem returns the struct that contains a clock below the client's state.
func (d *Doc) findItem(c uint32, clock uint32) int32 {
	return d.clients[c].index.get(d.find(c, clock))
}

// dropEmpty removes chunks without structs.
func (x *structIndex) dropEmpty() {
	x.chunks = slices.DeleteFunc(x.chunks, func(c []int32) bool { return len(c) == 0 })
	x.hint = cursor{}
}
