package protocol

import (
	"fmt"

	"github.com/symphony-rtc/symphony/crdt/lib0"
)

// maxVarUint is the number of bytes of the longest varUint, 2^53-1.
const maxVarUint = 8

// readVarUint reads a varUint at b[at:] and returns the offset after it.
func readVarUint(b []byte, at int) (v uint64, next int, err error) {
	v, n := lib0.Uvarint(b[at:])
	if n == 0 {
		return 0, at, fmt.Errorf("integer cut off or over 2^53-1: %w", ErrMalformed)
	}
	return v, at + n, nil
}

// readVarBytes reads a varUint length and that many bytes.
func readVarBytes(b []byte, at int) (data []byte, next int, err error) {
	data, n := lib0.Bytes(b[at:])
	if n == 0 {
		return nil, at, fmt.Errorf("length cut off or over the %d bytes left: %w", len(b)-at, ErrMalformed)
	}
	return data, at + n, nil
}
