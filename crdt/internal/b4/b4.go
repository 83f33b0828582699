// Package b4 gives benchmarks the editing trace B4 (automerge-paper, 259,778 single-character edits) as Yjs updates.
package b4

import (
	"encoding/binary"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"
)

// Trace is B4 as yjs from npm wrote it.
type Trace struct {
	EndContent string
	V1, V2     []byte   // the whole document
	Updates    [][]byte // V1, one per edit
}

// Load reads the trace. The directory with automerge-paper.json.gz is named by SYMPHONY_TRACES and defaults to
// ../shared/data/editing-traces beside the repository. Node types the trace into yjs once; the result is kept in the
// user's cache directory. Without trace or Node the benchmark is skipped.
func Load(tb testing.TB) *Trace {
	tb.Helper()
	_, here, _, _ := runtime.Caller(0)
	root := filepath.Join(filepath.Dir(here), "..", "..", "..")
	dir := os.Getenv("SYMPHONY_TRACES")
	if dir == "" {
		dir = filepath.Join(root, "..", "shared", "data", "editing-traces")
	}
	trace := filepath.Join(dir, "automerge-paper.json.gz")
	if _, err := os.Stat(trace); err != nil {
		tb.Skipf("no editing trace (set SYMPHONY_TRACES): %v", err)
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		tb.Skip(err)
	}
	cache = filepath.Join(cache, "symphony")
	if err := os.MkdirAll(cache, 0o755); err != nil {
		tb.Fatal(err)
	}
	file := filepath.Join(cache, "b4-yjs-13.6.33.bin")
	if _, err := os.Stat(file); err != nil {
		node := exec.Command("node", filepath.Join(root, "test", "node", "b4-updates.mjs"), trace, file)
		if out, err := node.CombinedOutput(); err != nil {
			tb.Skipf("cannot type the trace into yjs: %v\n%s", err, out)
		}
	}
	b, err := os.ReadFile(file)
	if err != nil {
		tb.Fatal(err)
	}
	next := func() []byte {
		n := binary.LittleEndian.Uint32(b)
		part := b[4 : 4+n : 4+n]
		b = b[4+n:]
		return part
	}
	t := &Trace{EndContent: string(next()), V1: next(), V2: next()}
	for len(b) > 0 {
		t.Updates = append(t.Updates, next())
	}
	return t
}
