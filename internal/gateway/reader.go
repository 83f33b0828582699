package gateway

import (
	"encoding/binary"

	"github.com/symphony-rtc/symphony/internal/ws"
	"github.com/symphony-rtc/symphony/protocol"
)

const (
	opContinuation = ws.OpContinuation
	opText         = ws.OpText
	opBinary       = ws.OpBinary
	opClose        = ws.OpClose
	opPing         = ws.OpPing
	opPong         = ws.OpPong

	closeProtocol    = ws.CloseProtocol
	closeNoStatus    = ws.CloseNoStatus
	closeInvalidText = ws.CloseInvalidText
)

const (
	readSize = 16 << 10 // of the buffer that a wakeup reads into
	minRead  = 4 << 10  // free bytes below which a read is not worth its system call
)

// A reader takes a client's bytes apart into messages. It does no I/O (it is a ws.Intake): bytes are put where Space says, Filled says
// how many there are, next returns what they contain until there is nothing complete left, and Park gives back memory
// that is not needed while waiting for more.
//
// A message stays where it was read: it is unmasked in place, and its fragments are pushed together in place. In front
// of it are always at least protocol.HeaderRoom bytes that mean nothing any more.
type reader struct {
	limit int // largest message, in bytes
	got   int // bytes that were read; for whoever counts them

	buf      *ws.Buffer // nil while nothing is held
	pos, end int        // buf.B[pos:end] is not yet parsed
	need     int        // how long the frame at pos is as far as its header says, 0 if unknown

	fragments    bool // between the first and the last fragment of a message,
	msg, msgEnd  int  // whose payload so far is buf.B[msg:msgEnd]
	payload, cut int  // of what next returned last: buf.B[payload:cut]
}

// Space returns where the next bytes are to be put: never nothing.
func (r *reader) Space() []byte {
	if r.buf == nil {
		r.buf = ws.GetBuffer(readSize)
		r.pos, r.end = protocol.HeaderRoom, protocol.HeaderRoom
		return r.buf.B[r.end:]
	}
	held := r.held()
	if held == 0 && !r.fragments {
		r.pos, r.end = protocol.HeaderRoom, protocol.HeaderRoom
	}
	missing := max(r.need-(r.end-r.pos), 1) // at least so many bytes are to come
	if free := len(r.buf.B) - r.end; free >= minRead || r.need > 0 && free >= missing {
		return r.buf.B[r.end:]
	}
	// Grow by doubling what really arrived, so that memory follows bytes and not promises, and copying stays cheap.
	r.move(max(readSize, protocol.HeaderRoom+held+max(minRead, min(missing, max(held, readSize/2)))))
	return r.buf.B[r.end:]
}

// held is the number of bytes that must be kept.
func (r *reader) held() int {
	held := r.end - r.pos
	if r.fragments {
		held += r.msgEnd - r.msg
	}
	return held
}

// move brings what is held to the front of a buffer of a size, the same one if that fits.
func (r *reader) move(size int) {
	old, into := r.buf, r.buf
	if len(old.B) < size || len(old.B) > 2*size {
		into = ws.GetBuffer(size)
	}
	at := protocol.HeaderRoom
	if r.fragments {
		n := copy(into.B[at:], old.B[r.msg:r.msgEnd])
		r.msg, r.msgEnd = at, at+n
		at += n
	}
	n := copy(into.B[at:], old.B[r.pos:r.end])
	r.pos, r.end = at, at+n
	if into != old {
		r.buf = into
		ws.PutBuffer(old)
	}
}

// Filled says that n bytes were put into Space.
func (r *reader) Filled(n int) {
	r.end += n
	r.got += n
}

// Park gives back what memory can be spared while no bytes come.
func (r *reader) Park() {
	if r.buf == nil {
		return
	}
	switch held := r.held(); {
	case held == 0 && !r.fragments:
		r.release()
	case len(r.buf.B) > ws.SmallestBuffer && len(r.buf.B) > 8*(held+protocol.HeaderRoom):
		r.move(held + protocol.HeaderRoom)
	}
}

// release gives back all memory and forgets what was in it.
func (r *reader) release() {
	if r.buf != nil {
		ws.PutBuffer(r.buf)
		r.buf = nil
	}
	r.pos, r.end, r.need, r.fragments = 0, 0, 0, false
}

