package crdt

import (
	"errors"
	"testing"

	"github.com/symphony-rtc/symphony/crdt/internal/wire"
)

// orphan is an update whose one struct waits for unit clock-1 of its client.
func orphan(client uint64, clock uint32) []byte {
	return build().text(client, clock, place{left: at(client, clock-1)}, "x").bytes()
}

func TestPendingIsBounded(t *testing.T) {
	d := NewDoc(Options{MaxPending: 10*pendingWeight + 400})
	apply(t, d, build().text(1, 0, place{root: "t"}, "abc").bytes())
	for clock := range uint32(10) {
		for range 10 { // the same again is no more than it was
			apply(t, d, orphan(2, 100))
		}
		apply(t, d, orphan(2, 100+2*clock))
	}
	before := state(t, d)
	a, err := d.ApplyUpdate(orphan(2, 200))
	if !errors.Is(err, ErrTooLarge) || a.Changed || !a.Pending {
		t.Fatalf("one more: %+v, %v", a, err)
	}
	if string(state(t, d)) != string(before) {
		t.Error("what was refused changed the document")
	}
	both := build().text(1, 3, place{left: at(1, 2)}, "d").text(2, 300, place{left: at(2, 299)}, "x").bytes()
	a, err = d.ApplyUpdate(both)
	if !errors.Is(err, ErrTooLarge) || !a.Changed {
		t.Fatalf("half of it usable: %+v, %v", a, err)
	}
	if got := string(d.Text("t")); got != "abcd" {
		t.Errorf("text %q", got)
	}
	first := build()
	for clock := range uint32(120) {
		if clock == 0 {
			first.text(2, 0, place{root: "t"}, "y")
		} else {
			first.text(2, clock, place{left: at(2, clock-1)}, "y")
		}
	}
	if a := apply(t, d, first.bytes()); a.Pending {
		t.Error("what the pending structs waited for came, and they still wait")
	}
	apply(t, d, orphan(3, 5)) // there is room again
	if a := apply(t, d, orphan(3, 5)); a.Changed {
		t.Error("a duplicate changed the document")
	}
}

func TestPendingDeletesAreBounded(t *testing.T) {
	d := NewDoc(Options{MaxPending: 10 * pendingWeight})
	for clock := range uint32(10) {
		apply(t, d, build().delete(2, 2*clock, 1).bytes())
	}
	before := state(t, d)
	if a, err := d.ApplyUpdate(build().delete(2, 50, 1).bytes()); !errors.Is(err, ErrTooLarge) || a.Changed {
		t.Fatalf("one more: %+v, %v", a, err)
	}
	if string(state(t, d)) != string(before) {
		t.Error("what was refused changed the document")
	}
	if a := apply(t, d, build().delete(2, 4, 1).bytes()); a.Changed {
		t.Error("a duplicate changed the document")
	}
}

// TestSnapshotOfMoreStructsThanBytes loads what run-length encoding makes a thousand times smaller than its structs.
func TestSnapshotOfMoreStructsThanBytes(t *testing.T) {
	const arrays = wire.ExtraStructs + 100_000
	b := build()
	for clock := range uint32(arrays) {
		p := place{root: "a"}
		if clock > 0 {
			p = place{left: at(1, clock-1)}
		}
		b.typ(1, clock, p, 0)
	}
	d := NewDoc(Options{})
	if _, err := d.ApplyUpdate(b.bytes()); err != nil {
		t.Fatal(err)
	}
	snapshot, err := d.EncodeStateAsUpdateV2(nil)
	if err != nil {
		t.Fatal(err)
	}
	again := NewDoc(Options{})
	if _, err := again.ApplyUpdateV2(snapshot); err != nil {
		t.Fatalf("snapshot of %d bytes: %v", len(snapshot), err)
	}
	if string(again.StateVector()) != string(d.StateVector()) {
		t.Error("the loaded document has another state")
	}
}
