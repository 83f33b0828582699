//go:build unix

// Command engine measures the document engine beside yjs, in one run on one machine: CPU time (with that of the garbage
// collectors) and heap. Run it from the root of the repository:
//
//	go run ./bench/engine
//
// It needs Node with the npm packages of the repository, and the editing trace automerge-paper.json.gz (benchmark B4 of
// the field: 259,778 single-character edits) in the directory SYMPHONY_TRACES, by default
// ../shared/data/editing-traces. The machine should be idle; of each measurement the best of a few is taken. Compare
// ratios, not milliseconds.
package main

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"syscall"

	"github.com/symphony-rtc/symphony/crdt"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "engine benchmark:", err)
		os.Exit(1)
	}
}

// figures are measurements by name, milliseconds or bytes.
type figures struct {
	Times  map[string]float64 `json:"times"`
	Memory map[string]float64 `json:"memory"`
}

func run() error {
	dir := os.Getenv("SYMPHONY_TRACES")
	if dir == "" {
		dir = filepath.Join("..", "shared", "data", "editing-traces")
	}
	trace := filepath.Join(dir, "automerge-paper.json.gz")
	if _, err := os.Stat(trace); errors.Is(err, os.ErrNotExist) {
		fmt.Printf("engine benchmark: skipped, no %s (set SYMPHONY_TRACES to the directory of the editing traces)\n", trace)
		return nil
	}
	yjs, updates, err := runYjs(trace)
	if err != nil {
		return err
	}
	ours, err := measure(updates)
	if err != nil {
		return err
	}
	print(yjs, ours)
	return nil
}

// runYjs lets yjs type the trace and measure itself.
func runYjs(trace string) (yjs figures, updates [][]byte, err error) {
	tmp, err := os.MkdirTemp("", "symphony-bench")
	if err != nil {
		return figures{}, nil, err
	}
	defer os.RemoveAll(tmp)
	file := filepath.Join(tmp, "updates")
	cmd := exec.Command("node", "--expose-gc", filepath.Join("bench", "engine", "yjs.mjs"), trace, file)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return figures{}, nil, fmt.Errorf("measuring yjs: %w (run from the repository's root, after npm ci)", err)
	}
	if err := json.Unmarshal(out, &yjs); err != nil {
		return figures{}, nil, fmt.Errorf("measuring yjs: %w", err)
	}
	b, err := os.ReadFile(file)
	if err != nil {
		return figures{}, nil, err
	}
	for len(b) > 0 {
		n := 4 + binary.LittleEndian.Uint32(b)
		updates = append(updates, b[4:n:n])
		b = b[n:]
	}
	return yjs, updates, nil
}

// meter measures until the first error.
type meter struct {
	figures
	err error
}

// time takes the best CPU time of n runs.
func (m *meter) time(name string, n int, f func() error) {
	if m.err != nil {
		return
	}
	runtime.GC()
	best := 0.0
	for i := range n {
		before := cpu()
		if err := f(); err != nil {
			m.err = fmt.Errorf("%s: %w", name, err)
			return
		}
		if took := cpu() - before; i == 0 || took < best {
			best = took
		}
	}
	m.Times[name] = best
}

// heap measures what n documents keep, each.
func (m *meter) heap(name string, n int, update []byte) {
	docs := make([]*crdt.Doc, n)
	before := heapInUse()
	for i := range docs {
		var err error
		if docs[i], err = load(update); err != nil {
			m.err = fmt.Errorf("%s: %w", name, err)
			return
		}
	}
	m.Memory[name] = float64(heapInUse()-before) / float64(n)
	runtime.KeepAlive(docs)
}

func load(update []byte) (*crdt.Doc, error) {
	d := crdt.NewDoc(crdt.Options{})
	_, err := d.ApplyUpdate(update)
	return d, err
}

func measure(updates [][]byte) (figures, error) {
	v1, v2, small, vector, edits := updates[0], updates[1], updates[2], updates[4], updates[5:]
	m := &meter{figures: figures{map[string]float64{}, map[string]float64{}}}
	m.time("load, V1", 15, func() error {
		_, err := load(v1)
		return err
	})
	m.time("load, V2", 15, func() error {
		_, err := crdt.NewDoc(crdt.Options{}).ApplyUpdateV2(v2)
		return err
	})
	m.time("apply every edit", 5, func() error { return applyAll(edits, v1) })
	d, err := load(v1)
	if err != nil {
		return figures{}, err
	}
	var buf []byte
	m.time("encode state, V1", 15, func() (err error) {
		buf, err = d.AppendStateAsUpdate(buf[:0], nil)
		return err
	})
	m.time("encode state, V2", 15, func() (err error) {
		buf, err = d.AppendStateAsUpdateV2(buf[:0], nil)
		return err
	})
	const documents = 100
	m.time("load small document", 20, func() error {
		for range documents {
			if _, err := load(small); err != nil {
				return err
			}
		}
		return nil
	})
	m.Times["load small document"] /= documents
	m.time("merge 10,000 edits", 5, func() error {
		_, err := crdt.MergeUpdates(edits[:10000])
		return err
	})
	m.time("diff, half", 10, func() error {
		_, err := crdt.DiffUpdate(v1, vector)
		return err
	})
	m.time("state vector of update", 10, func() error {
		_, err := crdt.StateVectorFromUpdate(v1)
		return err
	})
	m.heap("heap, loaded", 8, v1)
	m.heap("heap, small document", 500, small)
	runtime.KeepAlive(updates) // its end must not be taken for memory that documents gave back
	return m.figures, m.err
}

// applyAll applies every edit for itself and compares the result with that of yjs.
func applyAll(edits [][]byte, want []byte) error {
	d := crdt.NewDoc(crdt.Options{})
	for _, e := range edits {
		if _, err := d.ApplyUpdate(e); err != nil {
			return err
		}
	}
	got, err := d.EncodeStateAsUpdate(nil)
	if err == nil && !bytes.Equal(got, want) {
		err = errors.New("the document is not that of yjs")
	}
	return err
}

// cpu is the CPU time that this process has used, in milliseconds.
func cpu() float64 {
	var r syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &r); err != nil {
		panic(err) // cannot happen: the arguments are right
	}
	return float64(r.Utime.Nano()+r.Stime.Nano()) / 1e6
}

func heapInUse() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

func print(yjs, ours figures) {
	fmt.Printf("%-24s %14s %14s %9s\n", "CPU time, ms", "yjs", "symphony", "ratio")
	for _, name := range []string{
		"load, V1", "load, V2", "apply every edit", "encode state, V1", "encode state, V2", "load small document",
		"merge 10,000 edits", "diff, half", "state vector of update",
	} {
		line(name, yjs.Times[name], ours.Times[name], 3)
	}
	fmt.Printf("%-24s %14s %14s %9s\n", "bytes", "yjs", "symphony", "ratio")
	for _, name := range []string{"heap, loaded", "heap, small document"} {
		line(name, yjs.Memory[name], ours.Memory[name], 0)
	}
}

func line(name string, yjs, ours float64, decimals int) {
	fmt.Printf("%-24s %14.*f %14.*f %8.1fx\n", name, decimals, yjs, decimals, ours, yjs/ours)
}
