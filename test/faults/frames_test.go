package faults

import (
	"bufio"
	"encoding/binary"
	"io"
	"testing"

	"github.com/symphony-rtc/symphony/test/harness"
)

// brokenFrames violate RFC 6455; each is what a client sends after the handshake. The mask is zero where there is one.
var brokenFrames = map[string][]byte{
	"not masked":                       {0x82, 1, 0},
	"reserved bit":                     {0xc2, 0x81, 0, 0, 0, 0, 0},
	"reserved opcode":                  {0x83, 0x81, 0, 0, 0, 0, 0},
	"reserved control opcode":          {0x8b, 0x80, 0, 0, 0, 0},
	"fragmented ping":                  {0x09, 0x80, 0, 0, 0, 0},
	"ping of 126 bytes":                append([]byte{0x89, 0xfe, 0, 126, 0, 0, 0, 0}, make([]byte, 126)...),
	"continuation of nothing":          {0x80, 0x81, 0, 0, 0, 0, 0},
	"a message inside of another":      {0x02, 0x81, 0, 0, 0, 0, 0, 0x82, 0x81, 0, 0, 0, 0, 0},
	"length above 2^63":                {0x82, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0},
	"length of 2^62":                   {0x82, 0xff, 0x40, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0},
	"close with one byte":              {0x88, 0x81, 0, 0, 0, 0, 3},
	"close code that nobody may send":  {0x88, 0x82, 0, 0, 0, 0, 0x03, 0xee},
	"close reason that is not UTF-8":   {0x88, 0x83, 0, 0, 0, 0, 0x03, 0xe8, 0xff},
	"not WebSocket at all":             []byte("GET / HTTP/1.1\r\nHost: x\r\n\r\n"),
	"length longer than it has to be":  {0x82, 0xfe, 0, 1, 0, 0, 0, 0, 77},
	"an unknown message, in fragments": {0x02, 0x80, 0, 0, 0, 0, 0x80, 0x81, 0, 0, 0, 0, 77},
}

// Broken framing ends the connection with 1002 (1007 for text that is not UTF-8; 4400 and 4413 where it is the message
// that is wrong) and disturbs nobody.
func TestBrokenFramesCloseOnlyTheirSender(t *testing.T) {
	s := harness.StartServer(t)
	p := harness.StartPuppet(t)
	a := p.Join(s, harness.Plain, "a", "calm")
	a.Do("write", args{"seed": 1, "pause": 5}, nil)
	for what, frame := range brokenFrames {
		conn, r, resp := s.Socket(t, "/rooms/calm")
		if resp.StatusCode != 101 {
			t.Fatalf("status %d", resp.StatusCode)
		}
		if _, err := conn.Write(frame); err != nil {
			t.Fatal(err)
		}
		code, err := closeCode(r)
		if err != nil {
			t.Errorf("%s: the server did not close: %v", what, err)
			continue
		}
		switch code {
		case 1002, 1007, 4400, 4413:
		default:
			t.Errorf("%s: closed with %d", what, code)
		}
		conn.Close()
	}
	calm(t, s, a)
}

// closeCode reads frames until a close frame, and returns its code; 0 if the connection just ended.
func closeCode(r *bufio.Reader) (int, error) {
	for {
		var head [2]byte
		if _, err := io.ReadFull(r, head[:]); err == io.EOF {
			return 0, nil
		} else if err != nil {
			return 0, err
		}
		size := int64(head[1] & 0x7f)
		switch size {
		case 126:
			var b [2]byte
			if _, err := io.ReadFull(r, b[:]); err != nil {
				return 0, err
			}
			size = int64(binary.BigEndian.Uint16(b[:]))
		case 127:
			var b [8]byte
			if _, err := io.ReadFull(r, b[:]); err != nil {
				return 0, err
			}
			size = int64(binary.BigEndian.Uint64(b[:]))
		}
		if head[0] == 0x88 {
			if size < 2 {
				return 1000, nil
			}
			var b [2]byte
			_, err := io.ReadFull(r, b[:])
			return int(binary.BigEndian.Uint16(b[:])), err
		}
		if _, err := io.CopyN(io.Discard, r, size); err != nil {
			return 0, err
		}
	}
}
