package crdt

import (
	"bytes"
	"encoding/json"
	"testing"
)

// FuzzApplyUpdate feeds any bytes to a document with content: it never panics, an error leaves every byte of the document
// as it was, and whatever is accepted leaves a document that holds together, can be written, read again and shown.
func FuzzApplyUpdate(f *testing.F) {
	base := sample()
	pending := build().text(1, 30, place{left: at(1, 29)}, "late").text(8, 0, place{left: at(1, 31), right: at(9, 2)}, "later").delete(8, 2, 9).bytes()
	f.Add(base)
	f.Add(pending)
	f.Add(build().text(1, 17, place{left: at(1, 16), right: at(2, 3)}, "crossing").delete(1, 0, 30).bytes())
	f.Add(build().text(5, 0, place{left: at(1, 6), right: at(1, 7)}, "|").typ(5, 1, place{in: at(5, 0)}, typeMap).bytes())
	f.Add(build().any(1<<40, 12, place{left: at(2, 6)}, 1, 2, 3).delete(1<<40, 0, 13).bytes())
	if v2, err := ConvertUpdateFormatV1ToV2(base); err == nil {
		f.Add(v2)
	}
	f.Fuzz(func(t *testing.T, update []byte) {
		for _, keep := range []bool{false, true} {
			for _, v2 := range []bool{false, true} {
				d := NewDoc(Options{KeepDeleted: keep, MaxSize: 1 << 22})
				apply(t, d, base)
				apply(t, d, pending)
				tryUpdate(t, d, update, v2)
			}
		}
	})
}

func tryUpdate(t *testing.T, d *Doc, update []byte, v2 bool) {
	before, err := d.EncodeStateAsUpdateV2(nil)
	if err != nil {
		t.Fatal(err)
	}
	given := bytes.Clone(update)
	if v2 {
		_, err = d.ApplyUpdateV2(update)
	} else {
		_, err = d.ApplyUpdate(update)
	}
	if !bytes.Equal(given, update) {
		t.Fatal("the update was written to")
	}
	if bad := d.checkInvariants(); bad != nil {
		t.Fatalf("apply gave %v; after it: %v", err, bad)
	}
	after, encodeErr := d.EncodeStateAsUpdateV2(nil)
	if encodeErr != nil {
		t.Fatalf("encode: %v", encodeErr)
	}
	if err != nil {
		if !bytes.Equal(before, after) {
			t.Fatalf("refused with %v, but the document changed:\n%x\n%x", err, before, after)
		}
		return
	}
	if js := d.AppendJSON(nil); !json.Valid(js) {
		t.Fatalf("not JSON: %s", js)
	}
	for _, name := range d.Roots() {
		for _, js := range [][]byte{d.Delta(name), d.MapJSON(name), d.ArrayJSON(name)} {
			if !json.Valid(js) {
				t.Fatalf("root %q: not JSON: %s", name, js)
			}
		}
		_, _ = d.Text(name), d.XML(name)
	}
	again := NewDoc(Options{KeepDeleted: d.keepDeleted})
	if _, err := again.ApplyUpdateV2(after); err != nil {
		t.Fatalf("its own state is refused: %v", err)
	}
	if err := again.checkInvariants(); err != nil {
		t.Fatalf("read again: %v", err)
	}
}
