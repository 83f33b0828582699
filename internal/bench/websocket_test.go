package bench

import (
	"bytes"
	"encoding/binary"
	"testing"

	"pgregory.net/rapid"
)

// unmask reads a client's frame by the letter of RFC 6455 section 5.3.
func unmask(t *rapid.T, b []byte) (opcode byte, payload []byte) {
	if b[0]&0xf0 != 0x80 || b[1]&0x80 == 0 {
		t.Fatalf("header %x: wanted a final, masked frame", b[:2])
	}
	n, rest := int(b[1]&0x7f), b[2:]
	switch n {
	case 126:
		n, rest = int(binary.BigEndian.Uint16(rest)), rest[2:]
	case 127:
		n, rest = int(binary.BigEndian.Uint64(rest)), rest[8:]
	}
	key, rest := rest[:4], rest[4:]
	if len(rest) != n {
		t.Fatalf("%d bytes follow, the header says %d", len(rest), n)
	}
	for i, c := range rest {
		payload = append(payload, c^key[i%4])
	}
	return b[0] & 0x0f, payload
}

func TestFramesAreMaskedByTheRules(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		size := rapid.OneOf(rapid.IntRange(0, 300), rapid.SampledFrom([]int{65535, 65536, 70_001})).Draw(t, "size")
		payload := bytes.Repeat([]byte{1, 2, 3, 4, 5, 250, 7}, size/7+1)[:size]
		key := rapid.Uint32().Draw(t, "key")
		opcode, got := unmask(t, appendFrame(nil, opBinary, payload, key))
		if opcode != opBinary || !bytes.Equal(got, payload) {
			t.Fatalf("opcode %d, payload %x, wanted %x", opcode, got, payload)
		}
	})
}

func TestServerFramesInPieces(t *testing.T) {
	for _, size := range []int{0, 1, 125, 126, 127, 65535, 65536} {
		var whole []byte
		switch {
		case size < 126:
			whole = []byte{0x82, byte(size)}
		case size < 1<<16:
			whole = []byte{0x82, 126, byte(size >> 8), byte(size)}
		default:
			whole = binary.BigEndian.AppendUint64([]byte{0x82, 127}, uint64(size))
		}
		header := len(whole)
		whole = append(whole, bytes.Repeat([]byte{7}, size)...)
		for _, cut := range []int{0, 1, header - 1, len(whole) - 1} {
			if _, n, err := nextFrame(whole[:cut]); n != 0 || err != nil {
				t.Fatalf("%d of %d bytes: size %d, %v", cut, len(whole), n, err)
			}
		}
		f, n, err := nextFrame(append(whole, 0x89, 0))
		if err != nil || n != len(whole) || len(f.payload) != size || !f.final || f.opcode != opBinary {
			t.Fatalf("frame of %d bytes: %d taken, payload %d, %v", size, n, len(f.payload), err)
		}
	}
}

func TestServerFramesThatBreakTheRules(t *testing.T) {
	for name, b := range map[string][]byte{
		"compressed without agreement": {0xc2, 1, 0},
		"masked":                       {0x82, 0x81, 1, 2, 3, 4, 5},
		"huge":                         {0x82, 127, 0x7f, 0, 0, 0, 0, 0, 0, 0},
	} {
		if _, _, err := nextFrame(b); err == nil {
			t.Errorf("a frame that is %s was taken", name)
		}
	}
}

func FuzzNextFrame(f *testing.F) {
	f.Add([]byte{0x82, 3, 1, 2, 3})
	f.Add([]byte{0x88, 2, 3, 0xe8})
	f.Add([]byte{0x82, 126, 0, 1, 5})
	f.Fuzz(func(t *testing.T, b []byte) {
		if fr, n, err := nextFrame(b); err == nil && (n < 0 || n > len(b) || len(fr.payload) > n) {
			t.Fatalf("%d of %d bytes taken, payload %d", n, len(b), len(fr.payload))
		}
	})
}

func TestCloseReason(t *testing.T) {
	if code, reason := closeReason([]byte{4508 >> 8, 4508 & 0xff, 's', 'l', 'o', 'w'}); code != 4508 || reason != "slow" {
		t.Fatalf("%d %q", code, reason)
	}
	if code, _ := closeReason(nil); code != 1005 {
		t.Fatalf("no code is %d", code)
	}
}
