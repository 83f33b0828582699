package wire

import (
	"cmp"
	"maps"
	"math"
	"slices"

	"github.com/symphony-rtc/symphony/crdt/lib0"
)

// DecodeStateVector reads a state vector, whose encoding is the same for V1 and V2. If a client comes twice, the last
// counts; bytes after it are ignored (yjs 13.6.33 src/utils/encoding.js readStateVector).
func DecodeStateVector(b []byte) (map[uint64]uint32, error) {
	pos := 0
	next := func() uint64 {
		v, n := lib0.Uvarint(b[pos:])
		if n == 0 {
			pos = len(b) + 1
			return 0
		}
		pos += n
		return v
	}
	count := next()
	if pos > len(b) || count > uint64(len(b)-pos)/2 {
		return nil, &MalformedError{What: "state vector: bad number of clients", Offset: 0}
	}
	sv := make(map[uint64]uint32, count)
	for range count {
		at := pos
		client := next()
		if pos > len(b) {
			return nil, &MalformedError{What: "state vector: client ends too early or is above 2^53-1", Offset: at}
		}
		at = pos
		clock := next()
		if pos > len(b) || clock > math.MaxUint32 {
			return nil, &MalformedError{What: "state vector: clock ends too early or is 2^32 or more", Offset: at}
		}
		sv[client] = uint32(clock)
	}
	return sv, nil
}

// AppendStateVector appends a state vector, clients descending (yjs 13.6.33 src/utils/encoding.js writeStateVector).
func AppendStateVector(dst []byte, sv map[uint64]uint32) []byte {
	dst = lib0.AppendUvarint(dst, uint64(len(sv)))
	clients := slices.SortedFunc(maps.Keys(sv), func(a, b uint64) int { return cmp.Compare(b, a) })
	for _, client := range clients {
		dst = lib0.AppendUvarint(dst, client)
		dst = lib0.AppendUvarint(dst, uint64(sv[client]))
	}
	return dst
}

// StateVector computes the state vector of the document that update alone would give: of each client what is there
// without a gap from clock 0. The delete set is not looked at (yjs 13.6.33 src/utils/updates.js
// encodeStateVectorFromUpdateV2).
func StateVector(update []byte, v Version) ([]byte, error) {
	var r lazyReader
	if err := r.start(update, v, true); err != nil {
		return nil, err
	}
	var body []byte
	size, clock := uint64(0), uint32(0)
	if !r.done && r.s.Kind == Skip && r.s.ID.Clock == 0 {
		clock = r.s.Len // Yjs counts a Skip if it is the very first struct
	}
	for ; !r.done; clock = 0 {
		client := r.s.ID.Client
		for counting := r.s.ID.Clock == 0; !r.done && r.s.ID.Client == client; r.next() {
			if counting = counting && r.s.Kind != Skip; counting {
				clock = r.s.end()
			}
		}
		if clock != 0 {
			size++
			body = lib0.AppendUvarint(lib0.AppendUvarint(body, client), uint64(clock))
		}
	}
	if err := r.d.Err(); err != nil {
		return nil, err
	}
	return append(lib0.AppendUvarint(make([]byte, 0, len(body)+9), size), body...), nil
}
