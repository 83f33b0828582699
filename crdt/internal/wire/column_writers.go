package wire

import "github.com/symphony-rtc/symphony/crdt/lib0"

// columnWriters are the nine columns in front of a V2 update (yjs 13.6.33 src/utils/UpdateEncoder.js).
type columnWriters struct {
	keyClock   diffWriter
	client     uintWriter
	leftClock  diffWriter
	rightClock diffWriter
	info       byteWriter
	text       []byte
	textLength uintWriter
	parentInfo byteWriter
	typeRef    uintWriter
	length     uintWriter
	keys       int64 // written so far; Yjs never writes the number of a key it wrote before
	scratch    []byte
}

func (c *columnWriters) reset() {
	c.keyClock.reset()
	c.client.reset()
	c.leftClock.reset()
	c.rightClock.reset()
	c.info.reset()
	c.text = c.text[:0]
	c.textLength.reset()
	c.parentInfo.reset()
	c.typeRef.reset()
	c.length.reset()
	c.keys = 0
}

func (c *columnWriters) writeText(text []byte, units int) {
	c.text = append(c.text, text...)
	c.textLength.write(uint64(units))
}

func (c *columnWriters) writeKey(key []byte) {
	c.keyClock.write(c.keys)
	c.keys++
	c.writeText(key, lib0.UTF16Len(key))
}

// append finishes the columns and appends them, each after its length. Surrogates that meet at the border of two
// strings become one character here.
func (c *columnWriters) append(dst []byte) []byte {
	dst = lib0.AppendBytes(dst, c.keyClock.finish())
	dst = lib0.AppendBytes(dst, c.client.finish())
	dst = lib0.AppendBytes(dst, c.leftClock.finish())
	dst = lib0.AppendBytes(dst, c.rightClock.finish())
	dst = lib0.AppendBytes(dst, c.info.buf)
	text := c.text
	if lib0.HasSurrogate(text) {
		c.scratch = lib0.AppendText(c.scratch[:0], text)
		text = c.scratch
	}
	lengths := c.textLength.finish()
	dst = lib0.AppendUvarint(dst, uint64(lib0.UvarintLen(uint64(len(text)))+len(text)+len(lengths)))
	dst = lib0.AppendBytes(dst, text)
	dst = append(dst, lengths...)
	dst = lib0.AppendBytes(dst, c.parentInfo.buf)
	dst = lib0.AppendBytes(dst, c.typeRef.finish())
	return lib0.AppendBytes(dst, c.length.finish())
}

// byteWriter is the reverse of byteColumn (lib0 encoding.js RleEncoder).
type byteWriter struct {
	buf   []byte
	value byte
	run   uint64
}

func (w *byteWriter) reset() { *w = byteWriter{buf: w.buf[:0]} }

func (w *byteWriter) write(b byte) {
	if w.run > 0 && b == w.value {
		w.run++
		return
	}
	if w.run > 0 {
		w.buf = lib0.AppendUvarint(w.buf, w.run-1)
	}
	w.buf = append(w.buf, b)
	w.value, w.run = b, 1
}

// uintWriter is the reverse of uintColumn (lib0 encoding.js UintOptRleEncoder).
type uintWriter struct {
	buf   []byte
	value uint64
	run   uint64
}

func (w *uintWriter) reset() { *w = uintWriter{buf: w.buf[:0]} }

func (w *uintWriter) write(v uint64) {
	if v == w.value {
		w.run++
		return
	}
	w.flush()
	w.value, w.run = v, 1
}

func (w *uintWriter) flush() {
	if w.run == 0 {
		return
	}
	w.buf = lib0.AppendVarint(w.buf, w.run > 1, w.value)
	if w.run > 1 {
		w.buf = lib0.AppendUvarint(w.buf, w.run-2)
	}
}

func (w *uintWriter) finish() []byte {
	w.flush()
	w.run = 0
	return w.buf
}

// diffWriter is the reverse of diffColumn (lib0 encoding.js IntDiffOptRleEncoder).
type diffWriter struct {
	buf   []byte
	value int64
	diff  int64
	run   uint64
}

func (w *diffWriter) reset() { *w = diffWriter{buf: w.buf[:0]} }

func (w *diffWriter) write(v int64) {
	diff := v - w.value
	w.value = v
	if diff == w.diff {
		w.run++
		return
	}
	w.flush()
	w.diff, w.run = diff, 1
}

func (w *diffWriter) flush() {
	if w.run == 0 {
		return
	}
	v := w.diff * 2
	if w.run > 1 {
		v++
	}
	if v < 0 {
		w.buf = lib0.AppendVarint(w.buf, true, uint64(-v))
	} else {
		w.buf = lib0.AppendVarint(w.buf, false, uint64(v))
	}
	if w.run > 1 {
		w.buf = lib0.AppendUvarint(w.buf, w.run-2)
	}
}

func (w *diffWriter) finish() []byte {
	w.flush()
	w.run = 0
	return w.buf
}
