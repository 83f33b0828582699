package ws

import "encoding/binary"

// Unmask removes the mask of a client's frame from its payload in place (RFC 6455 section 5.3). key is the four
// bytes of the mask as they came, read as a little-endian number.
func Unmask(p []byte, key uint32) {
	k := uint64(key)<<32 | uint64(key)
	for len(p) >= 32 {
		q := p[:32]
		binary.LittleEndian.PutUint64(q[0:], binary.LittleEndian.Uint64(q[0:])^k)
		binary.LittleEndian.PutUint64(q[8:], binary.LittleEndian.Uint64(q[8:])^k)
		binary.LittleEndian.PutUint64(q[16:], binary.LittleEndian.Uint64(q[16:])^k)
		binary.LittleEndian.PutUint64(q[24:], binary.LittleEndian.Uint64(q[24:])^k)
		p = p[32:]
	}
	for len(p) >= 8 {
		binary.LittleEndian.PutUint64(p, binary.LittleEndian.Uint64(p)^k)
		p = p[8:]
	}
	for i := range p {
		p[i] ^= byte(k)
		k >>= 8
	}
}
