package lib0

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"unicode/utf8"
)

// Undefined is JavaScript's undefined; null is nil.
type Undefined struct{}

// Object is a JavaScript object, its members in order. Keys are not repeated in what DecodeAny returns.
type Object []Member

// Member is one key and value of an Object.
type Member struct {
	Key   string
	Value any
}

// Get is the value of key, and whether the object has it.
func (o Object) Get(key string) (any, bool) {
	for _, m := range o {
		if m.Key == key {
			return m.Value, true
		}
	}
	return nil, false
}

// DecodeAny reads the any-encoded value that b begins with, and how many bytes it took. The value is nil, Undefined,
// bool, float64, int64 (a bigint), string, []byte, []any or Object. An object is as JavaScript would hold it: of equal
// keys the last counts, keys that are array indices come first.
func DecodeAny(b []byte) (value any, n int, err error) {
	t := newTree(b)
	defer t.release()
	_, n, err = t.parseAny(0, 0)
	if err != nil {
		return nil, 0, err
	}
	return t.value(0), n, nil
}

func (t *tree) value(i int32) any {
	n := t.nodes[i]
	switch n.kind {
	case undefinedKind:
		return Undefined{}
	case nullKind:
		return nil
	case falseKind, trueKind:
		return n.kind == trueKind
	case numberKind:
		return math.Float64frombits(t.num(i))
	case bigintKind:
		return int64(t.num(i))
	case stringKind:
		return string(t.textOf(i))
	case bytesKind:
		return slices.Clone(t.textOf(i))
	case arrayKind:
		values := make([]any, 0, t.children(i))
		for c := n.first; c != 0; c = t.nodes[c].next {
			values = append(values, t.value(c))
		}
		return values
	}
	members := make(Object, 0, t.children(i))
	for c := n.first; c != 0; c = t.nodes[c].next {
		members = append(members, Member{string(t.keyOf(c)), t.value(c)})
	}
	return members
}

var errTooDeep = errors.New("value is nested too deeply")

// AppendAny appends v, any-encoded as lib0 writes it. v is made of what DecodeAny returns, int (up to MaxSafeInteger),
// float32 and map[string]any (its keys are sorted); an int64 is a bigint. Other types, and strings that are not UTF-8,
// are errors.
func AppendAny(dst []byte, v any) ([]byte, error) { return appendValue(dst, v, 0) }

func appendValue(dst []byte, v any, depth int) (_ []byte, err error) {
	if depth > MaxDepth {
		return dst, errTooDeep
	}
	switch v := v.(type) {
	case nil:
		return append(dst, TagNull), nil
	case Undefined:
		return append(dst, TagUndefined), nil
	case bool:
		if v {
			return append(dst, TagTrue), nil
		}
		return append(dst, TagFalse), nil
	case int:
		if v > MaxSafeInteger || v < -MaxSafeInteger {
			return dst, fmt.Errorf("%d is not a safe integer in JavaScript", v)
		}
		return AppendAnyNumber(dst, float64(v)), nil
	case float32:
		return AppendAnyNumber(dst, float64(v)), nil
	case float64:
		return AppendAnyNumber(dst, v), nil
	case int64:
		return binary.BigEndian.AppendUint64(append(dst, TagBigInt), uint64(v)), nil
	case string:
		return appendGoString(append(dst, TagString), v)
	case []byte:
		return AppendBytes(append(dst, TagBytes), v), nil
	case []any:
		dst = AppendUvarint(append(dst, TagArray), uint64(len(v)))
		for _, element := range v {
			if dst, err = appendValue(dst, element, depth+1); err != nil {
				return dst, err
			}
		}
		return dst, nil
	case Object:
		return appendObject(dst, v, depth)
	case map[string]any:
		o := make(Object, 0, len(v))
		for _, key := range slices.Sorted(maps.Keys(v)) {
			o = append(o, Member{key, v[key]})
		}
		return appendObject(dst, o, depth)
	}
	return dst, fmt.Errorf("a %T has no any encoding", v)
}

func appendObject(dst []byte, o Object, depth int) (_ []byte, err error) {
	if slices.ContainsFunc(o, func(m Member) bool { _, ok := isIndex([]byte(m.Key)); return ok }) {
		o = slices.Clone(o)
		slices.SortStableFunc(o, func(a, b Member) int {
			x, xOK := isIndex([]byte(a.Key))
			y, yOK := isIndex([]byte(b.Key))
			switch {
			case xOK && yOK:
				return cmp.Compare(x, y)
			case xOK:
				return -1
			case yOK:
				return 1
			}
			return 0
		})
	}
	dst = AppendUvarint(append(dst, TagObject), uint64(len(o)))
	for _, m := range o {
		if dst, err = appendGoString(dst, m.Key); err != nil {
			return dst, err
		}
		if dst, err = appendValue(dst, m.Value, depth+1); err != nil {
			return dst, err
		}
	}
	return dst, nil
}

func appendGoString(dst []byte, s string) ([]byte, error) {
	if !utf8.ValidString(s) {
		return dst, fmt.Errorf("string %.20q is not UTF-8", s)
	}
	return append(AppendUvarint(dst, uint64(len(s))), s...), nil
}
