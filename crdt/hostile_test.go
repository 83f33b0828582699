package crdt

import (
	"encoding/json"
	"testing"

	"pgregory.net/rapid"
)

// TestContradictions applies well-formed updates that no honest client makes: other structs under known ids, neighbours
// in different lists, parents that are no types, circles. Nothing they say has to come out, but the document has to
// hold together.
func TestContradictions(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := NewDoc(Options{KeepDeleted: rapid.Bool().Draw(t, "keep deleted")})
		for range rapid.IntRange(1, 12).Draw(t, "updates") {
			u := contradiction(t)
			_, err := d.ApplyUpdate(u)
			if bad := d.checkInvariants(); bad != nil {
				t.Fatalf("apply gave %v; after it: %v", err, bad)
			}
		}
		if js := d.AppendJSON(nil); !json.Valid(js) {
			t.Fatalf("not JSON: %s", js)
		}
		u, err := d.EncodeStateAsUpdate(nil)
		if err != nil {
			t.Fatal(err)
		}
		applyChecked(t, NewDoc(Options{}), u)
	})
}

func contradiction(t *rapid.T) []byte {
	b := build()
	id := rapid.Uint64Range(1, 4)
	clock := rapid.Uint32Range(0, 12)
	for range rapid.IntRange(0, 5).Draw(t, "structs") {
		var p place
		kind := rapid.IntRange(0, 7).Draw(t, "place")
		if kind&1 != 0 {
			p.left = at(id.Draw(t, "origin"), clock.Draw(t, "origin clock"))
		}
		if kind&2 != 0 {
			p.right = at(id.Draw(t, "right origin"), clock.Draw(t, "right origin clock"))
		}
		if kind&4 != 0 {
			p.in = at(id.Draw(t, "parent"), clock.Draw(t, "parent clock"))
		}
		p.root = rapid.SampledFrom([]string{"r", "s"}).Draw(t, "root")
		if rapid.IntRange(0, 3).Draw(t, "entry") == 0 {
			p.key = key(rapid.SampledFrom([]string{"", "k"}).Draw(t, "key"))
		}
		c, from := id.Draw(t, "client"), clock.Draw(t, "clock")
		switch rapid.IntRange(0, 6).Draw(t, "kind") {
		case 0:
			b.gc(c, from, rapid.Uint32Range(1, 5).Draw(t, "length"))
		case 1:
			b.any(c, from, p, 1, 2, 3)
		case 2:
			b.typ(c, from, p, rapid.Uint8Range(0, 6).Draw(t, "type"))
		case 3:
			b.format(c, from, p, "bold", "true")
		case 4:
			b.subdoc(c, from, p, "guid")
		default:
			b.text(c, from, p, rapid.SampledFrom([]string{"x", "abcdef", "a😀b😀"}).Draw(t, "text"))
		}
	}
	for range rapid.IntRange(0, 2).Draw(t, "deletes") {
		b.delete(id.Draw(t, "deleted client"), clock.Draw(t, "deleted clock"), rapid.Uint32Range(1, 6).Draw(t, "deleted length"))
	}
	return b.bytes()
}
