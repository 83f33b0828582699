package payload

import (
	"errors"
	"fmt"
	"unicode/utf8"
)

// ErrTruncated is returned for a message that ends in the middle of a field.
var ErrTruncated = errors.New("message ends in the middle of a field")

// reader reads lib0's encodings. After an error it stays at the end and every read gives zero.
type reader struct {
	buf []byte
	err error
}

func (r *reader) fail(err error) {
	if r.err == nil {
		r.err = err
	}
	r.buf = nil
}

// uint reads a variable length unsigned integer of at most 53 bits, lib0's range.
func (r *reader) uint() uint64 {
	var v uint64
	for i, b := range r.buf {
		if i == 8 || (i == 7 && b > 0x0f) {
			r.fail(errors.New("number above 2^53"))
			return 0
		}
		v |= uint64(b&0x7f) << (7 * i)
		if b < 0x80 {
			r.buf = r.buf[i+1:]
			return v
		}
	}
	r.fail(ErrTruncated)
	return 0
}

func (r *reader) byte() byte {
	if len(r.buf) == 0 {
		r.fail(ErrTruncated)
		return 0
	}
	b := r.buf[0]
	r.buf = r.buf[1:]
	return b
}

// bytes reads a length and that many bytes, which alias the buffer.
func (r *reader) bytes() []byte {
	n := r.uint()
	if n > uint64(len(r.buf)) {
		r.fail(ErrTruncated)
		return nil
	}
	b := r.buf[:n]
	r.buf = r.buf[n:]
	return b
}

// units reads a string and gives its length in UTF-16 units, which is how Yjs counts text.
func (r *reader) units() uint64 {
	s := r.bytes()
	var n uint64
	for i := 0; i < len(s); {
		if s[i] < utf8.RuneSelf {
			i++
			n++
			continue
		}
		c, size := utf8.DecodeRune(s[i:])
		i += size
		n++
		if c > 0xffff {
			n++
		}
	}
	return n
}

// structs calls visit for every struct of a V1 update that carries content or its remains, with the client, the clock
// and the length.
func (r *reader) structs(visit func(client, clock, length uint64)) {
	for clients := r.uint(); clients > 0 && r.err == nil; clients-- {
		count := r.uint()
		client := r.uint()
		clock := r.uint()
		for ; count > 0 && r.err == nil; count-- {
			length, gap := r.structure()
			if r.err != nil {
				return
			}
			if !gap {
				visit(client, clock, length)
			}
			clock += length
		}
	}
}

// structure reads one struct and returns its length, and whether it is a gap (yjs: Skip) that holds nothing.
func (r *reader) structure() (length uint64, gap bool) {
	const (
		refGC      = 0
		refDeleted = 1
		refSkip    = 10
	)
	info := r.byte()
	switch info & contentMask {
	case refGC:
		return r.uint(), false
	case refSkip:
		return r.uint(), true
	}
	if info&hasOrigin != 0 {
		r.uint()
		r.uint()
	}
	if info&hasRightOrigin != 0 {
		r.uint()
		r.uint()
	}
	if info&(hasOrigin|hasRightOrigin) == 0 {
		if r.uint() == 1 { // a root type, by name
			r.bytes()
		} else { // an item, by id
			r.uint()
			r.uint()
		}
		if info&hasParentSub != 0 {
			r.bytes()
		}
	}
	switch info & contentMask {
	case refDeleted:
		return r.uint(), false
	case refString:
		return r.units(), false
	default:
		r.fail(fmt.Errorf("content kind %d, which no user of this benchmark writes", info&contentMask))
		return 0, false
	}
}
