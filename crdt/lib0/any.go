package lib0

import (
	"bytes"
	"encoding/binary"
	"iter"
	"math"
	"unicode/utf8"
)

// ScanAny checks the any-encoded value that b begins with, and returns its length. canonical reports that the value is
// certainly the bytes JavaScript would write; if it is false, CanonicalAny finds out. ScanAny does not allocate.
func ScanAny(b []byte) (n int, canonical bool, err error) {
	return scanAny(b, 0, 0)
}

// scanKeys is how many members an object may have for ScanAny to tell whether it is canonical.
const scanKeys = 16

func scanAny(b []byte, pos, depth int) (end int, canonical bool, err error) {
	if pos >= len(b) {
		return 0, false, &SyntaxError{"value: ends too early", pos}
	}
	tag := b[pos]
	pos++
	switch tag {
	case TagUndefined, TagNull, TagFalse, TagTrue:
		return pos, true, nil
	case TagInteger:
		if pos < len(b) && b[pos] < 0x80 {
			return pos + 1, true, nil
		}
		_, magnitude, n := Varint(b[pos:])
		if n == 0 {
			return 0, false, &SyntaxError{"integer: ends too early or is too long", pos}
		}
		return pos + n, magnitude <= math.MaxInt32 && b[pos+n-1] != 0, nil
	case TagFloat32:
		if len(b)-pos < 4 {
			return 0, false, &SyntaxError{"float32: ends too early", pos}
		}
		x := float64(math.Float32frombits(binary.BigEndian.Uint32(b[pos:])))
		return pos + 4, x == x && (x != math.Trunc(x) || math.Abs(x) > math.MaxInt32), nil
	case TagFloat64:
		if len(b)-pos < 8 {
			return 0, false, &SyntaxError{"float64: ends too early", pos}
		}
		x := math.Float64frombits(binary.BigEndian.Uint64(b[pos:]))
		return pos + 8, float64(float32(x)) != x && (x != math.Trunc(x) || math.Abs(x) > math.MaxInt32), nil
	case TagBigInt:
		if len(b)-pos < 8 {
			return 0, false, &SyntaxError{"bigint: ends too early", pos}
		}
		return pos + 8, true, nil
	case TagString:
		return scanString(b, pos)
	case TagBytes:
		s, n := Bytes(b[pos:])
		if n == 0 {
			return 0, false, &SyntaxError{"bytes: end too early", pos}
		}
		return pos + n, minimal(b[pos : pos+n-len(s)]), nil
	case TagArray, TagObject:
		return scanMembers(b, pos, depth, tag)
	}
	return 0, false, &SyntaxError{"value: unknown tag", pos - 1}
}

// minimal reports whether a varUint is as short as can be.
func minimal(varUint []byte) bool { return len(varUint) == 1 || varUint[len(varUint)-1] != 0 }

func scanString(b []byte, pos int) (end int, canonical bool, err error) {
	s, n := Bytes(b[pos:])
	if n == 0 {
		return 0, false, &SyntaxError{"string: ends too early", pos}
	}
	if !utf8.Valid(s) {
		return 0, false, &SyntaxError{"string: not UTF-8", pos}
	}
	return pos + n, minimal(b[pos : pos+n-len(s)]), nil
}

func scanMembers(b []byte, pos, depth int, tag byte) (end int, canonical bool, err error) {
	if depth >= MaxDepth {
		return 0, false, &SyntaxError{"value: nested too deeply", pos}
	}
	count, n := Uvarint(b[pos:])
	if n == 0 || count > uint64(len(b)) {
		return 0, false, &SyntaxError{"array or object: bad length", pos}
	}
	canonical = minimal(b[pos : pos+n])
	pos += n
	if tag == TagObject {
		return scanObject(b, pos, depth, int(count), canonical)
	}
	for range count {
		var ok bool
		if pos, ok, err = scanAny(b, pos, depth+1); err != nil {
			return 0, false, err
		}
		canonical = canonical && ok
	}
	return pos, canonical, nil
}

func scanObject(b []byte, pos, depth, count int, canonical bool) (end int, _ bool, err error) {
	canonical = canonical && count <= scanKeys
	var keys [scanKeys]span
	for i := range count {
		start := pos
		var ok bool
		if pos, ok, err = scanString(b, pos); err != nil {
			return 0, false, err
		}
		if canonical = canonical && ok; canonical {
			_, n := Uvarint(b[start:])
			key := b[start+n : pos]
			keys[i] = span{uint32(start + n), uint32(pos)}
			_, index := isIndex(key)
			canonical = !index && string(key) != proto
			for _, k := range keys[:i] {
				canonical = canonical && !bytes.Equal(b[k.start:k.end], key)
			}
		}
		if pos, ok, err = scanAny(b, pos, depth+1); err != nil {
			return 0, false, err
		}
		canonical = canonical && ok
	}
	return pos, canonical, nil
}

// CanonicalAny appends the any-encoded value that b is, as JavaScript would write it after having read it.
func CanonicalAny(dst, b []byte) ([]byte, error) {
	t := newTree(b)
	defer t.release()
	if err := t.parseOneAny(); err != nil {
		return dst, err
	}
	return t.appendAny(dst, 0), nil
}

func (t *tree) parseOneAny() error {
	_, end, err := t.parseAny(0, 0)
	if err == nil && end != len(t.src) {
		err = &SyntaxError{"value: bytes after it", end}
	}
	return err
}

// AnyToJSON appends the any-encoded value that b is as JSON text, as JSON.stringify writes it: NaN and infinities are
// null, undefined is left out of objects and null in arrays, a Uint8Array is an object with its indices as keys. The
// error is ErrBigInt where JSON.stringify throws, ErrUndefined if the value itself is undefined.
func AnyToJSON(dst, b []byte) ([]byte, error) {
	t := newTree(b)
	defer t.release()
	if err := t.parseOneAny(); err != nil {
		return dst, err
	}
	if t.nodes[0].kind == undefinedKind {
		return dst, ErrUndefined
	}
	return t.appendJSON(dst, 0)
}

// Members iterates over the keys and any-encoded values of the object that a canonical value is; over nothing if it is
// not an object or not canonical.
func Members(b []byte) iter.Seq2[[]byte, []byte] {
	return func(yield func(key, value []byte) bool) {
		if len(b) == 0 || b[0] != TagObject {
			return
		}
		count, n := Uvarint(b[1:])
		b = b[1+n:]
		for range count {
			key, n := Bytes(b)
			if n == 0 {
				return
			}
			size, _, err := ScanAny(b[n:])
			if err != nil || !yield(key, b[n:n+size]) {
				return
			}
			b = b[n+size:]
		}
	}
}
