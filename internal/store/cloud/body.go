package cloud

import (
	"crypto/md5"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Body reads the concatenation of an object's parts, which are not copied. Closing it does nothing.
type Body struct {
	parts    [][]byte
	size, at int64
}

// NewBody makes a Body that stands at its beginning.
func NewBody(parts [][]byte) *Body {
	b := &Body{parts: parts}
	for _, part := range parts {
		b.size += int64(len(part))
	}
	return b
}

// NewObject is NewBody for an object that is to be stored: an error if Download would refuse it.
func NewObject(parts [][]byte) (*Body, error) {
	b := NewBody(parts)
	if b.size > MaxObject {
		return nil, fmt.Errorf("an object of %d bytes is too large: the most is %d", b.size, MaxObject)
	}
	return b, nil
}

// Size returns the number of bytes of the object.
func (b *Body) Size() int64 { return b.size }

// Read implements io.Reader.
func (b *Body) Read(p []byte) (int, error) {
	if b.at >= b.size {
		return 0, io.EOF
	}
	at, n := b.at, 0
	for _, part := range b.parts {
		if at >= int64(len(part)) {
			at -= int64(len(part))
			continue
		}
		n += copy(p[n:], part[at:])
		if n == len(p) {
			break
		}
		at = 0
	}
	b.at += int64(n)
	return n, nil
}

// Seek implements io.Seeker.
func (b *Body) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekCurrent:
		offset += b.at
	case io.SeekEnd:
		offset += b.size
	}
	if offset < 0 {
		return 0, errors.New("seek to before the beginning")
	}
	b.at = offset
	return offset, nil
}

// Close implements io.Closer.
func (b *Body) Close() error { return nil }

// CRC32C returns the CRC-32 (Castagnoli) of the object.
func (b *Body) CRC32C() uint32 {
	sum := uint32(0)
	for _, part := range b.parts {
		sum = crc32.Update(sum, castagnoli, part)
	}
	return sum
}

// MD5 returns the MD5 of the object, which finds damage, not malice.
func (b *Body) MD5() []byte {
	h := md5.New()
	for _, part := range b.parts {
		h.Write(part)
	}
	return h.Sum(nil)
}

// Equal reports whether the object has these bytes.
func (b *Body) Equal(object []byte) bool {
	if int64(len(object)) != b.size {
		return false
	}
	for _, part := range b.parts {
		if string(object[:len(part)]) != string(part) {
			return false
		}
		object = object[len(part):]
	}
	return true
}

// CRC32C returns the CRC-32 (Castagnoli) of an object.
func CRC32C(object []byte) uint32 { return crc32.Checksum(object, castagnoli) }
