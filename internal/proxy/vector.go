package proxy

import "github.com/symphony-rtc/symphony/crdt/lib0"

// A state vector says how much of each client's changes a document has (Yjs encodeStateVector: varUint n, then n times varUint
// client and varUint clock). A client that is told what it lacks by a vector that is too low gets more than it needs, and is
// right in the end; one that is too high would leave it without something. So vectors here are lower bounds, and the empty
// one is always true.

// maxVector is the longest vector that is kept for a connection; instead of a longer one the empty one is.
const maxVector = 8 << 10

var emptyVector = []byte{0}

// mergeVectors returns the vector of a document that has what both have; what is malformed counts as empty, and so does what is too long
// to be kept: a client may send any number of those.
func mergeVectors(a, b []byte) []byte {
	clocks := make(map[uint64]uint64)
	order := make([]uint64, 0, 16)
	for _, vector := range [][]byte{a, b} {
		n, at, ok := readVarUint(vector, 0)
		if len(vector) > maxVector {
			continue
		}
		for ; ok && n > 0; n-- {
			var client, clock uint64
			if client, at, ok = readVarUint(vector, at); !ok {
				break
			}
			if clock, at, ok = readVarUint(vector, at); !ok {
				break
			}
			known, seen := clocks[client]
			if !seen {
				order = append(order, client)
			}
			clocks[client] = max(known, clock)
		}
	}
	merged := lib0.AppendUvarint(nil, uint64(len(order)))
	for _, client := range order {
		merged = lib0.AppendUvarint(lib0.AppendUvarint(merged, client), clocks[client])
	}
	if len(merged) > maxVector {
		return emptyVector
	}
	return merged
}
