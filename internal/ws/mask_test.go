package ws

import (
	"bytes"
	"testing"
)

func TestUnmask(t *testing.T) {
	for size := range 100 {
		p := make([]byte, size)
		want := make([]byte, size)
		for i := range p {
			p[i] = byte(i * 7)
			want[i] = p[i] ^ []byte{1, 2, 3, 4}[i%4]
		}
		Unmask(p, 0x04030201)
		if !bytes.Equal(p, want) {
			t.Fatalf("%d bytes: %x, want %x", size, p, want)
		}
	}
}
