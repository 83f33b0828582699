package crdt

import (
	"bytes"
	"errors"
	"maps"
	"testing"
)

// Updates of yjs 13.6.33: client 7 types "ab" into the root text "t", then "c" after it and deletes "a".
var (
	typedAB  = []byte{1, 1, 7, 0, 0x04, 1, 1, 't', 2, 'a', 'b', 0}
	typedC   = []byte{1, 1, 7, 2, 0x84, 7, 1, 1, 'c', 1, 7, 1, 0, 1}
	together = []byte{1, 2, 7, 0, 0x04, 1, 1, 't', 2, 'a', 'b', 0x84, 7, 1, 1, 'c', 1, 7, 1, 0, 1}
)

func TestMergeAndDiffUpdates(t *testing.T) {
	for _, updates := range [][][]byte{{typedAB, typedC}, {typedC, typedAB}, {typedC, typedAB, typedC, together}} {
		if got, err := MergeUpdates(updates); err != nil || !bytes.Equal(got, together) {
			t.Errorf("merge of %x: %x, %v", updates, got, err)
		}
	}
	sv, err := StateVectorFromUpdate(typedAB)
	if err != nil || !bytes.Equal(sv, StateVector{7: 2}.Encode()) {
		t.Errorf("state vector %x, %v", sv, err)
	}
	if got, err := DiffUpdate(together, sv); err != nil || !bytes.Equal(got, typedC) {
		t.Errorf("diff: %x, %v", got, err)
	}
	if sv, err = StateVectorFromUpdate(typedC); err != nil || !bytes.Equal(sv, []byte{0}) {
		t.Errorf("state vector of an update with a gap before it: %x, %v", sv, err)
	}
}

func TestUpdatesInV2(t *testing.T) {
	var v2 [3][]byte
	for i, update := range [][]byte{typedAB, typedC, together} {
		var err error
		if v2[i], err = ConvertUpdateFormatV1ToV2(update); err != nil {
			t.Fatal(err)
		}
		if back, err := ConvertUpdateFormatV2ToV1(v2[i]); err != nil || !bytes.Equal(back, update) {
			t.Errorf("there and back: %x, %v", back, err)
		}
	}
	if got, err := MergeUpdatesV2(v2[:2]); err != nil || !bytes.Equal(got, v2[2]) {
		t.Errorf("merge: %x, want %x, %v", got, v2[2], err)
	}
	if got, err := DiffUpdateV2(v2[2], StateVector{7: 2}.Encode()); err != nil || !bytes.Equal(got, v2[1]) {
		t.Errorf("diff: %x, want %x, %v", got, v2[1], err)
	}
	if sv, err := StateVectorFromUpdateV2(v2[2]); err != nil || !bytes.Equal(sv, StateVector{7: 3}.Encode()) {
		t.Errorf("state vector: %x, %v", sv, err)
	}
}

func TestOneUpdateIsMergedUnread(t *testing.T) {
	if got, err := MergeUpdates([][]byte{[]byte("anything")}); err != nil || string(got) != "anything" {
		t.Errorf("%q, %v", got, err)
	}
	if got, err := MergeUpdates(nil); err != nil || !UpdateIsEmpty(got) {
		t.Errorf("of nothing: %x, %v", got, err)
	}
	if got, err := MergeUpdatesV2(nil); err != nil || !UpdateIsEmptyV2(got) {
		t.Errorf("of nothing in V2: %x, %v", got, err)
	}
}

func TestUpdateIsEmpty(t *testing.T) {
	for _, c := range []struct {
		update []byte
		want   bool
	}{{[]byte{0, 0}, true}, {typedAB, false}, {[]byte{0, 1, 7, 1, 0, 1}, false}, {[]byte{0}, false}, {nil, false}} {
		if got := UpdateIsEmpty(c.update); got != c.want {
			t.Errorf("%x: %t", c.update, got)
		}
	}
}

func TestMalformedUpdates(t *testing.T) {
	bad := together[:len(together)-1]
	_, merge := MergeUpdates([][]byte{typedAB, bad})
	_, diff := DiffUpdate(bad, []byte{0})
	_, diffSV := DiffUpdate(together, []byte{1, 7})
	_, convert := ConvertUpdateFormatV1ToV2(bad)
	_, vector := StateVectorFromUpdate(bad[:10])
	_, decode := DecodeStateVector([]byte{1, 7})
	for name, err := range map[string]error{"merge": merge, "diff": diff, "diff by a bad state vector": diffSV, "convert": convert,
		"state vector of": vector, "decode state vector": decode, "validate": ValidateUpdate(bad), "validate as V2": ValidateUpdateV2(together)} {
		if !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := ValidateUpdate(together); err != nil {
		t.Error(err)
	}
}

func TestStateVectorEncoding(t *testing.T) {
	sv := StateVector{1: 2, 1 << 40: 3, 300: 1<<32 - 1}
	b := sv.Encode()
	if want := []byte{3, 0x80, 0x80, 0x80, 0x80, 0x80, 0x20, 3, 0xac, 2, 0xff, 0xff, 0xff, 0xff, 0xf, 1, 2}; !bytes.Equal(b, want) {
		t.Errorf("%x, want %x", b, want)
	}
	if got, err := DecodeStateVector(b); err != nil || !maps.Equal(got, sv) {
		t.Errorf("%v, %v", got, err)
	}
}
