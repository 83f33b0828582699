package gateway

import (
	"math/bits"
	"sync"
)

// A buffer is a piece of pooled memory. Connections hold one only while bytes are in it.
type buffer struct {
	b          []byte
	start, end int     // of the bytes in an outbox
	next       *buffer // in an outbox
}

// Buffers of all powers of two between these are pooled. What is larger is rare and left to the garbage collector.
const (
	smallestBuffer = 10 // 1 KiB
	largestBuffer  = 20 // 1 MiB
)

var bufferPools [largestBuffer - smallestBuffer + 1]sync.Pool

// getBuffer returns a buffer with room for at least size bytes. What is in it is undefined.
func getBuffer(size int) *buffer {
	if size > 1<<largestBuffer {
		return &buffer{b: make([]byte, size)}
	}
	class := max(bits.Len(uint(max(size, 1)-1)), smallestBuffer)
	if b, ok := bufferPools[class-smallestBuffer].Get().(*buffer); ok {
		return b
	}
	return &buffer{b: make([]byte, 1<<class)}
}

// putBuffer gives a buffer back. Its owner must not touch it any more.
func putBuffer(b *buffer) {
	if len(b.b) > 1<<largestBuffer {
		return
	}
	b.start, b.end, b.next = 0, 0, nil
	bufferPools[bits.Len(uint(len(b.b)-1))-smallestBuffer].Put(b)
}
