package crdt

import (
	"bytes"
	"testing"

	"github.com/symphony-rtc/symphony/crdt/internal/wire"
)

// The tests of this file are cases in which the engine once differed from yjs, as the differential tests (test/oracle)
// found them, reduced.

// TestKnownHalfOfPairSplitsIt is about an update that says again what is known, but cut between two surrogates.
func TestKnownHalfOfPairSplitsIt(t *testing.T) {
	d := NewDoc(Options{})
	apply(t, d, build().text(3, 0, place{root: "t"}, "a😀").bytes())
	if a := apply(t, d, build().text(3, 2, place{left: at(3, 1)}, "\uFFFD").bytes()); a.Changed {
		t.Errorf("%+v", a)
	}
	if got := d.Text("t"); got != "a\uFFFD\uFFFD" || d.Stats().Structs != 1 {
		t.Errorf("text is %q in %d structs", got, d.Stats().Structs)
	}
}

// TestKnownAsGCSplitsPair is about a struct that came as GC first, from a replica that had collected it.
func TestKnownAsGCSplitsPair(t *testing.T) {
	d := NewDoc(Options{KeepDeleted: true})
	apply(t, d, build().text(1, 0, place{root: "t"}, "😀").gc(1, 2, 3).bytes())
	apply(t, d, build().text(1, 2, place{left: at(1, 0), right: at(1, 1)}, "abc").bytes())
	if got := d.Text("t"); got != "\uFFFD\uFFFD" {
		t.Errorf("text is %q", got)
	}
}

// TestKnownAsGCWaits: the struct that came as GC is known, what it stands beside is not.
func TestKnownAsGCWaits(t *testing.T) {
	d := NewDoc(Options{})
	apply(t, d, build().gc(1, 0, 3).bytes())
	a := apply(t, d, build().text(1, 0, place{left: at(2, 5)}, "abc").text(1, 3, place{left: at(1, 2)}, "d").bytes())
	if !a.Pending {
		t.Fatalf("%+v", a)
	}
	var dec wire.Decoder
	if err := dec.Reset(d.pending.update, wire.V2); err != nil {
		t.Fatal(err)
	}
	if client, clock, n, _ := dec.NextBlock(); client != 1 || clock != 0 || n != 2 {
		t.Errorf("%d structs of client %d from %d on are pending, want 2 of 1 from 0 on", n, client, clock)
	}
}

func binaryValue(b *builder, clock uint32, k string, data []byte) {
	s := wire.Struct{Kind: wire.Binary, Len: 1}
	s.Data = data
	place{root: "m", key: &k}.apply(&s)
	b.add(1, clock, s)
}

// TestBinaryThatLooksUndefined: 127 is undefined in values, and a byte like any other in binary content.
func TestBinaryThatLooksUndefined(t *testing.T) {
	b := build()
	binaryValue(b, 0, "a", []byte{127, 148})
	d := NewDoc(Options{})
	apply(t, d, b.bytes())
	if got := string(d.MapJSON("m")); got != `{"a":{"0":127,"1":148}}` {
		t.Error(got)
	}
}

// TestEmptyContentHasNoPlace: the arena shrinks below the offset that empty content was given.
func TestEmptyContentHasNoPlace(t *testing.T) {
	d := NewDoc(Options{})
	b := build()
	binaryValue(b, 0, "long", bytes.Repeat([]byte{1}, 100))
	binaryValue(b, 1, "empty", nil)
	apply(t, d, b.bytes())
	apply(t, d, build().delete(1, 0, 1).bytes())
	if got := string(d.MapJSON("m")); got != `{"empty":{}}` {
		t.Error(got)
	}
	state(t, d)
}