// message is the binary message that next returned last.
func (r *reader) message() protocol.Frame {
	return protocol.FrameAt(r.buf.B[:r.cut:r.cut], r.payload, r.cut) // no capacity beyond: there lies the next message
}

// control is the payload of the control frame that next returned last.
func (r *reader) control() []byte { return r.buf.B[r.payload:r.cut] }

// next takes the next message or control frame out of what was read and returns its opcode: opBinary, opClose,
// opPing or opPong. ok is false if none is complete. The error is a *protocol.CloseError; nothing can be read after it.
func (r *reader) next() (op byte, ok bool, err error) {
	for {
		op, final, ok, err := r.frame()
		if !ok || err != nil {
			return 0, false, err
		}
		if op >= opClose {
			return op, true, nil
		}
		if !r.fragments {
			if final {
				return opBinary, true, nil
			}
			r.fragments, r.msg, r.msgEnd = true, r.payload, r.cut
			continue
		}
		r.msgEnd += copy(r.buf.B[r.msgEnd:], r.buf.B[r.payload:r.cut])
		if final {
			r.fragments, r.payload, r.cut = false, r.msg, r.msgEnd
			return opBinary, true, nil
		}
	}
}

// frame takes one complete frame and unmasks it. Every rule is checked as soon as the bytes it needs are there.
func (r *reader) frame() (op byte, final, ok bool, err error) {
	if r.buf == nil {
		return 0, false, false, nil
	}
	in := r.buf.B[r.pos:r.end]
	r.need = 0
	if len(in) < 2 {
		return 0, false, false, nil
	}
	op, final = in[0]&0x0f, in[0]&0x80 != 0
	if err := r.checkStart(in[0], in[1]); err != nil {
		return 0, false, false, err
	}
	header, n := 6, uint64(in[1]&0x7f)
	switch n {
	case 126:
		header = 8
		if len(in) < header {
			return 0, false, false, nil
		}
		if n = uint64(binary.BigEndian.Uint16(in[2:])); n < 126 {
			return 0, false, false, protocol.Closef(closeProtocol, "frame length is not written in its shortest form")
		}
	case 127:
		header = 14
		if len(in) < header {
			return 0, false, false, nil
		}
		if n = binary.BigEndian.Uint64(in[2:]); n < 1<<16 || n >= 1<<63 {
			return 0, false, false, protocol.Closef(closeProtocol, "frame length is not written in its shortest form or over 63 bits")
		}
	}
	if op < opClose {
		total := n
		if r.fragments {
			total += uint64(r.msgEnd - r.msg)
		}
		if total > uint64(r.limit) {
			return 0, false, false, protocol.Closef(protocol.CloseTooLarge,
				"message of %d bytes or more: this server takes up to %d", total, r.limit)
		}
	}
	r.need = header + int(n)
	if len(in) < r.need {
		return 0, false, false, nil
	}
	ws.Unmask(in[header:r.need], binary.LittleEndian.Uint32(in[header-4:]))
	r.payload, r.cut = r.pos+header, r.pos+r.need
	r.pos = r.cut
	r.need = 0
	return op, final, true, nil
}

// checkStart checks what the first two bytes of a frame say.
func (r *reader) checkStart(b0, b1 byte) error {
	op, final := b0&0x0f, b0&0x80 != 0
	switch {
	case b0&0x70 != 0:
		return protocol.Closef(closeProtocol, "reserved bits are set, and no extension was agreed on")
	case op > opBinary && op < opClose || op > opPong:
		return protocol.Closef(closeProtocol, "reserved opcode %d", op)
	case b1&0x80 == 0:
		return protocol.Closef(closeProtocol, "frame is not masked, as all frames of a client must be")
	case op >= opClose && !final:
		return protocol.Closef(closeProtocol, "control frame is fragmented")
	case op >= opClose && b1&0x7f > 125:
		return protocol.Closef(closeProtocol, "control frame is longer than 125 bytes")
	case op == opText:
		return protocol.Closef(protocol.CloseBadMessage, "text message: rooms speak y-websocket, which is binary")
	case op == opContinuation && !r.fragments:
		return protocol.Closef(closeProtocol, "continuation of nothing")
	case op == opBinary && r.fragments:
		return protocol.Closef(closeProtocol, "new message within a fragmented one")
	}
	return nil
}
