package crdt

import (
	"bytes"
	"errors"
	"testing"

	"github.com/symphony-rtc/symphony/crdt/internal/wire"
)

func TestEmptyDocument(t *testing.T) {
	var d Doc
	if got := state(t, &d); !bytes.Equal(got, []byte{0, 0}) {
		t.Errorf("state of an empty document is %x", got)
	}
	if got := d.StateVector(); !bytes.Equal(got, []byte{0}) {
		t.Errorf("state vector of an empty document is %x", got)
	}
	if got := d.AppendJSON(nil); string(got) != "{}" {
		t.Errorf("JSON of an empty document is %s", got)
	}
	if a := apply(t, &d, []byte{0, 0}); a.Changed || a.Pending {
		t.Errorf("the empty update did %+v", a)
	}
}

func TestTypingMergesIntoOneStruct(t *testing.T) {
	d := NewDoc(Options{})
	apply(t, d, build().text(1, 0, place{root: "t"}, "h").bytes())
	for i, c := range "ello, wörld 😀" {
		clock := d.clients[1].state
		apply(t, d, build().text(1, clock, place{left: at(1, clock-1)}, string(c)).bytes())
		if n := d.Stats().Structs; n != 1 {
			t.Fatalf("%d structs after %d characters", n, i+2)
		}
	}
	if got := d.Text("t"); got != "hello, wörld 😀" {
		t.Errorf("text is %q", got)
	}
}

func TestConcurrentInsertsOrderByClient(t *testing.T) {
	a := build().text(1, 0, place{root: "t"}, "one").bytes()
	b := build().text(2, 0, place{root: "t"}, "two").bytes()
	for _, order := range [][][]byte{{a, b}, {b, a}} {
		d := NewDoc(Options{})
		for _, u := range order {
			apply(t, d, u)
		}
		if got := d.Text("t"); got != "onetwo" {
			t.Errorf("text is %q, want the lower client first", got)
		}
	}
}

func TestApplied(t *testing.T) {
	d := NewDoc(Options{})
	first := build().text(1, 0, place{root: "t"}, "ab").bytes()
	third := build().text(1, 4, place{left: at(1, 3)}, "ef").delete(1, 4, 1).bytes()
	second := build().text(1, 2, place{left: at(1, 1)}, "cd").bytes()
	for _, step := range []struct {
		what   string
		update []byte
		want   Applied
	}{
		{"first", first, Applied{Changed: true}},
		{"the same again", first, Applied{}},
		{"one that waits", third, Applied{Changed: true, Pending: true}},
		{"the same again", third, Applied{Pending: true}},
		{"what it waited for", second, Applied{Changed: true}},
		{"all again", third, Applied{}},
	} {
		if got := apply(t, d, step.update); got != step.want {
			t.Errorf("%s: %+v, want %+v", step.what, got, step.want)
		}
	}
	if got := d.Text("t"); got != "abcdf" {
		t.Errorf("text is %q", got)
	}
}

func TestErrorLeavesDocumentAsItWas(t *testing.T) {
	d := NewDoc(Options{})
	apply(t, d, sample())
	before, size := state(t, d), len(d.items)
	good := build().text(9, 0, place{root: "new root"}, "text").text(10, 0, place{left: at(11, 0), right: at(12, 5)}, "x").
		typ(13, 0, place{root: "t", key: key("new key")}, typeXMLElement).bytes()
	for n := range good {
		if _, err := d.ApplyUpdate(good[:n]); !errors.Is(err, ErrMalformed) {
			t.Fatalf("%d of %d bytes: error %v", n, len(good), err)
		}
		if err := d.checkInvariants(); err != nil {
			t.Fatalf("after %d of %d bytes: %v", n, len(good), err)
		}
		if !bytes.Equal(state(t, d), before) || len(d.items) != size {
			t.Fatalf("%d of %d bytes changed the document", n, len(good))
		}
	}
	for _, k := range []string{"new root", "new key", "P"} {
		if k != "P" && d.lookKey([]byte(k)) != 0 {
			t.Errorf("key %q of a refused update is still known", k)
		}
	}
	apply(t, d, good)
}

