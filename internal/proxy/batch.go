package proxy

import "github.com/symphony-rtc/symphony/internal/ws"

// A batch is what is written at once: pieces of one stream, and frames between them. As long as the pieces lie side by side
// in the stream's buffer and nothing is put between them, they are not copied.
type batch struct {
	from, to int        // of the stream's buffer
	copied   *ws.Buffer // everything, if it had to be copied
}

// pass adds a piece as it came.
func (b *batch) pass(s *stream, p *piece) {
	switch {
	case b.copied != nil:
		b.copy(s.buf.B[p.at:p.to])
	case b.from == b.to:
		b.from, b.to = p.at, p.to
	case b.to == p.at:
		b.to = p.to
	default:
		b.begin(s, p.to-p.at)
		b.copy(s.buf.B[p.at:p.to])
	}
}

// add adds a frame.
func (b *batch) add(s *stream, frame []byte) {
	if b.copied == nil {
		b.begin(s, len(frame))
	}
	b.copy(frame)
}

// begin copies what was added so far, and leaves room for more.
func (b *batch) begin(s *stream, more int) {
	b.copied = ws.GetBuffer(b.to - b.from + more)
	if b.to > b.from {
		b.copied.End = copy(b.copied.B, s.buf.B[b.from:b.to])
	}
}

func (b *batch) copy(p []byte) {
	old := b.copied
	if size := old.End + len(p); size > len(old.B) {
		b.copied = ws.GetBuffer(max(size, 2*len(old.B)))
		b.copied.End = copy(b.copied.B, old.B[:old.End])
		ws.PutBuffer(old)
	}
	b.copied.End += copy(b.copied.B[b.copied.End:], p)
}

// bytes is all that was added.
func (b *batch) bytes(s *stream) []byte {
	if b.copied != nil {
		return b.copied.B[:b.copied.End]
	}
	if b.from == b.to {
		return nil
	}
	return s.buf.B[b.from:b.to]
}

// reset empties it.
func (b *batch) reset() {
	if b.copied != nil {
		ws.PutBuffer(b.copied)
	}
	*b = batch{}
}
