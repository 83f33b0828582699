package journal

import (
	"bytes"
	"testing"
)

func testBlock(updates ...string) *Block {
	b := &Block{Room: &Room{Num: 7, Epoch: 3}, First: 10, Data: make([]byte, BlockHeader)}
	for _, u := range updates {
		b.add([]byte(u))
	}
	b.Seal(5, 1234)
	return b
}

func TestBlockRoundTrip(t *testing.T) {
	b := testBlock("one", "", "three")
	info, err := ParseBlock(b.Data)
	if want := (Info{N: 5, Room: 7, Epoch: 3, First: 10, Last: 12, Millis: 1234}); err != nil || info != want {
		t.Fatalf("%+v, %v", info, err)
	}
	for through, want := range map[uint64][]string{0: {"one", "", "three"}, 9: {"one", "", "three"}, 10: {"", "three"}, 11: {"three"}, 12: {}} {
		got, err := AppendUpdates(nil, b.Data, info, through)
		if err != nil || len(got) != len(want) {
			t.Fatalf("after %d: %q, %v", through, got, err)
		}
		for i := range want {
			if string(got[i]) != want[i] {
				t.Fatalf("after %d: %q", through, got)
			}
		}
	}
	for i := range b.Data {
		bad := bytes.Clone(b.Data)
		bad[i] ^= 1
		if _, err := ParseBlock(bad); err == nil {
			t.Fatalf("byte %d changed and not noticed", i)
		}
	}
}

// FuzzBlock parses any bytes behind a right checksum: no panic, no memory beyond the input's.
func FuzzBlock(f *testing.F) {
	f.Add(testBlock("one", "", "three").Data)
	f.Add(testBlock("").Data[:BlockHeader])
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) < BlockHeader {
			if _, err := ParseBlock(data); err == nil {
				t.Fatal("accepted less than a header")
			}
			return
		}
		sealSum(data)
		info, err := ParseBlock(data)
		if err != nil {
			return
		}
		updates, err := AppendUpdates(nil, data, info, 0)
		if err == nil && uint64(len(updates)) != info.Last-info.First+1 {
			t.Fatalf("%d updates, the header says %d to %d", len(updates), info.First, info.Last)
		}
	})
}
