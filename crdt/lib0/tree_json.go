package lib0

import (
	"math"
	"strconv"
	"unicode/utf8"
)

// parseJSONText parses text that must be one JSON value, by the rules of JSON.parse.
func (t *tree) parseJSONText() error {
	_, pos, err := t.parseJSON(t.skipSpace(0), 0)
	if err != nil {
		return err
	}
	if pos = t.skipSpace(pos); pos != len(t.src) {
		return &SyntaxError{"JSON: text after the value", pos}
	}
	return nil
}

func (t *tree) skipSpace(pos int) int {
	for pos < len(t.src) && (t.src[pos] == ' ' || t.src[pos] == '\t' || t.src[pos] == '\n' || t.src[pos] == '\r') {
		pos++
	}
	return pos
}

func (t *tree) at(pos int) byte {
	if pos < len(t.src) {
		return t.src[pos]
	}
	return 0
}

func (t *tree) parseJSON(pos, depth int) (i int32, end int, err error) {
	switch c := t.at(pos); {
	case c == '"':
		i = t.add(stringKind)
		text, escaped, end, err := t.parseJSONString(pos)
		t.nodes[i].text, t.nodes[i].escaped = text, escaped
		return i, end, err
	case c == '{' || c == '[':
		return t.parseJSONMembers(pos, depth, c)
	case c == '-' || c >= '0' && c <= '9':
		return t.parseJSONNumber(pos)
	}
	for _, literal := range [...]struct {
		text string
		kind kind
	}{{"null", nullKind}, {"true", trueKind}, {"false", falseKind}} {
		if end := pos + len(literal.text); end <= len(t.src) && string(t.src[pos:end]) == literal.text {
			return t.add(literal.kind), end, nil
		}
	}
	return 0, 0, &SyntaxError{"JSON: no value", pos}
}

func (t *tree) parseJSONNumber(pos int) (i int32, end int, err error) {
	end = pos
	digits := func() bool {
		from := end
		for c := t.at(end); c >= '0' && c <= '9'; c = t.at(end) {
			end++
		}
		return end > from
	}
	if t.at(end) == '-' {
		end++
	}
	if t.at(end) == '0' {
		end++
	} else if !digits() {
		return 0, 0, &SyntaxError{"JSON: number without digits", end}
	}
	if t.at(end) == '.' {
		if end++; !digits() {
			return 0, 0, &SyntaxError{"JSON: number without digits after the point", end}
		}
	}
	if t.at(end)|0x20 == 'e' {
		end++
		if c := t.at(end); c == '+' || c == '-' {
			end++
		}
		if !digits() {
			return 0, 0, &SyntaxError{"JSON: number without digits in the exponent", end}
		}
	}
	x, _ := strconv.ParseFloat(string(t.src[pos:end]), 64) // out of range: infinity, as in JavaScript
	if math.IsInf(x, 0) || x == 0 && math.Signbit(x) {
		t.lossy = true
	}
	return t.addNumber(numberKind, math.Float64bits(x)), end, nil
}

// parseJSONString parses the string that begins with the quote at pos.
func (t *tree) parseJSONString(pos int) (text span, escaped bool, end int, err error) {
	pos++
	start := pos // of the piece without escapes
	from := len(t.text)
	for {
		switch c := t.at(pos); {
		case c == '"':
			if !escaped {
				return span{uint32(start), uint32(pos)}, false, pos + 1, nil
			}
			t.text = append(t.text, t.src[start:pos]...)
			return span{uint32(from), uint32(len(t.text))}, true, pos + 1, nil
		case c == '\\':
			t.text = append(t.text, t.src[start:pos]...)
			escaped = true
			if pos, err = t.parseEscape(pos, from); err != nil {
				return text, false, 0, err
			}
			start = pos
		case c < 0x20:
			return text, false, 0, &SyntaxError{"JSON: string has a control character or no end", pos}
		case c < 0x80:
			pos++
		default:
			_, n := utf8.DecodeRune(t.src[pos:])
			if n == 1 {
				if n = 3; isSurrogate(t.src[pos:]) == 0 {
					return text, false, 0, &SyntaxError{"JSON: string is not UTF-8", pos}
				}
			}
			pos += n
		}
	}
}

