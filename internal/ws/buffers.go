package ws

import (
	"math/bits"
	"sync"
)

// A Buffer is a piece of pooled memory. Connections hold one only while bytes are in it.
type Buffer struct {
	B          []byte
	Start, End int     // of the bytes that its holder put into it, if they are not all
	Next       *Buffer // in a queue of its holder
}

// Buffers of all powers of two between these are pooled. What is larger is rare and left to the garbage collector.
const (
	smallestBuffer = 10 // 1 KiB
	largestBuffer  = 20 // 1 MiB
)

// SmallestBuffer is the size of the smallest buffers, in bytes.
const SmallestBuffer = 1 << smallestBuffer

var bufferPools [largestBuffer - smallestBuffer + 1]sync.Pool

// GetBuffer returns a buffer with room for at least size bytes. What is in it is undefined.
func GetBuffer(size int) *Buffer {
	if size > 1<<largestBuffer {
		return &Buffer{B: make([]byte, size)}
	}
	class := max(bits.Len(uint(max(size, 1)-1)), smallestBuffer)
	if b, ok := bufferPools[class-smallestBuffer].Get().(*Buffer); ok {
		return b
	}
	return &Buffer{B: make([]byte, 1<<class)}
}

// PutBuffer gives a buffer back. Its owner must not touch it any more.
func PutBuffer(b *Buffer) {
	if len(b.B) > 1<<largestBuffer {
		return
	}
	b.Start, b.End, b.Next = 0, 0, nil
	bufferPools[bits.Len(uint(len(b.B)-1))-smallestBuffer].Put(b)
}
