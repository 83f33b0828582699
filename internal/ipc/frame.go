package ipc

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
)

// Kinds of frames.
const (
	kindHello   = iota + 1 // the first frame of either side; its body is Protocol's text
	kindPost               // one-way
	kindCall               // asks
	kindCancel             // the call of that id need not be finished
	kindAnswer             // of the call of that id
	kindFailure            // the same: the call failed. See errors.go for the body
)

const (
	headerBytes = 16
	// pieceBytes is how much of a long message goes in one frame.
	pieceBytes = 128 << 10
	// MaxMessage is the longest body of a message. It is there to notice garbage; no real message comes near.
	MaxMessage = 1 << 30
	// maxUnfinished is how many bytes of messages that go on a server keeps for a client: what it sends that way is small.
	maxUnfinished = 64 << 20
	// keepBuffer is the largest buffer that is kept for reuse.
	keepBuffer = 1 << 20
)

type header struct {
	length uint32
	kind   uint8
	op     uint8
	more   bool
	id     uint64
}

func appendHeader(dst []byte, h header) []byte {
	dst = binary.LittleEndian.AppendUint32(dst, h.length)
	more := byte(0)
	if h.more {
		more = 1
	}
	dst = append(dst, h.kind, h.op, more, 0)
	return binary.LittleEndian.AppendUint64(dst, h.id)
}

// AppendPost appends a post's frame, for Session.Fill. The body is head and body after each other.
func AppendPost(dst []byte, op uint8, id uint64, head, body []byte) []byte {
	dst = appendHeader(dst, header{length: uint32(len(head) + len(body)), kind: kindPost, op: op, id: id})
	dst = append(dst, head...)
	return append(dst, body...)
}

func parseHeader(b []byte) (header, error) {
	h := header{
		length: binary.LittleEndian.Uint32(b), kind: b[4], op: b[5], more: b[6] == 1, id: binary.LittleEndian.Uint64(b[8:]),
	}
	if h.length > MaxMessage || h.kind < kindHello || h.kind > kindFailure || b[6] > 1 || b[7] != 0 {
		return h, fmt.Errorf("malformed frame: its header is % x", b[:headerBytes])
	}
	return h, nil
}

// reader reads frames and puts long messages together.
type reader struct {
	r      *bufio.Reader
	body   []byte
	pieces map[header][]byte // of messages that go on; the key has kind and id only
	held   int               // bytes of them
	most   int               // of held; 0 for no bound
}

func newReader(r io.Reader) *reader {
	return &reader{r: bufio.NewReaderSize(r, 64<<10), pieces: make(map[header][]byte)}
}

// next returns the next message. The body is the caller's to keep if owned, else valid until the next call. io.EOF is the
// end between two frames; a frame that is cut off is io.ErrUnexpectedEOF.
func (r *reader) next() (h header, body []byte, owned bool, err error) {
	for {
		b, err := r.r.Peek(headerBytes)
		if err != nil {
			if len(b) > 0 && err == io.EOF {
				err = io.ErrUnexpectedEOF
			}
			return h, nil, false, err
		}
		if h, err = parseHeader(b); err != nil {
			return h, nil, false, err
		}
		r.r.Discard(headerBytes)
		key := header{kind: h.kind, id: h.id}
		begun, going := r.pieces[key]
		if !h.more && !going {
			body, err := r.short(int(h.length))
			return h, body, false, err
		}
		switch {
		case len(begun)+int(h.length) > MaxMessage:
			return h, nil, false, fmt.Errorf("malformed message: it has more than %d bytes", MaxMessage)
		case h.more && h.length != pieceBytes: // there could be any number of messages in almost no bytes
			return h, nil, false, fmt.Errorf("malformed message: a piece of %d bytes", h.length)
		case r.most > 0 && r.held+int(h.length) > r.most:
			return h, nil, false, fmt.Errorf("malformed messages: they go on after %d bytes", r.held)
		}
		r.held += int(h.length)
		if begun, err = readOn(r.r, begun, int(h.length)); err != nil {
			return h, nil, false, err
		}
		if !h.more {
			delete(r.pieces, key)
			r.held -= len(begun)
			return h, begun, true, nil
		}
		r.pieces[key] = begun
	}
}

// short reads a body that is in one frame into a buffer that is used again.
func (r *reader) short(n int) ([]byte, error) {
	if cap(r.body) > keepBuffer && n <= keepBuffer {
		r.body = nil
	}
	var err error
	r.body, err = readOn(r.r, r.body[:0], n)
	return r.body, err
}

// readOn appends n bytes. It believes in them as they come, so that a wrong length does not take memory.
func readOn(r io.Reader, dst []byte, n int) ([]byte, error) {
	for n > 0 {
		step := min(n, keepBuffer)
		at := len(dst)
		if cap(dst)-at < step {
			grown := make([]byte, at, max(at+step, 2*cap(dst)))
			copy(grown, dst)
			dst = grown
		}
		dst = dst[:at+step]
		if _, err := io.ReadFull(r, dst[at:]); err != nil {
			if err == io.EOF {
				err = io.ErrUnexpectedEOF
			}
			return dst[:at], err
		}
		n -= step
	}
	return dst, nil
}
