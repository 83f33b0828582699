package crdt

import (
	"encoding/binary"
	"math"
	"strconv"

	"github.com/symphony-rtc/symphony/crdt/lib0"
)

// Tags of lib0's any encoding, see lib0 encoding.js writeAny.
const (
	anyBytes     = 116
	anyArray     = 117
	anyObject    = 118
	anyString    = 119
	anyTrue      = 120
	anyFalse     = 121
	anyBigInt    = 122
	anyFloat64   = 123
	anyFloat32   = 124
	anyInteger   = 125
	anyNull      = 126
	anyUndefined = 127
)

// isUndefined says whether a stored value is undefined; an empty one is, too.
func isUndefined(value []byte, isJSON bool) bool {
	if isJSON {
		return string(value) == "undefined"
	}
	return len(value) > 0 && value[0] == anyUndefined
}

func isNull(value []byte, isJSON bool) bool {
	if isJSON {
		return string(value) == "null"
	}
	return len(value) > 0 && value[0] == anyNull
}

// value writes a stored value as JSON: JSON text as it is, an any-encoded one converted. Undefined is written as null.
func (v *viewer) value(value []byte, isJSON bool) {
	switch {
	case isUndefined(value, isJSON), len(value) == 0:
		v.put("null")
	case isJSON:
		v.dst = append(v.dst, value...)
	default:
		v.any(value)
	}
}

// any writes the any-encoded value that b begins with as JSON and returns what follows it. Values have been checked
// when they were decoded, also for how deeply they are nested.
func (v *viewer) any(b []byte) []byte {
	tag := b[0]
	b = b[1:]
	switch tag {
	case anyTrue:
		v.put("true")
	case anyFalse:
		v.put("false")
	case anyInteger, anyFloat32, anyFloat64:
		var x float64
		x, b = anyNumber(tag, b)
		v.dst = lib0.AppendNumber(v.dst, x)
	case anyBigInt:
		v.put(`"`)
		v.dst = strconv.AppendInt(v.dst, int64(binary.BigEndian.Uint64(b)), 10)
		v.put(`"`)
		return b[8:]
	case anyString:
		s, n := lib0.Bytes(b)
		v.dst = lib0.AppendQuoted(v.dst, s)
		return b[n:]
	case anyBytes:
		s, n := lib0.Bytes(b)
		v.binary(s)
		return b[n:]
	case anyArray:
		n, size := lib0.Uvarint(b)
		b = b[size:]
		v.put("[")
		for k := range n {
			if k > 0 {
				v.put(",")
			}
			b = v.any(b)
		}
		v.put("]")
	case anyObject:
		return v.anyMembers(b)
	default: // null, undefined
		v.put("null")
	}
	return b
}

// anyMembers writes an object; its keys are in the order of JavaScript already.
func (v *viewer) anyMembers(b []byte) []byte {
	n, size := lib0.Uvarint(b)
	b = b[size:]
	v.put("{")
	first := true
	for range n {
		key, size := lib0.Bytes(b)
		b = b[size:]
		if b[0] == anyUndefined {
			b = b[1:]
			continue
		}
		if !first {
			v.put(",")
		}
		first = false
		v.dst = append(lib0.AppendQuoted(v.dst, key), ':')
		b = v.any(b)
	}
	v.put("}")
	return b
}

// anyNumber reads a number behind its tag.
func anyNumber(tag byte, b []byte) (float64, []byte) {
	switch tag {
	case anyFloat32:
		return float64(math.Float32frombits(binary.BigEndian.Uint32(b))), b[4:]
	case anyFloat64:
		return math.Float64frombits(binary.BigEndian.Uint64(b)), b[8:]
	}
	negative, magnitude, n := lib0.Varint(b)
	x := float64(magnitude)
	if negative {
		x = -x
	}
	return x, b[n:]
}

// binary writes a Uint8Array as JSON.stringify does.
func (v *viewer) binary(b []byte) {
	v.put("{")
	for k, c := range b {
		if k > 0 {
			v.put(",")
		}
		v.put(`"`)
		v.dst = strconv.AppendInt(v.dst, int64(k), 10)
		v.put(`":`)
		v.dst = strconv.AppendUint(v.dst, uint64(c), 10)
	}
	v.put("}")
}

// arrayIndex says whether JavaScript takes a key for an array index, and which.
func arrayIndex(key []byte) (uint32, bool) {
	if len(key) == 0 || len(key) > 10 || key[0] == '0' && len(key) > 1 {
		return 0, false
	}
	n := uint64(0)
	for _, c := range key {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + uint64(c-'0')
	}
	return uint32(n), n < math.MaxUint32
}
