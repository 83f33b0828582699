package crdt

import (
	"bytes"
	"testing"
)

func TestArenaJoin(t *testing.T) {
	var a arena
	one := a.put([]byte("one"))
	two := a.put([]byte("two"))
	if off := a.join(one, 3, two, 3); off != one {
		t.Errorf("neighbours moved to %d", off)
	}
	x := a.put([]byte("x"))
	last := a.put([]byte("last"))
	off := a.join(one, 6, last, 4)
	if got := a.bytes(off, 10); string(got) != "onetwolast" {
		t.Errorf("joined %q", got)
	}
	if a.dead != 6 {
		t.Errorf("%d dead bytes", a.dead)
	}
	a.put([]byte("behind"))
	off = a.join(off, 10, x, 1)
	if got := a.bytes(off, 11); string(got) != "onetwolastx" {
		t.Errorf("joined %q", got)
	}
}

// TestArenaLeavesRoomToType lets two people type in turns: neither's text may be copied for every character.
func TestArenaLeavesRoomToType(t *testing.T) {
	var a arena
	texts := [2][]byte{bytes.Repeat([]byte("a"), 100), bytes.Repeat([]byte("b"), 100)}
	var offs [2]uint32
	for p := range texts {
		offs[p] = a.put(texts[p])
	}
	for i := range 1000 {
		p := i % 2
		size := uint32(len(texts[p]))
		c := byte('0' + i%10)
		offs[p] = a.join(offs[p], size, a.put([]byte{c}), 1)
		texts[p] = append(texts[p], c)
		if got := a.bytes(offs[p], size+1); !bytes.Equal(got, texts[p]) {
			t.Fatalf("text of %d is %q, want %q", p, got, texts[p])
		}
	}
	if used := len(texts[0]) + len(texts[1]); len(a.buf) > 8*used || len(a.buf)-a.dead != used {
		t.Errorf("%d bytes, %d of them dead, for %d", len(a.buf), a.dead, used)
	}
}

func TestCompactionKeepsTheDocument(t *testing.T) {
	for _, keep := range []bool{false, true} {
		d := NewDoc(Options{KeepDeleted: keep})
		apply(t, d, sample())
		for i := range uint32(3000) {
			apply(t, d, build().text(7, 2*i, place{root: "gone", key: key("k")}, "ab").bytes())
		}
		before := state(t, d)
		d.compactArena()
		d.compactItems()
		if err := d.checkInvariants(); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(state(t, d), before) {
			t.Error("compaction changed the document")
		}
		apply(t, d, build().delete(1, 0, 9).bytes())
		if !keep && len(d.arena.buf) > 2000 {
			t.Errorf("%d bytes of content after everything was replaced", len(d.arena.buf))
		}
	}
}