func TestSelfReferenceIsMalformed(t *testing.T) {
	for name, p := range map[string]place{
		"origin":       {left: at(1, 0)},
		"later origin": {left: at(1, 7)},
		"right origin": {right: at(1, 0)},
		"parent":       {in: at(1, 0)},
	} {
		if _, err := NewDoc(Options{}).ApplyUpdate(build().text(1, 0, p, "x").bytes()); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: error %v", name, err)
		}
	}
}

func TestLimits(t *testing.T) {
	clock := build().gc(1, 0, maxClock).bytes()
	if _, err := NewDoc(Options{}).ApplyUpdate(clock); err != nil {
		t.Errorf("clock at the limit: %v", err)
	}
	over := build().gc(1, 0, maxClock+1).bytes()
	if _, err := NewDoc(Options{}).ApplyUpdate(over); !errors.Is(err, ErrTooLarge) {
		t.Errorf("clock over the limit: %v", err)
	}
	d := NewDoc(Options{MaxSize: 2000})
	_, err := d.ApplyUpdate(build().text(1, 0, place{root: "t"}, string(make([]byte, 3000))).bytes())
	if !errors.Is(err, ErrTooLarge) || d.Stats().Structs != 0 {
		t.Errorf("size over the limit: %v, %+v", err, d.Stats())
	}
	d = NewDoc(Options{MaxClients: 2})
	b := build()
	for c := range uint64(3) {
		b.text(c, 0, place{root: "t"}, "x")
	}
	if _, err := d.ApplyUpdate(b.bytes()); !errors.Is(err, ErrTooLarge) {
		t.Errorf("too many clients: %v", err)
	}
	if err := d.checkInvariants(); err != nil {
		t.Error(err)
	}
}

func TestStateVectorErrors(t *testing.T) {
	d := NewDoc(Options{})
	apply(t, d, sample())
	for _, sv := range [][]byte{{1}, {1, 1}, {2, 1, 1}, {0x80}, {1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1}} {
		if _, err := d.EncodeStateAsUpdate(sv); !errors.Is(err, ErrMalformed) {
			t.Errorf("state vector %x: error %v", sv, err)
		}
	}
}

func TestSubdocs(t *testing.T) {
	d := NewDoc(Options{})
	apply(t, d, build().subdoc(1, 0, place{root: "m", key: key("a")}, "guid").subdoc(1, 1, place{root: "m", key: key("b")}, "other").bytes())
	if got := d.Subdocs(); len(got) != 2 {
		t.Fatalf("subdocuments %q", got)
	}
	apply(t, d, build().delete(1, 1, 1).bytes())
	if got := d.Subdocs(); len(got) != 1 || got[0] != "guid" {
		t.Errorf("subdocuments %q", got)
	}
}

func TestNoAllocationPerUpdate(t *testing.T) {
	d := NewDoc(Options{})
	apply(t, d, build().text(1, 0, place{root: "t"}, "abcdefghij").bytes())
	var updates [][]byte
	for i := range uint32(2000) {
		b := build().text(1, 10+i, place{left: at(1, 9+i)}, "x")
		if i%4 == 3 {
			b.delete(1, 8+i, 1)
		}
		updates = append(updates, b.bytes())
	}
	n := 0
	allocs := testing.AllocsPerRun(1500, func() {
		if _, err := d.ApplyUpdate(updates[n]); err != nil {
			t.Fatal(err)
		}
		n++
	})
	if allocs > 0 {
		t.Errorf("%v allocations per update", allocs)
	}
}

