package lib0

import (
	"encoding/binary"
	"math"
	"unicode/utf8"
)

// The tags of the any encoding (lib0 encoding.js writeAny).
const (
	TagBytes     = 116
	TagArray     = 117
	TagObject    = 118
	TagString    = 119
	TagTrue      = 120
	TagFalse     = 121
	TagBigInt    = 122
	TagFloat64   = 123
	TagFloat32   = 124
	TagInteger   = 125
	TagNull      = 126
	TagUndefined = 127
)

// proto is the key that assignment in JavaScript takes for the object's prototype: lib0 loses it when reading.
const proto = "__proto__"

// parseAny parses one any-encoded value at pos and returns its node and where it ends.
func (t *tree) parseAny(pos, depth int) (i int32, end int, err error) {
	b := t.src
	if pos >= len(b) {
		return 0, 0, &SyntaxError{"value: ends too early", pos}
	}
	tag := b[pos]
	pos++
	switch tag {
	case TagUndefined, TagNull, TagFalse, TagTrue:
		return t.add([...]kind{trueKind, falseKind, 0, 0, 0, 0, nullKind, undefinedKind}[tag-TagTrue]), pos, nil
	case TagInteger:
		negative, magnitude, n := Varint(b[pos:])
		if n == 0 {
			return 0, 0, &SyntaxError{"integer: ends too early or is too long", pos}
		}
		x := float64(magnitude)
		if negative {
			x = math.Copysign(x, -1)
		}
		return t.addNumber(numberKind, math.Float64bits(x)), pos + n, nil
	case TagFloat32:
		if len(b)-pos < 4 {
			return 0, 0, &SyntaxError{"float32: ends too early", pos}
		}
		x := float64(math.Float32frombits(binary.BigEndian.Uint32(b[pos:])))
		return t.addNumber(numberKind, math.Float64bits(x)), pos + 4, nil
	case TagFloat64, TagBigInt:
		if len(b)-pos < 8 {
			return 0, 0, &SyntaxError{"number of 64 bits: ends too early", pos}
		}
		k := numberKind
		if tag == TagBigInt {
			k = bigintKind
		}
		return t.addNumber(k, binary.BigEndian.Uint64(b[pos:])), pos + 8, nil
	case TagString, TagBytes:
		s, n := Bytes(b[pos:])
		if n == 0 {
			return 0, 0, &SyntaxError{"string or bytes: end too early", pos}
		}
		i = t.add(bytesKind)
		if tag == TagString {
			t.nodes[i].kind = stringKind
			if !utf8.Valid(s) {
				return 0, 0, &SyntaxError{"string: not UTF-8", pos}
			}
		}
		t.nodes[i].text = span{uint32(pos + n - len(s)), uint32(pos + n)}
		return i, pos + n, nil
	case TagArray, TagObject:
		return t.parseAnyMembers(pos, depth, tag)
	}
	return 0, 0, &SyntaxError{"value: unknown tag", pos - 1}
}

func (t *tree) parseAnyMembers(pos, depth int, tag byte) (i int32, end int, err error) {
	if depth >= MaxDepth {
		return 0, 0, &SyntaxError{"value: nested too deeply", pos}
	}
	count, n := Uvarint(t.src[pos:])
	if n == 0 || count > uint64(len(t.src)) {
		return 0, 0, &SyntaxError{"array or object: bad length", pos}
	}
	pos += n
	i = t.add(arrayKind)
	m := members{parent: i}
	if tag == TagArray {
		for range count {
			var child int32
			if child, pos, err = t.parseAny(pos, depth+1); err != nil {
				return 0, 0, err
			}
			m.append(t, child)
		}
		return i, pos, nil
	}
	t.nodes[i].kind = objectKind
	for range count {
		key, n := Bytes(t.src[pos:])
		if n == 0 || !utf8.Valid(key) {
			return 0, 0, &SyntaxError{"key of an object: ends too early or is not UTF-8", pos}
		}
		pos += n
		at := span{uint32(pos - len(key)), uint32(pos)}
		var child int32
		if child, pos, err = t.parseAny(pos, depth+1); err != nil {
			return 0, 0, err
		}
		if string(key) != proto {
			t.nodes[child].key = at
			m.put(t, child)
		}
	}
	m.sort(t)
	return i, pos, nil
}

// appendAny appends the value of node i, any-encoded as lib0 does.
func (t *tree) appendAny(dst []byte, i int32) []byte {
	n := t.nodes[i]
	switch n.kind {
	case undefinedKind:
		return append(dst, TagUndefined)
	case nullKind:
		return append(dst, TagNull)
	case falseKind:
		return append(dst, TagFalse)
	case trueKind:
		return append(dst, TagTrue)
	case numberKind:
		return AppendAnyNumber(dst, math.Float64frombits(t.num(i)))
	case bigintKind:
		return binary.BigEndian.AppendUint64(append(dst, TagBigInt), t.num(i))
	case stringKind:
		return AppendString(append(dst, TagString), t.textOf(i))
	case bytesKind:
		return AppendBytes(append(dst, TagBytes), t.textOf(i))
	case arrayKind:
		dst = AppendUvarint(append(dst, TagArray), t.children(i))
	default:
		dst = AppendUvarint(append(dst, TagObject), t.children(i))
	}
	for c := n.first; c != 0; c = t.nodes[c].next {
		if n.kind == objectKind {
			dst = AppendString(dst, t.keyOf(c))
		}
		dst = t.appendAny(dst, c)
	}
	return dst
}

// AppendAnyNumber appends a JavaScript number, any-encoded in the form lib0 chooses for it: integer up to 31 bits,
// else float32 if that is exact, else float64.
func AppendAnyNumber(dst []byte, x float64) []byte {
	switch {
	case x == math.Trunc(x) && math.Abs(x) <= math.MaxInt32:
		return AppendVarint(append(dst, TagInteger), math.Signbit(x), uint64(math.Abs(x)))
	case float64(float32(x)) == x:
		return binary.BigEndian.AppendUint32(append(dst, TagFloat32), math.Float32bits(float32(x)))
	}
	return binary.BigEndian.AppendUint64(append(dst, TagFloat64), math.Float64bits(x))
}
