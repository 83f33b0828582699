package crdt

import "slices"

// structIndex lists the structs of one client by clock, without gaps. It is cut into chunks, so that a split among
// hundreds of thousands of structs moves only a few of them.
type structIndex struct {
	chunks [][]entry // none of them empty
	hints  [2]cursor // where searches ended: the next one is likely to end there or right behind
}

// entry is a struct and the clock it begins with, which never changes.
type entry struct {
	clock uint32
	item  int32
}

// chunkSize is the greatest length of a chunk.
const chunkSize = 512

// cursor is a place in a structIndex.
type cursor struct{ chunk, at int32 }

func (x *structIndex) get(c cursor) int32 { return x.chunks[c.chunk][c.at].item }

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

// push adds the struct that follows the last.
func (x *structIndex) push(clock uint32, i int32) {
	n := len(x.chunks)
	if n == 0 || len(x.chunks[n-1]) >= chunkSize {
		var chunk []entry
		if n > 0 {
			chunk = make([]entry, 0, chunkSize)
		}
		x.chunks = append(x.chunks, chunk)
		n++
	}
	x.chunks[n-1] = append(reserve(x.chunks[n-1], 1), entry{clock, i})
}

// expect makes room for the first n structs.
func (x *structIndex) expect(n int) {
	if len(x.chunks) == 0 {
		x.chunks = append(x.chunks, make([]entry, 0, min(n, chunkSize)))
	}
}

// insertAfter adds a struct behind c and returns its place.
func (x *structIndex) insertAfter(c cursor, clock uint32, i int32) cursor {
	chunk := x.chunks[c.chunk]
	if len(chunk) >= chunkSize {
		half := len(chunk) / 2
		right := append(make([]entry, 0, chunkSize), chunk[half:]...)
		x.chunks = slices.Insert(x.chunks, int(c.chunk)+1, right)
		x.chunks[c.chunk] = chunk[:half]
		if int(c.at) >= half {
			c = cursor{c.chunk + 1, c.at - int32(half)}
		}
		chunk = x.chunks[c.chunk]
	}
	c.at++
	x.chunks[c.chunk] = slices.Insert(reserve(chunk, 1), int(c.at), entry{clock, i})
	return c
}

// find returns the place of the struct that contains clock, which must be below the end of the last struct.
// Callers that search in turns in two places take a hint each, 0 or 1.
func (x *structIndex) find(clock uint32, hint int) cursor {
	n := int32(len(x.chunks) - 1)
	chunk := x.chunks[n]
	if last := int32(len(chunk) - 1); chunk[last].clock <= clock {
		return cursor{n, last}
	}
	if h := x.hints[hint]; h.chunk <= n {
		chunk := x.chunks[h.chunk]
		// A struct ends where the next one begins, so there have to be two more to tell by the second.
		if int(h.at)+2 < len(chunk) && chunk[h.at].clock <= clock && clock < chunk[h.at+2].clock {
			if clock >= chunk[h.at+1].clock {
				h.at++
				x.hints[hint] = h
			}
			return h
		}
	}
	lo, hi := int32(0), n // the last chunk that begins at or before clock
	for lo < hi {
		mid := (lo + hi + 1) / 2
		if x.chunks[mid][0].clock <= clock {
			lo = mid
		} else {
			hi = mid - 1
		}
	}
	chunk = x.chunks[lo]
	from, to := int32(0), int32(len(chunk)-1)
	for from < to {
		mid := (from + to + 1) / 2
		if chunk[mid].clock <= clock {
			from = mid
		} else {
			to = mid - 1
		}
	}
	x.hints[hint] = cursor{lo, from}
	return x.hints[hint]
}

// find returns the place of the struct of client c that contains clock, which must be below the client's state.
func (d *Doc) find(c uint32, clock uint32) cursor { return d.clients[c].index.find(clock, 0) }

// findItem returns the struct of client c that contains clock, which must be below the client's state.
func (d *Doc) findItem(c uint32, clock uint32) int32 {
	x := &d.clients[c].index
	return x.get(x.find(clock, 0))
}

// dropEmpty removes chunks without structs.
func (x *structIndex) dropEmpty() {
	x.chunks = slices.DeleteFunc(x.chunks, func(c []entry) bool { return len(c) == 0 })
}

// reserve returns s with room for n more. It grows by an eighth, less than append: documents are many, and most of them
// grow slowly.
func reserve[T any](s []T, n int) []T {
	if len(s)+n <= cap(s) {
		return s
	}
	grown := make([]T, len(s), len(s)+max(n, len(s)/8+4))
	copy(grown, s)
	return grown
}

// clip gives back the spare room of s if it is more than an eighth.
func clip[T any](s []T) []T {
	if cap(s)-len(s) <= len(s)/8+4 {
		return s
	}
	return append(make([]T, 0, len(s)), s...)
}
