package sqlite

import (
	"bytes"
	"testing"
)

func testBlock(updates ...string) *block {
	b := &block{claim: &claim{num: 7, epoch: 3}, first: 10, data: make([]byte, blockHeader)}
	for _, u := range updates {
		b.add([]byte(u))
	}
	b.seal(5, 1234)
	return b
}

func TestBlockRoundTrip(t *testing.T) {
	b := testBlock("one", "", "three")
	info, err := parseBlock(b.data)
	if want := (blockInfo{n: 5, room: 7, epoch: 3, first: 10, last: 12, millis: 1234}); err != nil || info != want {
		t.Fatalf("%+v, %v", info, err)
	}
	for through, want := range map[uint64][]string{0: {"one", "", "three"}, 9: {"one", "", "three"}, 10: {"", "three"}, 11: {"three"}, 12: {}} {
		got, err := appendUpdates(nil, b.data, info, through)
		if err != nil || len(got) != len(want) {
			t.Fatalf("after %d: %q, %v", through, got, err)
		}
		for i := range want {
			if string(got[i]) != want[i] {
				t.Fatalf("after %d: %q", through, got)
			}
		}
	}
	for i := range b.data {
		bad := bytes.Clone(b.data)
		bad[i] ^= 1
		if _, err := parseBlock(bad); err == nil {
			t.Fatalf("byte %d changed and not noticed", i)
		}
	}
}

// FuzzBlock parses any bytes behind a right checksum: no panic, no memory beyond the input's.
func FuzzBlock(f *testing.F) {
	f.Add(testBlock("one", "", "three").data)
	f.Add(testBlock("").data[:blockHeader])
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) < blockHeader {
			if _, err := parseBlock(data); err == nil {
				t.Fatal("accepted less than a header")
			}
			return
		}
		sealSum(data)
		info, err := parseBlock(data)
		if err != nil {
			return
		}
		updates, err := appendUpdates(nil, data, info, 0)
		if err == nil && uint64(len(updates)) != info.last-info.first+1 {
			t.Fatalf("%d updates, the header says %d to %d", len(updates), info.first, info.last)
		}
	})
}
