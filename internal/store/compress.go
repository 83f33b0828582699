package store

import (
	"fmt"
	"runtime"
	"sync"

	"github.com/klauspost/compress/zstd"
)

const (
	// compressFrom is the length from which compression is tried: less makes no difference to any storage.
	compressFrom = 1 << 10
	// maxDocument bounds what is compressed and what a compressed object may become, in bytes.
	maxDocument = 1 << 30
	// maxRatio is more than zstd can reach: a block of 4 bytes stands for 128 KiB at most.
	maxRatio = 128 << 10 / 4
)

// Both are made at their first use and shared by all stores of the process. Used for whole buffers, as here, they have
// no goroutines; callers beyond their concurrency wait.
var (
	compressor = sync.OnceValue(func() *zstd.Encoder {
		e, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(compressLevel), zstd.WithEncoderConcurrency(runtime.GOMAXPROCS(0)),
			zstd.WithEncoderCRC(false)) // the object has a checksum of its own
		if err != nil {
			panic(err) // the options are constants
		}
		return e
	})
	decompressor = sync.OnceValue(func() *zstd.Decoder {
		d, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(runtime.GOMAXPROCS(0)), zstd.WithDecodeAllCapLimit(true),
			zstd.WithDecoderMaxMemory(maxDocument))
		if err != nil {
			panic(err)
		}
		return d
	})
)

// compressLevel is the fastest: docs/storage.md has what the others cost and gain.
const compressLevel = zstd.SpeedFastest

// compress returns the document as a zstd frame if that is at least a tenth shorter. It is used as a body in requests that may outlive their
// callers by a moment, so its memory is not used again.
func compress(document []byte) (frame []byte, ok bool) {
	if len(document) < compressFrom || len(document) > maxDocument {
		return nil, false
	}
	frame = compressor().EncodeAll(document, make([]byte, 0, len(document)/2))
	return frame, len(frame) <= len(document)-len(document)/10
}

// decompress returns what was compressed to frame. length is what that must have, and bounds what is allocated.
func decompress(frame []byte, length uint64) ([]byte, error) {
	if length > maxDocument || length > uint64(len(frame))*maxRatio {
		return nil, fmt.Errorf("a body of %d bytes cannot become a document of %d", len(frame), length)
	}
	document, err := decompressor().DecodeAll(frame, make([]byte, 0, length))
	if err != nil {
		return nil, fmt.Errorf("decompress its body: %w", err)
	}
	if uint64(len(document)) != length {
		return nil, fmt.Errorf("its body became a document of %d bytes instead of %d", len(document), length)
	}
	return document, nil
}
