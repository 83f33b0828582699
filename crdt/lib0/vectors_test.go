package lib0

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"encoding/json"
	"os"
	"testing"
)

// TestLib0Vectors compares the treatment of values with lib0 0.2.120 and V8's JSON, byte by byte. The file is written by
// test/node/wire-vectors.mjs; SYMPHONY_LIB0_VECTORS names another one.
func TestLib0Vectors(t *testing.T) {
	path := "testdata/lib0.jsonl"
	if other := os.Getenv("SYMPHONY_LIB0_VECTORS"); other != "" {
		path = other
	}
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<24)
	n := 0
	for ; lines.Scan(); n++ {
		var v struct {
			Op  string
			In  []string
			Out *string
		}
		if err := json.Unmarshal(lines.Bytes(), &v); err != nil {
			t.Fatal(err)
		}
		in, _ := hex.DecodeString(v.In[0])
		var got []byte
		switch v.Op {
		case "any":
			size, canonical, scanErr := ScanAny(in)
			if got, err = CanonicalAny(nil, in); (scanErr == nil && size == len(in)) != (err == nil) {
				t.Errorf("%s: ScanAny says %d, %v, CanonicalAny %v", v.In, size, scanErr, err)
			}
			if canonical && !bytes.Equal(got, in) {
				t.Errorf("%s: canonical by ScanAny, CanonicalAny makes %x of it", v.In, got)
			}
		case "anyToJSON":
			got, err = AnyToJSON(nil, in)
		case "json":
			got, _, _, err = CanonicalJSON(nil, in)
		case "jsonToAny":
			got, err = JSONToAny(nil, in)
		}
		switch {
		case (v.Out == nil) != (err != nil):
			t.Errorf("%s of %s (%q): error %v, lib0 gives %v", v.Op, v.In, in, err, v.Out)
		case v.Out != nil && hex.EncodeToString(got) != *v.Out:
			t.Errorf("%s of %s (%q):\n got %x %q\nwant %s", v.Op, v.In, in, got, got, *v.Out)
		}
	}
	if n < 100 {
		t.Errorf("only %d vectors", n)
	}
}
