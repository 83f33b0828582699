package protocol

import "fmt"

// maxVarUint is the number of bytes of the longest varUint: lib0 refuses integers over 2^53-1, the largest that a
// JavaScript number holds exactly.
const maxVarUint = 8

// readVarUint reads lib0's varUint (seven bits a byte, least significant first) at b[at:] and returns the offset
// after it.
func readVarUint(b []byte, at int) (v uint64, next int, err error) {
	for shift := 0; at < len(b); shift += 7 {
		c := b[at]
		at++
		if shift > 49 || (shift == 49 && c > 15) {
			return 0, at, fmt.Errorf("integer over 2^53-1: %w", ErrMalformed)
		}
		v |= uint64(c&0x7f) << shift
		if c < 0x80 {
			return v, at, nil
		}
	}
	return 0, at, fmt.Errorf("unexpected end: %w", ErrMalformed)
}

// readVarBytes reads a varUint length and that many bytes.
func readVarBytes(b []byte, at int) (data []byte, next int, err error) {
	n, at, err := readVarUint(b, at)
	if err != nil {
		return nil, at, err
	}
	if n > uint64(len(b)-at) {
		return nil, at, fmt.Errorf("length %d is over the %d bytes left: %w", n, len(b)-at, ErrMalformed)
	}
	end := at + int(n)
	return b[at:end:end], end, nil
}

func appendVarUint(b []byte, v uint64) []byte {
	for v >= 0x80 {
		b = append(b, byte(v)|0x80)
		v >>= 7
	}
	return append(b, byte(v))
}

func appendVarBytes(b, data []byte) []byte {
	return append(appendVarUint(b, uint64(len(data))), data...)
}
