package wire

import (
	"math"
	"unicode/utf8"

	"github.com/symphony-rtc/symphony/crdt/lib0"
)

// columns are the nine columns in front of a V2 update (yjs 13.6.33 src/utils/UpdateDecoder.js).
type columns struct {
	keyClock   diffColumn
	client     uintColumn
	leftClock  diffColumn
	rightClock diffColumn
	info       byteColumn
	text       textColumn
	parentInfo byteColumn
	typeRef    uintColumn
	length     uintColumn
	keys       [][]byte // by key clock
}

func (c *columns) reset(d *Decoder) {
	d.uvarint("feature flag")
	next := func(what string) column {
		b := d.bytes(what)
		return column{buf: b, base: d.pos - len(b)}
	}
	c.keyClock = diffColumn{column: next("column of key clocks")}
	c.client = uintColumn{column: next("column of clients")}
	c.leftClock = diffColumn{column: next("column of left clocks")}
	c.rightClock = diffColumn{column: next("column of right clocks")}
	c.info = byteColumn{column: next("column of infos")}
	c.text.reset(d, next("column of strings"))
	c.parentInfo = byteColumn{column: next("column of parent infos")}
	c.typeRef = uintColumn{column: next("column of type refs")}
	c.length = uintColumn{column: next("column of lengths")}
	clear(c.keys)
	if c.keys = c.keys[:0]; cap(c.keys) > maxKeptKeys {
		c.keys = nil
	}
}

// key reads a key: by its number, or the next string if the number is new.
func (c *columns) key(d *Decoder, what string) []byte {
	clock := c.keyClock.read(d, what)
	if clock < 0 {
		d.fail(what+": negative key clock", c.keyClock.offset())
		return nil
	}
	if clock < int64(len(c.keys)) {
		return c.keys[clock]
	}
	key, _ := c.text.read(d, what)
	c.keys = append(c.keys, key)
	return key
}

// column is the bytes of one column.
type column struct {
	buf  []byte
	pos  int
	base int // offset in the update
}

func (c *column) offset() int { return c.base + c.pos }

func (c *column) uvarint(d *Decoder, what string) uint64 {
	v, n := lib0.Uvarint(c.buf[c.pos:])
	if n == 0 {
		d.fail(what+": column ends too early", c.offset())
	}
	c.pos += n
	return v
}

func (c *column) varint(d *Decoder, what string) (negative bool, magnitude uint64) {
	negative, magnitude, n := lib0.Varint(c.buf[c.pos:])
	if n == 0 || magnitude > lib0.MaxSafeInteger {
		d.fail(what+": column ends too early or value is out of range", c.offset())
		return false, 0
	}
	c.pos += n
	return negative, magnitude
}

// byteColumn is run-length encoded: a byte, then how often it comes beyond once; the last run is endless
// (lib0 decoding.js RleDecoder).
type byteColumn struct {
	column
	value byte
	left  uint64
}

func (c *byteColumn) read(d *Decoder, what string) byte {
	if c.left == 0 {
		if c.pos == len(c.buf) {
			d.fail(what+": column ends too early", c.offset())
			return 0
		}
		c.value = c.buf[c.pos]
		c.pos++
		if c.left = math.MaxUint64; c.pos < len(c.buf) {
			c.left = c.uvarint(d, what) + 1
		}
	}
	c.left--
	return c.value
}

// uintColumn is run-length encoded: a value, negative (zero included) if the length of its run follows
// (lib0 decoding.js UintOptRleDecoder).
type uintColumn struct {
	column
	value uint64
	left  uint64
}

func (c *uintColumn) read(d *Decoder, what string) uint64 {
	if c.left == 0 {
		var run bool
		run, c.value = c.varint(d, what)
		if c.left = 1; run {
			c.left = c.uvarint(d, what) + 2
		}
	}
	c.left--
	return c.value
}

// diffColumn holds differences between neighbours, run-length encoded: doubled, plus one if the length of the run
// follows (lib0 decoding.js IntDiffOptRleDecoder).
type diffColumn struct {
	column
	value int64
	diff  int64
	left  uint64
}

func (c *diffColumn) read(d *Decoder, what string) int64 {
	if c.left == 0 {
		negative, magnitude := c.varint(d, what)
		v := int64(magnitude)
		if negative {
			v = -v
		}
		c.diff = v >> 1
		if c.left = 1; v&1 != 0 {
			c.left = c.uvarint(d, what) + 2
		}
	}
	c.left--
	c.value += c.diff
	if c.value > lib0.MaxSafeInteger || c.value < -lib0.MaxSafeInteger {
		d.fail(what+": out of range", c.offset())
		c.value = 0
	}
	return c.value
}

// clock reads a value that must be a clock.
func (c *diffColumn) clock(d *Decoder, what string) uint32 {
	v := c.read(d, what)
	if v < 0 || v > math.MaxUint32 {
		d.fail(what+": clock is negative or 2^32 or more", c.offset())
		return 0
	}
	return uint32(v)
}

// textColumn is all strings in one, and their lengths in UTF-16 code units (lib0 decoding.js StringDecoder). A string
// may end within a character of four bytes; the next then begins with its other half.
type textColumn struct {
	text    []byte
	pos     int
	half    bool   // the first half of the character at pos is read
	units   uint64 // not yet read
	ascii   bool
	base    int
	lengths uintColumn
}

func (c *textColumn) reset(d *Decoder, col column) {
	*c = textColumn{base: col.base}
	if len(col.buf) == 0 {
		d.fail("column of strings: empty", col.base)
		return
	}
	text, n := lib0.Bytes(col.buf)
	if n == 0 || !utf8.Valid(text) {
		d.fail("column of strings: ends too early or is not UTF-8", col.base)
		return
	}
	col.pos = n
	c.text, c.lengths = text, uintColumn{column: col}
	c.units = uint64(lib0.UTF16Len(text))
	c.ascii = c.units == uint64(len(text))
}

func (c *textColumn) read(d *Decoder, what string) (text []byte, units uint32) {
	n := c.lengths.read(d, what)
	if n > c.units {
		d.fail(what+": column of strings ends too early", c.lengths.offset())
		return nil, 0
	}
	c.units -= n
	start := c.pos
	if c.ascii {
		c.pos += int(n)
		return c.text[start:c.pos:c.pos], uint32(n)
	}
	if n == 0 {
		return nil, 0
	}
	rest := int(n)
	if c.half {
		rest++ // count the character from its beginning
	}
	i, inside := lib0.UTF16Index(c.text[start:], rest)
	c.pos = start + i
	if !c.half && !inside {
		return c.text[start:c.pos:c.pos], uint32(n)
	}
	from := len(d.side)
	if c.half {
		d.side = lib0.AppendSurrogates(d.side, c.text[start:], false, true)
		start += 4
	}
	d.side = append(d.side, c.text[min(start, c.pos):c.pos]...)
	if c.half = inside; inside {
		d.side = lib0.AppendSurrogates(d.side, c.text[c.pos:], true, false)
	}
	return d.side[from:len(d.side):len(d.side)], uint32(n)
}
