package store

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/klauspost/compress/zstd"
)

func TestCompressWhereItPays(t *testing.T) {
	noise := make([]byte, 100<<10)
	for i := range noise {
		noise[i] = byte(rand.Uint32())
	}
	halfNoise := append(bytes.Clone(noise), make([]byte, 100<<10)...)
	slightly := append(bytes.Clone(noise), make([]byte, 5<<10)...)
	for name, c := range map[string]struct {
		document []byte
		want     encoding
	}{
		"short":    {make([]byte, compressFrom-1), encodingPlain},
		"long":     {make([]byte, compressFrom), encodingZstd},
		"noise":    {noise, encodingPlain},
		"half":     {halfNoise, encodingZstd},
		"slightly": {slightly, encodingPlain}, // less than a tenth
	} {
		header, body := encodeSnapshot(snapshotInfo{room: name}, c.document)
		if got := encoding(header[8]); got != c.want {
			t.Errorf("%s: encoding %d, want %d", name, got, c.want)
		}
		if c.want == encodingZstd && len(body) > len(c.document)*9/10 {
			t.Errorf("%s: %d bytes became %d", name, len(c.document), len(body))
		}
		_, got, err := parseSnapshot(append(header, body...))
		if err != nil || !bytes.Equal(got, c.document) {
			t.Errorf("%s: read again as %d bytes, %v", name, len(got), err)
		}
	}
}

// TestCompressAtTheSameTime shares compressor and decompressor between more goroutines than they have workers.
func TestCompressAtTheSameTime(t *testing.T) {
	var wg sync.WaitGroup
	for i := range 32 {
		wg.Go(func() {
			document := []byte(strings.Repeat(fmt.Sprint("room ", i, " "), 50_000))
			for range 4 {
				header, body := encodeSnapshot(snapshotInfo{room: "r"}, document)
				if _, got, err := parseSnapshot(append(header, body...)); err != nil || !bytes.Equal(got, document) {
					t.Errorf("room %d: read again as %d bytes, %v", i, len(got), err)
				}
			}
		})
	}
	wg.Wait()
}

// TestHostileLengths has objects with good checksums whose header lies about what the body becomes.
func TestHostileLengths(t *testing.T) {
	const truth = 200 << 20
	frame := compressor().EncodeAll(make([]byte, truth), nil)
	for _, length := range []uint64{0, 1, 1000, truth - 1, truth + 1, maxDocument + 1, 1<<48 - 1} {
		object := appendSnapshotHeader(nil, snapshotInfo{room: "r"}, encodingZstd, int(length), frame)
		object = append(object, frame...)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		if _, _, err := parseSnapshot(object); err == nil {
			t.Errorf("length %d of a document of %d bytes was accepted", length, truth)
		}
		runtime.ReadMemStats(&after)
		limit := uint64(8 << 20)
		if length <= uint64(len(frame))*maxRatio {
			limit += length
		}
		if allocated := after.TotalAlloc - before.TotalAlloc; allocated > limit {
			t.Errorf("length %d made us allocate %d bytes", length, allocated)
		}
	}
	short := frame[:100]
	object := append(appendSnapshotHeader(nil, snapshotInfo{room: "r"}, encodingZstd, truth, short), short...)
	if _, _, err := parseSnapshot(object); err == nil || !strings.Contains(err.Error(), "cannot become") {
		t.Errorf("100 bytes that are to become %d: %v", truth, err)
	}
	// The same with the plain encoding, which has no length.
	object = appendSnapshotHeader(nil, snapshotInfo{}, encodingPlain, 0, nil)
	object[10] = 1
	binary.LittleEndian.PutUint32(object[44:], crc32.Checksum(object[:44], castagnoli))
	if _, _, err := parseSnapshot(object); err == nil {
		t.Error("a plain object with a second length was accepted")
	}
}

// BenchmarkCompress compares zstd's levels on documents that `node test/node/large-documents.mjs <directory>` made:
//
//	SYMPHONY_DOCUMENTS=<directory> go test ./internal/store -run '^$' -bench Compress
func BenchmarkCompress(b *testing.B) {
	files, err := filepath.Glob(filepath.Join(os.Getenv("SYMPHONY_DOCUMENTS"), "*.v2"))
	if err != nil || len(files) == 0 || os.Getenv("SYMPHONY_DOCUMENTS") == "" {
		b.Skip("no documents: see the comment")
	}
	for _, file := range files {
		document, err := os.ReadFile(file)
		if err != nil {
			b.Fatal(err)
		}
		for _, level := range []zstd.EncoderLevel{zstd.SpeedFastest, zstd.SpeedDefault, zstd.SpeedBetterCompression, zstd.SpeedBestCompression} {
			encoder, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(level), zstd.WithEncoderConcurrency(1), zstd.WithEncoderCRC(false))
			if err != nil {
				b.Fatal(err)
			}
			var frame []byte
			b.Run(fmt.Sprintf("%s/%v", filepath.Base(file), level), func(b *testing.B) {
				b.SetBytes(int64(len(document)))
				b.ReportAllocs()
				for b.Loop() {
					frame = encoder.EncodeAll(document, make([]byte, 0, len(document)/2))
				}
				b.ReportMetric(100*float64(len(frame))/float64(len(document)), "%")
			})
			b.Run(fmt.Sprintf("%s/%v/decompress", filepath.Base(file), level), func(b *testing.B) {
				b.SetBytes(int64(len(document)))
				for b.Loop() {
					if _, err := decompress(frame, uint64(len(document))); err != nil {
						b.Fatal(err)
					}
				}
			})
			encoder.Close()
		}
	}
}
