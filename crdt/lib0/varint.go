package lib0

import "math/bits"

// AppendUvarint appends v as lib0's varUint: seven bits per byte, low bits first, the high bit set on all but the last
// byte (lib0 encoding.js writeVarUint).
func AppendUvarint(dst []byte, v uint64) []byte {
	for v > 0x7f {
		dst = append(dst, byte(v)|0x80)
		v >>= 7
	}
	return append(dst, byte(v))
}

// Uvarint reads a varUint and how many bytes it took. n is 0 if b ends too early or the value is above MaxSafeInteger.
func Uvarint(b []byte) (v uint64, n int) {
	for i := 0; i < len(b) && i < 9; i++ {
		v |= uint64(b[i]&0x7f) << (7 * i)
		if b[i] < 0x80 {
			if v > MaxSafeInteger {
				return 0, 0
			}
			return v, i + 1
		}
	}
	return 0, 0
}

// AppendVarint appends an integer given as sign and magnitude as lib0's varInt: the first byte holds the sign (0x40) and
// six bits, the others seven. Negative zero exists and differs from zero (lib0 encoding.js writeVarInt).
func AppendVarint(dst []byte, negative bool, magnitude uint64) []byte {
	first := byte(magnitude & 0x3f)
	if negative {
		first |= 0x40
	}
	magnitude >>= 6
	if magnitude == 0 {
		return append(dst, first)
	}
	return AppendUvarint(append(dst, first|0x80), magnitude)
}

// Varint reads a varInt and how many bytes it took. n is 0 if b ends too early or the encoding is longer than 9 bytes.
// The magnitude may be above MaxSafeInteger.
func Varint(b []byte) (negative bool, magnitude uint64, n int) {
	if len(b) == 0 {
		return false, 0, 0
	}
	negative, magnitude = b[0]&0x40 != 0, uint64(b[0]&0x3f)
	if b[0] < 0x80 {
		return negative, magnitude, 1
	}
	for i := 1; i < len(b) && i < 9; i++ {
		magnitude |= uint64(b[i]&0x7f) << (7*i - 1)
		if b[i] < 0x80 {
			return negative, magnitude, i + 1
		}
	}
	return false, 0, 0
}

// AppendBytes appends b after its length (lib0 encoding.js writeVarUint8Array).
func AppendBytes(dst, b []byte) []byte {
	return append(AppendUvarint(dst, uint64(len(b))), b...)
}

// Bytes reads a length and that many bytes; the result points into b. n is 0 if b ends too early.
func Bytes(b []byte) (value []byte, n int) {
	size, n := Uvarint(b)
	if n == 0 || size > uint64(len(b)-n) {
		return nil, 0
	}
	return b[n : n+int(size)], n + int(size)
}

// UvarintLen is how many bytes AppendUvarint takes for v.
func UvarintLen(v uint64) int { return (bits.Len64(v|1) + 6) / 7 }
