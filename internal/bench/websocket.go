package bench

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// WebSocket opcodes (RFC 6455 section 5.2).
const (
	opContinuation = 0x0
	opText         = 0x1
	opBinary       = 0x2
	opClose        = 0x8
	opPing         = 0x9
	opPong         = 0xa
)

// maxFrame bounds what one frame from the server may hold.
const maxFrame = 64 << 20

// frame is one WebSocket frame from a server. The payload aliases the read buffer.
type frame struct {
	final   bool
	opcode  byte
	payload []byte
}

// nextFrame takes a frame from the beginning of buf. A size of 0 means that more bytes are needed.
func nextFrame(buf []byte) (f frame, size int, err error) {
	if len(buf) < 2 {
		return frame{}, 0, nil
	}
	if buf[0]&0x70 != 0 {
		return frame{}, 0, errors.New("a frame uses an extension that was not agreed on")
	}
	if buf[1]&0x80 != 0 {
		return frame{}, 0, errors.New("a frame from the server is masked")
	}
	header, length := 2, uint64(buf[1])
	switch length {
	case 126:
		if len(buf) < 4 {
			return frame{}, 0, nil
		}
		header, length = 4, uint64(binary.BigEndian.Uint16(buf[2:]))
	case 127:
		if len(buf) < 10 {
			return frame{}, 0, nil
		}
		header, length = 10, binary.BigEndian.Uint64(buf[2:])
	}
	if length > maxFrame {
		return frame{}, 0, fmt.Errorf("a frame of %d bytes", length)
	}
	size = header + int(length)
	if len(buf) < size {
		return frame{}, 0, nil
	}
	return frame{final: buf[0]&0x80 != 0, opcode: buf[0] & 0x0f, payload: buf[header:size:size]}, size, nil
}

// appendFrame appends a whole client message, masked with key as clients must.
func appendFrame(dst []byte, opcode byte, payload []byte, key uint32) []byte {
	switch n := len(payload); {
	case n < 126:
		dst = append(dst, 0x80|opcode, 0x80|byte(n))
	case n < 1<<16:
		dst = append(dst, 0x80|opcode, 0x80|126, byte(n>>8), byte(n))
	default:
		dst = append(dst, 0x80|opcode, 0x80|127)
		dst = binary.BigEndian.AppendUint64(dst, uint64(n))
	}
	dst = binary.LittleEndian.AppendUint32(dst, key)
	start := len(dst)
	dst = append(dst, payload...)
	body := dst[start:]
	wide := uint64(key)<<32 | uint64(key)
	for len(body) >= 8 {
		binary.LittleEndian.PutUint64(body, binary.LittleEndian.Uint64(body)^wide)
		body = body[8:]
	}
	for i := range body {
		body[i] ^= byte(key >> (8 * i & 24))
	}
	return dst
}

// closeReason takes code and text out of a close frame's payload; 1005 stands for none given.
func closeReason(payload []byte) (code int, reason string) {
	if len(payload) < 2 {
		return 1005, ""
	}
	return int(binary.BigEndian.Uint16(payload)), string(payload[2:])
}
