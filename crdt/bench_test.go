package crdt

import (
	"encoding/binary"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
	"testing"
)

// benchUpdates is what bench/engine/yjs.mjs makes of the editing trace B4.
type benchUpdates struct {
	v1, v2, small, smallV2 []byte
	edits                  [][]byte
}

var typeTrace = sync.OnceValues(func() (*benchUpdates, error) {
	dir := os.Getenv("SYMPHONY_TRACES")
	if dir == "" {
		dir = "../../shared/data/editing-traces"
	}
	trace := filepath.Join(dir, "automerge-paper.json.gz")
	if _, err := os.Stat(trace); err != nil {
		return nil, err
	}
	tmp, err := os.MkdirTemp("", "symphony-bench")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(tmp)
	file := filepath.Join(tmp, "updates")
	cmd := exec.Command("node", "--expose-gc", "../bench/engine/yjs.mjs", trace, file)
	cmd.Stderr = os.Stderr
	if err := cmd.Run(); err != nil {
		return nil, err
	}
	b, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var all [][]byte
	for len(b) > 0 {
		n := 4 + binary.LittleEndian.Uint32(b)
		all = append(all, b[4:n:n])
		b = b[n:]
	}
	return &benchUpdates{all[0], all[1], all[2], all[3], all[5:]}, nil
})

func benchTrace(b *testing.B) *benchUpdates {
	u, err := typeTrace()
	if err != nil {
		b.Skipf("no updates of an editing trace: %v", err)
	}
	b.ReportAllocs()
	return u
}

func mustApply(b *testing.B, d *Doc, update []byte) {
	if _, err := d.ApplyUpdate(update); err != nil {
		b.Fatal(err)
	}
}

func BenchmarkLoad(b *testing.B) {
	u := benchTrace(b)
	for b.Loop() {
		mustApply(b, NewDoc(Options{}), u.v1)
	}
}

func BenchmarkLoadV2(b *testing.B) {
	u := benchTrace(b)
	for b.Loop() {
		if _, err := NewDoc(Options{}).ApplyUpdateV2(u.v2); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkLoadSmall(b *testing.B) {
	u := benchTrace(b)
	for b.Loop() {
		mustApply(b, NewDoc(Options{}), u.small)
	}
}

func BenchmarkApplyEveryEdit(b *testing.B) {
	u := benchTrace(b)
	for b.Loop() {
		d := NewDoc(Options{})
		for _, e := range u.edits {
			mustApply(b, d, e)
		}
	}
}

func BenchmarkEncode(b *testing.B) {
	u := benchTrace(b)
	d := NewDoc(Options{})
	mustApply(b, d, u.v1)
	var buf []byte
	for b.Loop() {
		var err error
		if buf, err = d.AppendStateAsUpdate(buf[:0], nil); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkEncodeV2(b *testing.B) {
	u := benchTrace(b)
	d := NewDoc(Options{})
	mustApply(b, d, u.v1)
	var buf []byte
	for b.Loop() {
		var err error
		if buf, err = d.AppendStateAsUpdateV2(buf[:0], nil); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkHeap reports what loaded documents keep on the heap.
func BenchmarkHeap(b *testing.B) {
	u := benchTrace(b)
	for _, c := range []struct {
		name   string
		update []byte
		n      int
	}{{"large", u.v1, 4}, {"small", u.small, 500}, {"empty", []byte{0, 0}, 10000}} {
		b.Run(c.name, func(b *testing.B) {
			for b.Loop() {
				docs := make([]*Doc, c.n)
				before := heapInUse()
				for i := range docs {
					docs[i] = NewDoc(Options{})
					mustApply(b, docs[i], c.update)
				}
				b.ReportMetric(float64(heapInUse()-before)/float64(c.n), "B/doc")
				b.ReportMetric(float64(docs[0].Size()), "Size/doc")
				runtime.KeepAlive(docs)
			}
		})
	}
}

func heapInUse() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