// sample is a document with some of everything.
func sample() []byte {
	b := build()
	b.text(1, 0, place{root: "text"}, "hello 😀 wörld")
	b.format(1, 14, place{left: at(1, 4), right: at(1, 5)}, "bold", "true")
	b.format(1, 15, place{left: at(1, 13)}, "bold", "null")
	b.embed(1, 16, place{left: at(1, 15)}, `{"image":"a.png"}`)
	b.any(2, 0, place{root: "list"}, 1, 2, 3, 4, 5)
	b.any(2, 5, place{root: "map", key: key("a")}, 1)
	b.any(2, 6, place{left: at(2, 5)}, 2)
	b.any(2, 7, place{root: "map", key: key("")}, 3)
	b.typ(1<<40, 0, place{root: "xml"}, typeXMLElement)
	b.typ(1<<40, 1, place{in: at(1<<40, 0)}, typeXMLText)
	b.text(1<<40, 2, place{in: at(1<<40, 1)}, "inside")
	b.text(1<<40, 8, place{in: at(1<<40, 0), key: key("href")}, "x")
	b.typ(1<<40, 9, place{left: at(1<<40, 0)}, typeMap)
	b.typ(1<<40, 10, place{in: at(1<<40, 9), key: key("nested")}, typeArray)
	b.any(1<<40, 11, place{in: at(1<<40, 10)}, 7, 8)
	b.subdoc(3, 0, place{left: at(2, 4)}, "guid")
	b.gc(4, 0, 3)
	b.delete(1<<40, 9, 1)
	b.delete(2, 1, 2)
	return b.bytes()
}

func TestCollectedTypeLeavesGCStructs(t *testing.T) {
	for _, keep := range []bool{false, true} {
		d := NewDoc(Options{KeepDeleted: keep})
		apply(t, d, sample())
		got := d.structs(1 << 40)
		last := got[len(got)-1]
		if keep != (last.Kind == wire.Any) {
			t.Errorf("keep deleted %v: the array in the deleted map is %v", keep, last.Kind)
		}
		if !keep && last.Kind != wire.GC {
			t.Errorf("the array in the deleted map is %v", last.Kind)
		}
	}
}

func TestChildOfCollectedTypeBecomesGC(t *testing.T) {
	d := NewDoc(Options{})
	apply(t, d, sample())
	apply(t, d, build().any(5, 0, place{in: at(1<<40, 10)}, 9).any(6, 0, place{left: at(1<<40, 11)}, 9).bytes())
	for _, c := range []uint64{5, 6} {
		if s := d.structs(c); len(s) != 1 || s[0].Kind != wire.GC {
			t.Errorf("client %d: %+v", c, s)
		}
	}
}

func TestSplitSurrogatePair(t *testing.T) {
	d := NewDoc(Options{})
	apply(t, d, build().text(1, 0, place{root: "t"}, "a😀b").bytes())
	apply(t, d, build().text(2, 0, place{left: at(1, 1), right: at(1, 2)}, "|").bytes())
	if got := d.Text("t"); got != "a\uFFFD|\uFFFDb" {
		t.Errorf("text is %q", got)
	}
}

func TestPartlyKnownStruct(t *testing.T) {
	d := NewDoc(Options{})
	apply(t, d, build().text(1, 0, place{root: "t"}, "abc").bytes())
	apply(t, d, build().text(1, 0, place{root: "t"}, "abcdef").bytes())
	if got := d.Text("t"); got != "abcdef" || d.Stats().Structs != 1 {
		t.Errorf("text is %q in %d structs", got, d.Stats().Structs)
	}
}

func TestIntegrateSurvivesManyConflicts(t *testing.T) {
	d := NewDoc(Options{})
	apply(t, d, build().text(1, 0, place{root: "t"}, "[]").bytes())
	want := "["
	for c := range uint64(200) {
		apply(t, d, build().text(1000-c, 0, place{left: at(1, 0), right: at(1, 1)}, "x").text(1000-c, 1, place{left: at(1000-c, 0), right: at(1, 1)}, "y").bytes())
		want += "xy"
	}
	if got := d.Text("t"); got != want+"]" {
		t.Errorf("text is %q", got)
	}
}
