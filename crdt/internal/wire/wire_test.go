package wire

import (
	"bytes"
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/symphony-rtc/symphony/crdt/lib0"
)

// column9 is a V2 update of nine columns and the rest.
func column9(columns [9][]byte, rest ...byte) []byte {
	b := []byte{0}
	for _, c := range columns {
		b = lib0.AppendBytes(b, c)
	}
	return append(b, rest...)
}

func TestMalformedUpdatesSayWhatAndWhere(t *testing.T) {
	manyNested := func(structs uint64) []byte { // arrays within arrays, all of it run-length encoded
		rest := lib0.AppendUvarint([]byte{1}, structs)
		return column9([9][]byte{
			1: {0x45, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01}, // client 5 for ever
			2: {0x01, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01},
			4: {0x87},
			5: {0},
			7: {0x40, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01},
		}, append(rest, 0, 0)...)
	}
	for _, c := range []struct {
		name   string
		v      Version
		update []byte
		want   string // of the error; empty: none
	}{
		{"empty", V1, nil, "number of clients: ends too early or is above 2^53-1 at byte 0"},
		{"more clients than bytes", V1, []byte{9, 0}, "number of clients: more than the update has room for"},
		{"more structs than bytes", V1, []byte{1, 0xff, 0xff, 3, 1, 0, 0, 1}, "number of structs: more than the update has room for"},
		{"no delete set", V1, []byte{0}, "number of clients in the delete set"},
		{"trailing bytes are ignored", V1, []byte{0, 0, 1, 2, 3}, ""},
		{"GC with flags is a GC", V1, []byte{1, 1, 1, 0, 0xe0, 1, 0}, ""},
		{"GC of length 0", V1, []byte{1, 1, 1, 0, 0, 0, 0}, "struct: of length 0"},
		{"Skip with flags", V1, []byte{1, 1, 1, 0, 0x8a, 1, 0}, "struct: a Skip with flags"},
		{"kind 11", V1, []byte{1, 1, 1, 0, 0x8b, 1, 0, 0}, "struct: unknown kind of content"},
		{"type ref 7", V1, []byte{1, 1, 1, 0, 0x87, 1, 0, 7, 0}, "kind of type: unknown"},
		{"text not UTF-8", V1, []byte{1, 1, 1, 1, 0x84, 1, 0, 1, 0xff, 0}, "text: not UTF-8 at byte 7"},
		{"surrogate in V1", V1, []byte{1, 1, 1, 1, 0x84, 1, 0, 3, 0xed, 0xa0, 0xbd, 0}, "text: not UTF-8"},
		{"empty text", V1, []byte{1, 1, 1, 1, 0x84, 1, 0, 0, 0}, "struct: of length 0"},
		{"bad JSON", V1, []byte{1, 1, 1, 1, 0x85, 1, 0, 1, 'x', 0}, "JSON value: JSON: no value"},
		{"bad any", V1, []byte{1, 1, 1, 1, 0x88, 1, 0, 1, 3, 0}, "value: value: unknown tag at byte 0 of what begins at byte 8"},
		{"clock 2^32", V1, []byte{1, 1, 1, 0x80, 0x80, 0x80, 0x80, 0x10, 0, 1, 0}, "clock: 2^32 or more"},
		{"clock runs over 2^32", V1, []byte{1, 1, 1, 0xff, 0xff, 0xff, 0xff, 0x0f, 0, 1, 0}, "struct: clock reaches 2^32"},
		{"client 2^53", V1, []byte{1, 1, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x10, 0, 0, 1, 0}, "client: ends too early or is above 2^53-1 at byte 2"},
		{"empty deleted range", V1, []byte{0, 1, 1, 1, 5, 0}, "deleted range: of length 0"},
		{"subdocument without options", V1, []byte{1, 1, 1, 1, 0x89, 1, 0, 1, 'g', 126, 0}, "options of a subdocument: none at byte 9"},
		{"V2 without columns", V2, []byte{0, 0, 0}, "column of left clocks"},
		{"V2 nested arrays", V2, manyNested(1_000_000), ""},
		{"V2 more nested arrays than the limit", V2, manyNested(1 << 40), "number of structs: over the limit"},
		{"V2 column ends", V2, column9([9][]byte{1: {5}, 5: {0}}, 1, 1, 0, 0), "info of a struct: column ends too early"},
		{"V2 negative clock", V2, column9([9][]byte{1: {5, 5}, 2: {0x42}, 4: {0x84}, 5: {1, 'x', 1}}, 1, 1, 0, 0), "origin: clock is negative"},
		{"V2 string past its column", V2, column9([9][]byte{1: {5, 5}, 2: {0}, 4: {0x84}, 5: {1, 'x', 2}}, 1, 1, 0, 0), "text: column of strings ends too early"},
	} {
		_, err := Scan(c.update, c.v)
		switch {
		case c.want == "" && err != nil:
			t.Errorf("%s: %v", c.name, err)
		case c.want != "" && !errors.Is(err, ErrMalformed):
			t.Errorf("%s: error %v, want %q", c.name, err, c.want)
		case c.want != "" && !strings.Contains(err.Error(), c.want):
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
	}
}

func TestEveryPrefixIsMalformed(t *testing.T) {
	for _, v := range readVectors(t, "testdata/yjs.jsonl")[:400] {
		for _, in := range v.In {
			update := unhex(t, in)
			for n := range update {
				if _, err := Scan(update[:n:n], v.V); !errors.Is(err, ErrMalformed) {
					t.Fatalf("%x: %v", update[:n], err)
				}
			}
		}
	}
}

func TestDecodingAndEncodingDoNotAllocate(t *testing.T) {
	update := []byte{1, 1, 0xd2, 0x85, 0xd8, 0xcc, 4, 100, 0x84, 0xd2, 0x85, 0xd8, 0xcc, 4, 99, 1, 'x', 1, 7, 1, 3, 2}
	v2, err := Convert(update, V1, V2)
	if err != nil {
		t.Fatal(err)
	}
	for v, update := range map[Version][]byte{V1: update, V2: v2} {
		var d Decoder
		var e Encoder
		var s Struct
		out := make([]byte, 0, 256)
		allocs := testing.AllocsPerRun(100, func() {
			if err := d.Reset(update, v); err != nil {
				t.Fatal(err)
			}
			e.Reset(v)
			client, clock, _, _ := d.NextBlock()
			if err := d.Next(&s); err != nil {
				t.Fatal(err)
			}
			e.Block(client, clock)
			e.Struct(&s, 0)
			client, _, _ = d.NextDeleteClient()
			at, n, _ := d.NextRange()
			e.DeleteClient(client)
			e.DeleteRange(at, n)
			out, _ = e.Bytes(out[:0])
		})
		if allocs != 0 || !bytes.Equal(out, update) {
			t.Errorf("V%d: %v allocations, wrote %x of %x", v, allocs, out, update)
		}
	}
}

// TestHalfOfASurrogatePair: writing a text from the middle of a character leaves its second half, which V1 replaces by
// U+FFFD; slicing it in a merge replaces it in both versions.
func TestHalfOfASurrogatePair(t *testing.T) {
	s := Struct{Kind: String, Info: HasOrigin, ID: ID{7, 10}, Len: 4, Origin: ID{7, 9}, Content: Content{Data: []byte("a\U0001F600b")}}
	var e Encoder
	e.Reset(V1)
	e.Block(7, 12)
	e.Struct(&s, 2)
	got, err := e.Bytes(nil)
	if want := []byte("\x01\x01\x07\x0c\x84\x07\x0b\x04\uFFFDb\x00"); err != nil || !bytes.Equal(got, want) {
		t.Errorf("written %x, want %x, %v", got, want, err)
	}
	for n, want := range map[uint32]string{1: "\U0001F600b", 2: "\uFFFDb", 3: "b"} {
		if right := s.after(n); string(right.Data) != want || right.Len != 4-n || right.Origin != (ID{7, 9 + n}) {
			t.Errorf("after %d: %q %+v", n, right.Data, right)
		}
	}
	lone := s
	lone.Data = append(lib0.AppendSurrogates(nil, []byte("\U0001F600"), true, false), "\U0001F600x"...)
	if right := lone.after(1); string(lib0.AppendText(nil, right.Data)) != "\uFFFD\uFFFDx" {
		t.Errorf("after a lone high surrogate: %x", right.Data)
	}
}

func TestValuesWithoutV1FormAreRefused(t *testing.T) {
	for name, value := range map[string]any{"bigint": int64(5), "undefined": lib0.Undefined{}} {
		data, err := lib0.AppendAny(nil, value)
		if err != nil {
			t.Fatal(err)
		}
		s := Struct{Kind: Embed, Info: HasOrigin, Len: 1, Content: Content{Data: data}}
		var e Encoder
		e.Reset(V2)
		e.Block(1, 0)
		e.Struct(&s, 0)
		update, err := e.Bytes(nil)
		if err != nil {
			t.Fatal(err)
		}
		if out, err := Convert(update, V2, V1); !errors.Is(err, ErrUnencodable) || errors.Is(err, ErrMalformed) {
			t.Errorf("%s: %x, %v", name, out, err)
		}
		if _, err := Convert(update, V2, V2); err != nil {
			t.Errorf("%s in V2: %v", name, err)
		}
	}
}

func TestStateVectorRoundTrip(t *testing.T) {
	sv := map[uint64]uint32{0: 1, 5: math.MaxUint32, lib0.MaxSafeInteger: 7}
	got, err := DecodeStateVector(AppendStateVector(nil, sv))
	if err != nil || len(got) != 3 || got[5] != math.MaxUint32 || got[lib0.MaxSafeInteger] != 7 {
		t.Errorf("%v, %v", got, err)
	}
	for _, bad := range [][]byte{nil, {1}, {1, 1}, {0xff, 0xff, 3, 1, 1}, {1, 1, 0x80, 0x80, 0x80, 0x80, 0x10}} {
		if sv, err := DecodeStateVector(bad); !errors.Is(err, ErrMalformed) {
			t.Errorf("%x: %v, %v", bad, sv, err)
		}
	}
}

// TestMergeOfManyIsNotQuadratic merges so many single-struct updates in an unfavourable order that anything quadratic
// in their number would not end within the test's time limit.
func TestMergeOfManyIsNotQuadratic(t *testing.T) {
	const n = 200_000
	updates := make([][]byte, n)
	for i := range updates {
		clock := uint32((uint64(i) * 7919) % n)
		var e Encoder
		e.Reset(V1)
		e.Block(1, clock)
		e.Struct(&Struct{Kind: String, Info: HasOrigin, ID: ID{1, clock}, Len: 1, Origin: ID{2, clock}, Content: Content{Data: []byte{'x'}}}, 0)
		updates[i], _ = e.Bytes(nil)
	}
	start := time.Now()
	merged, err := Merge(updates, V1)
	if err != nil {
		t.Fatal(err)
	}
	if sum, err := Scan(merged, V1); err != nil || sum.Structs != n || sum.Units != n {
		t.Errorf("%+v, %v", sum, err)
	}
	t.Log(n, "updates merged in", time.Since(start))
}
