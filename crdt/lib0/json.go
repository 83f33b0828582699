package lib0

import (
	"bytes"
	"unicode/utf8"
)

// JSONToAny appends the value of a JSON text, any-encoded: lib0's writeAny(JSON.parse(text)).
func JSONToAny(dst, text []byte) ([]byte, error) {
	t := newTree(text)
	defer t.release()
	if err := t.parseJSONText(); err != nil {
		return dst, err
	}
	return t.appendAny(dst, 0), nil
}

// CanonicalJSON checks a JSON text and returns JSON.stringify(JSON.parse(text)). If that is text itself, canonical is
// text; else it is appended to scratch and points there. lossless is false if a number changed its meaning: negative
// zero became 0, or one beyond the range of float64 null.
func CanonicalJSON(scratch, text []byte) (canonical, grown []byte, lossless bool, err error) {
	if simpleJSON(text) {
		return text, scratch, true, nil
	}
	t := newTree(text)
	defer t.release()
	if err := t.parseJSONText(); err != nil {
		return nil, scratch, false, err
	}
	start := len(scratch)
	if grown, err = t.appendJSON(scratch, 0); err != nil {
		return nil, scratch, false, err
	}
	canonical = grown[start:len(grown):len(grown)]
	if bytes.Equal(canonical, text) {
		return text, grown[:start], true, nil
	}
	return canonical, grown, !t.lossy, nil
}

// simpleJSON reports whether text is certainly canonical; it knows the values that formats mostly have.
func simpleJSON(text []byte) bool {
	switch {
	case len(text) == 0:
		return false
	case text[0] == '"':
		return len(text) >= 2 && text[len(text)-1] == '"' && simpleString(text[1:len(text)-1])
	case text[0] == 'n' || text[0] == 't' || text[0] == 'f' || text[0] == '{':
		return string(text) == "null" || string(text) == "true" || string(text) == "false" || string(text) == "{}"
	case text[0] >= '1' && text[0] <= '9' && len(text) <= 15:
		for _, c := range text {
			if c < '0' || c > '9' {
				return false
			}
		}
		return true
	}
	return string(text) == "0"
}

func simpleString(s []byte) bool {
	ascii := true
	for _, c := range s {
		if c < 0x20 || c == '"' || c == '\\' {
			return false
		}
		ascii = ascii && c < 0x80
	}
	return ascii || utf8.Valid(s)
}
