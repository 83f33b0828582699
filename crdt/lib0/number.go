package lib0

import (
	"math"
	"strconv"
)

// AppendNumber appends x as JavaScript's JSON.stringify writes it (ECMA-262 Number::toString): NaN and the infinities
// become null, negative zero 0.
func AppendNumber(dst []byte, x float64) []byte {
	if math.IsNaN(x) || math.IsInf(x, 0) {
		return append(dst, "null"...)
	}
	if x == math.Trunc(x) && math.Abs(x) < 1<<53 {
		return strconv.AppendInt(dst, int64(x), 10)
	}
	if x < 0 {
		dst = append(dst, '-')
		x = -x
	}
	// The shortest digits that give x again, and the position of the decimal point after the first of them.
	var buf [32]byte
	sci := strconv.AppendFloat(buf[:0], x, 'e', -1, 64)
	at := len(sci) - 1
	for sci[at] != 'e' {
		at--
	}
	exp, _ := strconv.Atoi(string(sci[at+1:]))
	digits := append(sci[:1:1], sci[min(2, at):at]...)
	k, n := len(digits), exp+1
	switch {
	case k <= n && n <= 21:
		dst = append(dst, digits...)
		return appendZeros(dst, n-k)
	case 0 < n && n <= 21:
		dst = append(append(dst, digits[:n]...), '.')
		return append(dst, digits[n:]...)
	case -6 < n && n <= 0:
		dst = appendZeros(append(dst, '0', '.'), -n)
		return append(dst, digits...)
	}
	dst = append(dst, digits[0])
	if k > 1 {
		dst = append(append(dst, '.'), digits[1:]...)
	}
	dst = append(dst, 'e')
	if n > 0 {
		dst = append(dst, '+')
	}
	return strconv.AppendInt(dst, int64(n-1), 10)
}

func appendZeros(dst []byte, n int) []byte {
	for range n {
		dst = append(dst, '0')
	}
	return dst
}

// isIndex reports whether a JavaScript object sorts key before its other keys, in numeric order, and its value.
func isIndex(key []byte) (index uint32, ok bool) {
	if len(key) == 0 || len(key) > 10 || key[0] == '0' && len(key) > 1 {
		return 0, false
	}
	v := uint64(0)
	for _, c := range key {
		if c < '0' || c > '9' {
			return 0, false
		}
		v = v*10 + uint64(c-'0')
	}
	return uint32(v), v < 1<<32-1
}
