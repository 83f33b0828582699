// Package wstest is the wire format of a WebSocket client, for tests: what such a client sends, right or wrong, and how it reads
// what a server answers (RFC 6455).
package wstest

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// Handshake is the request of a client that wants a WebSocket at a path, with more headers, each "Name: value".
func Handshake(path string, more ...string) []byte {
	b := []byte("GET " + path + " HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n")
	for _, header := range more {
		b = append(b, header+"\r\n"...)
	}
	return append(b, "\r\n"...)
}

// Frame is a frame as a client sends it, masked.
func Frame(op byte, final bool, payload []byte) []byte {
	return AppendFrame(nil, op, final, payload)
}

// AppendFrame appends such a frame to b.
func AppendFrame(b []byte, op byte, final bool, payload []byte) []byte {
	if final {
		op |= 0x80
	}
	switch n := len(payload); {
	case n < 126:
		b = append(b, op, 0x80|byte(n))
	case n < 1<<16:
		b = binary.BigEndian.AppendUint16(append(b, op, 0x80|126), uint16(n))
	default:
		b = binary.BigEndian.AppendUint64(append(b, op, 0x80|127), uint64(n))
	}
	mask := [4]byte{0x12, 0xf4, 0x05, byte(len(payload))}
	b = append(b, mask[:]...)
	at := len(b)
	b = append(b, payload...)
	for i := range payload {
		b[at+i] ^= mask[i%4]
	}
	return b
}

// ReadFrame reads a frame of a server, which is whole and not masked.
func ReadFrame(r io.Reader) (op byte, payload []byte, err error) {
	var head [2]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return 0, nil, err
	}
	if head[0]&0xf0 != 0x80 {
		return 0, nil, fmt.Errorf("first byte of a frame is %#x", head[0])
	}
	n := uint64(head[1])
	switch {
	case n == 126:
		var b [2]byte
		if _, err := io.ReadFull(r, b[:]); err != nil {
			return 0, nil, err
		}
		n = uint64(binary.BigEndian.Uint16(b[:]))
	case n == 127:
		var b [8]byte
		if _, err := io.ReadFull(r, b[:]); err != nil {
			return 0, nil, err
		}
		n = binary.BigEndian.Uint64(b[:])
	case n > 127:
		return 0, nil, errors.New("the server masked a frame")
	}
	payload = make([]byte, n)
	_, err = io.ReadFull(r, payload)
	return head[0] & 0x0f, payload, err
}
