package proxy

import (
	"encoding/binary"

	"github.com/symphony-rtc/symphony/internal/ws"
)

const (
	readSize  = 16 << 10 // of the buffer that a wakeup reads into
	minRead   = 4 << 10  // free bytes below which a read is not worth its system call
	maxGather = 1 << 20  // a frame of a host up to so long is passed on whole, a longer one as it comes
	maxUp     = 64 << 10 // the same of clients, which can send slowly: the host hears them, and the proxy keeps little
	maxHead   = 24       // bytes of a message that say what it is: three integers of at most 8 bytes
)

// A stream takes bytes apart into frames (RFC 6455 section 5.2) by their headers alone, masked or not: payloads stay as
// they came. It checks nothing, that is for the host. It does no I/O: it is a ws.Intake.
type stream struct {
	got    int // bytes that were read; for whoever counts them
	gather int // a frame up to so long is passed on whole; 0 is maxGather

	buf      *ws.Buffer // nil while nothing is held
	pos, end int        // buf.B[pos:end] was not returned yet
	need     int        // how long the frame at pos is, 0 if unknown

	left uint64 // bytes that are to come of a frame whose beginning was returned,
	last piece  // which is this
}

// A piece is a frame, or a part of one that is too long to be gathered.
type piece struct {
	at, to     int    // where it is in the stream's buffer, as it came
	payload    []byte // the part of it that is payload, masked as it came
	op         byte
	fin        bool // the frame is its message's last
	begin, end bool // the piece has the frame's beginning, its end
	masked     bool
	key        uint32 // that masks the frame's payload, little-endian
}

// Space implements ws.Intake.
func (s *stream) Space() []byte {
	if s.buf == nil {
		s.buf = ws.GetBuffer(readSize)
		s.pos, s.end = 0, 0
		return s.buf.B
	}
	held := s.end - s.pos
	if held == 0 {
		s.pos, s.end = 0, 0
	}
	missing := max(s.need-held, 1)
	if free := len(s.buf.B) - s.end; free >= minRead || s.need > 0 && free >= missing {
		return s.buf.B[s.end:]
	}
	// Grow by doubling what really arrived, so that memory follows bytes and not promises.
	s.move(max(readSize, held+max(minRead, min(missing, max(held, readSize/2)))))
	return s.buf.B[s.end:]
}

// move brings what is held to the front of a buffer of a size, the same one if that fits.
func (s *stream) move(size int) {
	old, into := s.buf, s.buf
	if len(old.B) < size || len(old.B) > 2*size {
		into = ws.GetBuffer(size)
	}
	n := copy(into.B, old.B[s.pos:s.end])
	s.pos, s.end = 0, n
	if into != old {
		s.buf = into
		ws.PutBuffer(old)
	}
}

// Filled implements ws.Intake.
func (s *stream) Filled(n int) {
	s.end += n
	s.got += n
}

// Park implements ws.Intake.
func (s *stream) Park() {
	if s.buf == nil {
		return
	}
	switch held := s.end - s.pos; {
	case held == 0:
		s.release()
	case len(s.buf.B) > ws.SmallestBuffer && len(s.buf.B) > 8*held:
		s.move(held)
	}
}

// release gives back all memory and forgets what was in it.
func (s *stream) release() {
	if s.buf != nil {
		ws.PutBuffer(s.buf)
		s.buf = nil
	}
	s.pos, s.end, s.need = 0, 0, 0
}

// inside reports whether the rest of a frame is to come whose beginning was returned.
func (s *stream) inside() bool { return s.left > 0 }

// next returns the next piece, valid until the stream is read into again; ok is false if there is none yet.
func (s *stream) next() (p piece, ok bool) {
	if s.buf == nil || s.pos == s.end {
		return p, false
	}
	in := s.buf.B[s.pos:s.end]
	if s.left > 0 {
		p = s.last
		n := int(min(uint64(len(in)), s.left))
		s.left -= uint64(n)
		p.begin, p.end = false, s.left == 0
		return s.take(p, 0, n), true
	}
	s.need = 0
	if len(in) < 2 {
		return p, false
	}
	p.op, p.fin, p.masked, p.begin = in[0]&0x0f, in[0]&0x80 != 0, in[1]&0x80 != 0, true
	header, size := 2, uint64(in[1]&0x7f)
	switch size {
	case 126:
		header = 4
		if len(in) < header {
			return p, false
		}
		size = uint64(binary.BigEndian.Uint16(in[2:]))
	case 127:
		header = 10
		if len(in) < header {
			return p, false
		}
		size = binary.BigEndian.Uint64(in[2:])
	}
	if p.masked {
		header += 4
		if len(in) < header {
			return p, false
		}
		p.key = binary.LittleEndian.Uint32(in[header-4:])
	}
	wanted, gather := size, s.gather
	if gather == 0 {
		gather = maxGather
	}
	if size > uint64(gather) {
		wanted = min(size, maxHead)
	}
	s.need = header + int(wanted)
	if len(in) < s.need {
		return p, false
	}
	n := int(min(uint64(len(in)-header), size))
	s.left = size - uint64(n)
	p.end = s.left == 0
	s.need = 0
	if !p.end {
		s.last = p
	}
	return s.take(p, header, header+n), true
}

// take returns a piece of so many bytes, of which the first are header.
func (s *stream) take(p piece, header, n int) piece {
	p.at, p.to = s.pos, s.pos+n
	p.payload = s.buf.B[s.pos+header : s.pos+n : s.pos+n]
	s.pos += n
	return p
}
