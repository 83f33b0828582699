package lib0

import (
	"bytes"
	"encoding/binary"
	"unicode/utf8"
)

// ASCIIPrefix is the number of leading bytes of s below 0x80.
func ASCIIPrefix(s []byte) int {
	i := 0
	for ; i+8 <= len(s); i += 8 {
		if binary.LittleEndian.Uint64(s[i:])&0x8080808080808080 != 0 {
			break
		}
	}
	for i < len(s) && s[i] < 0x80 {
		i++
	}
	return i
}

// ValidUTF16Len is the length of s in UTF-16 code units, which is how JavaScript and Yjs count; ok is false if s is not
// valid UTF-8.
func ValidUTF16Len(s []byte) (n int, ok bool) {
	i := ASCIIPrefix(s)
	if i == len(s) {
		return i, true
	}
	if !utf8.Valid(s[i:]) {
		return 0, false
	}
	return i + utf16Len(s[i:]), true
}

// UTF16Len is the length in UTF-16 code units of valid text, in which halves of surrogate pairs may stand alone in
// their three-byte form.
func UTF16Len(s []byte) int {
	i := ASCIIPrefix(s)
	return i + utf16Len(s[i:])
}

func utf16Len(s []byte) int {
	n := 0
	for _, b := range s {
		if b < 0x80 || b >= 0xc0 {
			n++
		}
		if b >= 0xf0 {
			n++
		}
	}
	return n
}

// UTF16Index is the byte index at which the offset-th UTF-16 code unit of valid text begins. If that unit is the second
// half of a character of four bytes, i is where the character begins and inside is true. An offset past the end
// gives len(s).
func UTF16Index(s []byte, offset int) (i int, inside bool) {
	i = ASCIIPrefix(s[:min(offset, len(s))])
	offset -= i
	for offset > 0 && i < len(s) {
		switch b := s[i]; {
		case b < 0x80:
			i++
		case b < 0xe0:
			i += 2
		case b < 0xf0:
			i += 3
		case offset == 1:
			return i, true
		default:
			i += 4
			offset--
		}
		offset--
	}
	return min(i, len(s)), false
}

// isSurrogate says which half of a surrogate pair s begins with in three-byte form: 'h'igh, 'l'ow or 0.
func isSurrogate(s []byte) byte {
	if len(s) < 3 || s[0] != 0xed {
		return 0
	}
	switch {
	case s[1] >= 0xb0:
		return 'l'
	case s[1] >= 0xa0:
		return 'h'
	}
	return 0
}

// EndsHigh reports whether text ends with the first half of a surrogate pair, in three-byte form.
func EndsHigh(s []byte) bool { return len(s) >= 3 && isSurrogate(s[len(s)-3:]) == 'h' }

// HasSurrogate reports whether text holds a surrogate in three-byte form.
func HasSurrogate(s []byte) bool {
	for {
		i := bytes.IndexByte(s, 0xed)
		if i < 0 || i+1 >= len(s) {
			return false
		}
		if s[i+1] >= 0xa0 {
			return true
		}
		s = s[i+1:]
	}
}

// AppendSurrogates appends the two halves of the character of four bytes that s begins with, in three-byte form:
// the high one, the low one, or both.
func AppendSurrogates(dst, s []byte, high, low bool) []byte {
	r, _ := utf8.DecodeRune(s)
	r -= 0x10000
	if high {
		dst = append(dst, 0xed, 0xa0|byte(r>>16&0x0f), 0x80|byte(r>>10&0x3f))
	}
	if low {
		dst = append(dst, 0xed, 0xb0|byte(r>>6&0x0f), 0x80|byte(r&0x3f))
	}
	return dst
}

// AppendText appends valid text as a JavaScript TextEncoder writes it: two surrogates that meet become their character,
// a lone one becomes U+FFFD.
func AppendText(dst, s []byte) []byte {
	if !HasSurrogate(s) {
		return append(dst, s...)
	}
	for len(s) > 0 {
		switch half := isSurrogate(s); {
		case half == 0:
			dst = append(dst, s[0])
			s = s[1:]
		case half == 'h' && isSurrogate(s[3:]) == 'l':
			dst = utf8.AppendRune(dst, 0x10000+(surrogate(s)-0xd800)<<10+surrogate(s[3:])-0xdc00)
			s = s[6:]
		default:
			dst = append(dst, 0xef, 0xbf, 0xbd)
			s = s[3:]
		}
	}
	return dst
}

// surrogate is the code unit of a surrogate in three-byte form.
func surrogate(s []byte) rune {
	return rune(s[0]&0x0f)<<12 | rune(s[1]&0x3f)<<6 | rune(s[2]&0x3f)
}

// AppendString appends valid text as a varString: its length in bytes and the text of AppendText
// (lib0 encoding.js writeVarString).
func AppendString(dst, s []byte) []byte {
	if !HasSurrogate(s) {
		return AppendBytes(dst, s)
	}
	return AppendBytes(dst, AppendText(nil, s))
}
