package wire

import (
	"bytes"
	"errors"
	"testing"
)

// repeatsClient reports whether two blocks of one client follow each other. Yjs joins such blocks when it rewrites an
// update, with new clocks for the second, so rewriting is then no fixpoint. No Yjs writes them.
func repeatsClient(update []byte, v Version) bool {
	var d Decoder
	d.Reset(update, v)
	for last, first := uint64(0), true; ; first = false {
		client, _, _, ok := d.NextBlock()
		if !ok {
			return false
		}
		if client == last && !first {
			return true
		}
		last = client
	}
}

// FuzzUpdate: any bytes are an update or ErrMalformed; what is an update survives everything one can do with it, and
// written again it stays what it is.
func FuzzUpdate(f *testing.F) {
	for i, v := range readVectors(f, "testdata/yjs.jsonl") {
		if i%7 == 0 && len(v.In) > 0 {
			f.Add(unhex(f, v.In[0]), v.V == V2)
		}
	}
	f.Fuzz(func(t *testing.T, update []byte, isV2 bool) {
		v := V1
		if isV2 {
			v = V2
		}
		sum, err := Scan(update, v)
		if err != nil {
			if !errors.Is(err, ErrMalformed) {
				t.Fatal("untyped error", err)
			}
			for _, op := range []func() ([]byte, error){
				func() ([]byte, error) { return Convert(update, v, 3-v) },
				func() ([]byte, error) { return Merge([][]byte{update, update}, v) },
				func() ([]byte, error) { return Diff(update, []byte{0}, v) },
			} {
				if _, err := op(); err == nil {
					t.Fatal("Scan refuses what another function takes")
				}
			}
			return
		}
		if sum.Structs > 10_000 || repeatsClient(update, v) {
			return
		}
		if _, err := StateVector(update, v); err != nil {
			t.Fatal(err)
		}
		once, err := Convert(update, v, v)
		if err != nil {
			if errors.Is(err, ErrUnencodable) {
				return
			}
			t.Fatal(err)
		}
		if twice, err := Convert(once, v, v); err != nil || !bytes.Equal(once, twice) {
			t.Fatalf("rewritten: %x\n again: %x, %v", once, twice, err)
		}
		if all, err := Diff(update, []byte{0}, v); err != nil {
			t.Fatalf("%x, %v", all, err)
		}
		merged, err := Merge([][]byte{update, once}, v)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := Scan(merged, v); err != nil {
			t.Fatalf("merged to %x: %v", merged, err)
		}
		other, err := Convert(update, v, 3-v)
		if err != nil {
			if errors.Is(err, ErrUnencodable) && v == V2 {
				return
			}
			t.Fatal(err)
		}
		if got, err := Scan(other, 3-v); err != nil || got.Structs != sum.Structs || got.Units != sum.Units {
			t.Fatalf("converted to %x: %+v instead of %+v, %v", other, got, sum, err)
		}
	})
}

// FuzzStateVector: any bytes are a state vector or ErrMalformed; written again it reads the same.
func FuzzStateVector(f *testing.F) {
	f.Add([]byte{2, 5, 1, 0xff, 0xff, 0xff, 0xff, 0x0f, 7})
	f.Fuzz(func(t *testing.T, b []byte) {
		sv, err := DecodeStateVector(b)
		if err != nil {
			if !errors.Is(err, ErrMalformed) {
				t.Fatal("untyped error", err)
			}
			return
		}
		again, err := DecodeStateVector(AppendStateVector(nil, sv))
		if err != nil || len(again) != len(sv) {
			t.Fatalf("%v becomes %v, %v", sv, again, err)
		}
		for client, clock := range sv {
			if again[client] != clock {
				t.Fatalf("%v becomes %v", sv, again)
			}
		}
	})
}
