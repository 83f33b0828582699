package wire

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"os"
	"testing"
)

// vector is one line of what yjs answers, written by test/node/wire-vectors.mjs.
type vector struct {
	Op  string   `json:"op"`
	V   Version  `json:"v"`
	In  []string `json:"in"`
	SV  string   `json:"sv"`
	Out *string  `json:"out"` // nil: yjs threw
}

func (v vector) run(t testing.TB) ([]byte, error) {
	in := make([][]byte, len(v.In))
	for i := range in {
		in[i] = unhex(t, v.In[i])
	}
	switch v.Op {
	case "merge":
		return Merge(in, v.V)
	case "rewrite":
		empty := []byte{0, 0}
		if v.V == V2 {
			empty = []byte{0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0}
		}
		return Merge([][]byte{in[0], empty}, v.V)
	case "sv":
		return StateVector(in[0], v.V)
	case "convert":
		return Convert(in[0], v.V, 3-v.V)
	case "diff":
		return Diff(in[0], unhex(t, v.SV), v.V)
	}
	t.Fatalf("unknown operation %q", v.Op)
	return nil, nil
}

func unhex(t testing.TB, s string) []byte {
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func readVectors(t testing.TB, path string) (all []vector) {
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<26)
	for lines.Scan() {
		var v vector
		if err := json.Unmarshal(lines.Bytes(), &v); err != nil {
			t.Fatal(err)
		}
		all = append(all, v)
	}
	if lines.Err() != nil || len(all) == 0 {
		t.Fatalf("no vectors in %s: %v", path, lines.Err())
	}
	return all
}

// TestYjsVectors compares the update-level functions with yjs 13.6.33, byte by byte. SYMPHONY_WIRE_VECTORS names a
// further file of vectors.
func TestYjsVectors(t *testing.T) {
	all := append(readVectors(t, "testdata/yjs.jsonl"), readVectors(t, "testdata/synthetic.jsonl")...)
	if path := os.Getenv("SYMPHONY_WIRE_VECTORS"); path != "" {
		all = append(all, readVectors(t, path)...)
	}
	for i, v := range all {
		got, err := v.run(t)
		switch {
		case v.Out == nil && err == nil:
			t.Errorf("line %d: %s V%d of %v: yjs throws, got %x", i+1, v.Op, v.V, v.In, got)
		case v.Out == nil && !errors.Is(err, ErrMalformed) && !errors.Is(err, ErrUnencodable):
			t.Errorf("line %d: %s V%d of %v: untyped error %v", i+1, v.Op, v.V, v.In, err)
		case v.Out != nil && err != nil:
			t.Errorf("line %d: %s V%d of %v: %v", i+1, v.Op, v.V, v.In, err)
		case v.Out != nil && !bytes.Equal(got, unhex(t, *v.Out)):
			t.Errorf("line %d: %s V%d of %v sv %s:\n got %x\nwant %s", i+1, v.Op, v.V, v.In, v.SV, got, *v.Out)
		}
	}
}