// parseEscape appends to t.text what the escape at pos stands for. from is where the string begins in t.text.
func (t *tree) parseEscape(pos, from int) (end int, err error) {
	switch c := t.at(pos + 1); c {
	case '"', '\\', '/':
		t.text = append(t.text, c)
	case 'b':
		t.text = append(t.text, '\b')
	case 'f':
		t.text = append(t.text, '\f')
	case 'n':
		t.text = append(t.text, '\n')
	case 'r':
		t.text = append(t.text, '\r')
	case 't':
		t.text = append(t.text, '\t')
	case 'u':
		unit, ok := t.hex4(pos + 2)
		if !ok {
			return 0, &SyntaxError{"JSON: bad \\u escape", pos}
		}
		t.appendUnit(unit, from)
		return pos + 6, nil
	default:
		return 0, &SyntaxError{"JSON: unknown escape", pos}
	}
	return pos + 2, nil
}

// appendUnit appends one UTF-16 code unit, which joins a high surrogate right before it in the same string.
func (t *tree) appendUnit(unit rune, from int) {
	if unit < 0xd800 || unit > 0xdfff {
		t.text = utf8.AppendRune(t.text, unit)
		return
	}
	half := [3]byte{0xed, 0x80 | byte(unit>>6&0x3f), 0x80 | byte(unit&0x3f)}
	if n := len(t.text); unit >= 0xdc00 && n-from >= 3 && isSurrogate(t.text[n-3:]) == 'h' {
		high := surrogate(t.text[n-3:])
		t.text = utf8.AppendRune(t.text[:n-3], 0x10000+(high-0xd800)<<10+unit-0xdc00)
		return
	}
	t.text = append(t.text, half[:]...)
}

func (t *tree) hex4(pos int) (v rune, ok bool) {
	for i := pos; i < pos+4; i++ {
		switch c := t.at(i); {
		case c >= '0' && c <= '9':
			v = v<<4 | rune(c-'0')
		case c|0x20 >= 'a' && c|0x20 <= 'f':
			v = v<<4 | rune(c|0x20-'a'+10)
		default:
			return 0, false
		}
	}
	return v, true
}

func (t *tree) parseJSONMembers(pos, depth int, open byte) (i int32, end int, err error) {
	if depth >= MaxDepth {
		return 0, 0, &SyntaxError{"JSON: nested too deeply", pos}
	}
	i = t.add(arrayKind)
	closing := byte(']')
	if open == '{' {
		t.nodes[i].kind = objectKind
		closing = '}'
	}
	m := members{parent: i}
	pos = t.skipSpace(pos + 1)
	if t.at(pos) == closing {
		return i, pos + 1, nil
	}
	for {
		var key span
		var keyEscaped bool
		if open == '{' {
			if t.at(pos) != '"' {
				return 0, 0, &SyntaxError{"JSON: object without a key", pos}
			}
			if key, keyEscaped, pos, err = t.parseJSONString(pos); err != nil {
				return 0, 0, err
			}
			if pos = t.skipSpace(pos); t.at(pos) != ':' {
				return 0, 0, &SyntaxError{"JSON: key without a colon", pos}
			}
			pos = t.skipSpace(pos + 1)
		}
		var child int32
		if child, pos, err = t.parseJSON(pos, depth+1); err != nil {
			return 0, 0, err
		}
		if open == '{' {
			t.nodes[child].key, t.nodes[child].keyEscaped = key, keyEscaped
			m.put(t, child)
		} else {
			m.append(t, child)
		}
		pos = t.skipSpace(pos)
		switch t.at(pos) {
		case closing:
			m.sort(t)
			return i, pos + 1, nil
		case ',':
			pos = t.skipSpace(pos + 1)
		default:
			return 0, 0, &SyntaxError{"JSON: array or object without an end", pos}
		}
	}
}
