package protocol

// HeaderRoom is the number of bytes that every Frame keeps free in front of its payload: the longest header of a
// WebSocket frame from a server to a client.
const HeaderRoom = 10

// Frame is one binary WebSocket message with room for its header in front, so that a message that arrived in a read
// buffer can be relayed from where it lies, and a message that goes to many is framed once.
//
// The zero Frame is empty. A Frame is not safe for concurrent use.
type Frame struct {
	buf   []byte
	start int // of the payload in buf; at least HeaderRoom
}

// FrameAt makes a Frame of the message buf[start:end]. The HeaderRoom bytes before start may be overwritten;
// start must be at least HeaderRoom. (The header of a client's frame is masked, hence four bytes longer than ours: a
// frame can be overwritten without touching the one before it.)
func FrameAt(buf []byte, start, end int) Frame { return Frame{buf: buf[:end], start: start} }

// NewFrame returns an empty Frame with capacity for a payload of size bytes.
func NewFrame(size int) Frame {
	return Frame{buf: make([]byte, HeaderRoom, HeaderRoom+size), start: HeaderRoom}
}

// Payload is the message without its WebSocket header.
func (f Frame) Payload() []byte { return f.buf[f.start:] }

// Reset empties the payload and keeps the buffer.
func (f Frame) Reset() Frame {
	f.buf = f.buf[:f.start]
	return f
}

// Bytes writes the WebSocket header (RFC 6455 section 5.2: FIN, binary, unmasked) in front of the payload and
// returns header and payload: what a server sends.
func (f Frame) Bytes() []byte {
	n := len(f.buf) - f.start
	switch {
	case n < 126:
		at := f.start - 2
		f.buf[at], f.buf[at+1] = 0x82, byte(n)
		return f.buf[at:]
	case n < 1<<16:
		at := f.start - 4
		f.buf[at], f.buf[at+1], f.buf[at+2], f.buf[at+3] = 0x82, 126, byte(n>>8), byte(n)
		return f.buf[at:]
	default:
		at := f.start - 10
		f.buf[at], f.buf[at+1] = 0x82, 127
		for i := range 8 {
			f.buf[at+2+i] = byte(uint64(n) >> (56 - 8*i))
		}
		return f.buf[at:]
	}
}
