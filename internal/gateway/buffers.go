package gateway

import "sync"

// A buffer is a piece of pooled memory. Connections hold one only while bytes are in it.
type buffer struct {
	b          []byte
	start, end int     // of the bytes in an outbox
	next       *buffer // in an outbox
}

// bufferSizes are the sizes that are pooled. What is larger is rare and left to the garbage collector.
var bufferSizes = [...]int{1 << 10, 4 << 10, 16 << 10, 64 << 10, 256 << 10, 1 << 20}

var bufferPools [len(bufferSizes)]sync.Pool

// getBuffer returns a buffer with room for at least size bytes. What is in it is undefined.
func getBuffer(size int) *buffer {
	for i, s := range bufferSizes {
		if size <= s {
			if b, ok := bufferPools[i].Get().(*buffer); ok {
				return b
			}
			return &buffer{b: make([]byte, s)}
		}
	}
	return &buffer{b: make([]byte, size)}
}

// putBuffer gives a buffer back. Its owner must not touch it any more.
func putBuffer(b *buffer) {
	for i, s := range bufferSizes {
		if len(b.b) == s {
			b.start, b.end, b.next = 0, 0, nil
			bufferPools[i].Put(b)
			return
		}
	}
}
