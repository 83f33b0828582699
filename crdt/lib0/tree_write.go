package lib0

import (
	"math"
	"strconv"
	"unicode/utf8"
)

// appendJSON appends the value of node i as JSON.stringify writes it. Undefined must not come here: it is null in an
// array, left out in an object, and an error elsewhere.
func (t *tree) appendJSON(dst []byte, i int32) ([]byte, error) {
	n := t.nodes[i]
	switch n.kind {
	case nullKind, undefinedKind:
		return append(dst, "null"...), nil
	case falseKind:
		return append(dst, "false"...), nil
	case trueKind:
		return append(dst, "true"...), nil
	case numberKind:
		return AppendNumber(dst, math.Float64frombits(t.num(i))), nil
	case bigintKind:
		return dst, ErrBigInt
	case stringKind:
		return AppendQuoted(dst, t.textOf(i)), nil
	case bytesKind: // a Uint8Array has its indices as keys
		dst = append(dst, '{')
		for j, b := range t.textOf(i) {
			if j > 0 {
				dst = append(dst, ',')
			}
			dst = strconv.AppendInt(append(dst, '"'), int64(j), 10)
			dst = strconv.AppendInt(append(dst, '"', ':'), int64(b), 10)
		}
		return append(dst, '}'), nil
	}
	brackets := "[]"
	if n.kind == objectKind {
		brackets = "{}"
	}
	dst = append(dst, brackets[0])
	empty := true
	for c := n.first; c != 0; c = t.nodes[c].next {
		if n.kind == objectKind && t.nodes[c].kind == undefinedKind {
			continue
		}
		if !empty {
			dst = append(dst, ',')
		}
		empty = false
		if n.kind == objectKind {
			dst = append(AppendQuoted(dst, t.keyOf(c)), ':')
		}
		var err error
		if dst, err = t.appendJSON(dst, c); err != nil {
			return dst, err
		}
	}
	return append(dst, brackets[1]), nil
}

// AppendQuoted appends valid text as a JSON string, escaped as JSON.stringify does: lone surrogates as \udxxx.
func AppendQuoted(dst, s []byte) []byte {
	const hex = "0123456789abcdef"
	dst = append(dst, '"')
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '"' || c == '\\':
			dst = append(dst, '\\', c)
		case c >= 0x20 && c != 0xed:
			dst = append(dst, c)
		case c == 0xed:
			half := isSurrogate(s[i:])
			if half == 0 {
				dst = append(dst, c)
				break
			}
			unit := surrogate(s[i:])
			i += 2
			if half == 'h' && isSurrogate(s[i+1:]) == 'l' {
				dst = utf8.AppendRune(dst, 0x10000+(unit-0xd800)<<10+surrogate(s[i+1:])-0xdc00)
				i += 3
				break
			}
			dst = append(dst, '\\', 'u', 'd', hex[unit>>8&15], hex[unit>>4&15], hex[unit&15])
		case c == '\b':
			dst = append(dst, '\\', 'b')
		case c == '\t':
			dst = append(dst, '\\', 't')
		case c == '\n':
			dst = append(dst, '\\', 'n')
		case c == '\f':
			dst = append(dst, '\\', 'f')
		case c == '\r':
			dst = append(dst, '\\', 'r')
		default:
			dst = append(dst, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		}
	}
	return append(dst, '"')
}
