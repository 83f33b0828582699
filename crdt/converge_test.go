package crdt

import (
	"bytes"
	"encoding/json"
	"reflect"
	"testing"

	"pgregory.net/rapid"
)

// peer is a client for tests that makes its own updates out of what its document holds.
type peer struct {
	id  uint64
	doc *Doc
}

// edit makes a random update and applies it.
func (p *peer) edit(t *rapid.T) []byte {
	b := build()
	clock := uint32(0)
	if c := p.doc.lookClient(p.id); c != 0 {
		clock = p.doc.clients[c].state
	}
	switch rapid.IntRange(0, 9).Draw(t, "edit") {
	case 0, 1:
		if c, from, n := p.someUnits(t); n > 0 {
			b.delete(c, from, n)
			break
		}
		fallthrough
	case 2:
		b.any(p.id, clock, p.entry(t, rapid.SampledFrom([]string{"", "a", "b"}).Draw(t, "key")), 1, 2)
	case 3:
		b.typ(p.id, clock, p.somewhere(t), rapid.SampledFrom([]uint8{typeArray, typeMap, typeText, typeXMLElement}).Draw(t, "type"))
	case 4:
		b.format(p.id, clock, p.somewhere(t), "bold", "true")
	default:
		b.text(p.id, clock, p.somewhere(t), rapid.SampledFrom([]string{"x", "hello", "😀", "a😀b", "ö"}).Draw(t, "text"))
	}
	u := b.bytes()
	if _, err := p.doc.ApplyUpdate(u); err != nil {
		t.Fatalf("own update: %v", err)
	}
	return u
}

// someUnits picks a range of one client's units.
func (p *peer) someUnits(t *rapid.T) (id uint64, from, n uint32) {
	if len(p.doc.clients) < 2 {
		return 0, 0, 0
	}
	c := &p.doc.clients[rapid.IntRange(1, len(p.doc.clients)-1).Draw(t, "client")]
	if c.state == 0 {
		return 0, 0, 0
	}
	from = rapid.Uint32Range(0, c.state-1).Draw(t, "from")
	return c.id, from, rapid.Uint32Range(1, min(5, c.state-from)).Draw(t, "length")
}

// somewhere is between two neighbouring units of a sequence, as an editor would say it.
func (p *peer) somewhere(t *rapid.T) place {
	d := p.doc
	var lists, types []int32 // types with and without a sequence
	for i := range d.types {
		switch ty := &d.types[i]; {
		case ty.start != 0:
			lists = append(lists, int32(i))
		case ty.item != 0 && !d.items[ty.item].deleted():
			types = append(types, int32(i))
		}
	}
	n := rapid.IntRange(0, len(lists)+len(types)).Draw(t, "where")
	switch {
	case n < len(lists):
		var units []unit
		for i := d.types[lists[n]].start; i != 0; i = d.items[i].right {
			it := &d.items[i]
			for k := range it.length {
				units = append(units, unit{it.client(), it.clock + k})
			}
		}
		if len(units) == 0 {
			break
		}
		k := rapid.IntRange(0, len(units)).Draw(t, "position")
		var pl place
		if k > 0 {
			pl.left = at(d.clients[units[k-1].client].id, units[k-1].clock)
		}
		if k < len(units) {
			pl.right = at(d.clients[units[k].client].id, units[k].clock)
		}
		return pl
	case n < len(lists)+len(types):
		it := &d.items[d.types[types[n-len(lists)]].item]
		return place{in: at(d.clients[it.client()].id, it.clock)}
	}
	return place{root: rapid.SampledFrom([]string{"r", "s"}).Draw(t, "root")}
}

func (p *peer) entry(t *rapid.T, k string) place {
	root := p.doc.rootNamed("m")
	if root == 0 {
		return place{root: "m", key: &k}
	}
	l := p.doc.lookEntry(root, p.doc.lookKey([]byte(k)))
	if l == 0 || p.doc.lookKey([]byte(k)) == 0 || p.doc.lists[l].last == 0 {
		return place{root: "m", key: &k}
	}
	it := &p.doc.items[p.doc.lists[l].last]
	return place{left: at(p.doc.clients[it.client()].id, it.last())}
}

// TestConvergence lets a few peers edit and hear of each other late, and delivers everything to new documents in any
// order, with duplicates and merged: all show the same, and hold the same.
func TestConvergence(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ids := rapid.SliceOfNDistinct(rapid.Uint64Range(1, 1<<53-1), 1, 4, rapid.ID).Draw(t, "clients")
		peers := make([]*peer, len(ids))
		for i, id := range ids {
			peers[i] = &peer{id, NewDoc(Options{})}
		}
		var updates [][]byte
		for range rapid.IntRange(1, 40).Draw(t, "steps") {
			p := peers[rapid.IntRange(0, len(peers)-1).Draw(t, "peer")]
			if len(updates) > 0 && rapid.Bool().Draw(t, "hear") {
				applyChecked(t, p.doc, rapid.SampledFrom(updates).Draw(t, "update"))
				continue
			}
			updates = append(updates, p.edit(t))
			if err := p.doc.checkInvariants(); err != nil {
				t.Fatal(err)
			}
		}
		keep := rapid.Bool().Draw(t, "keep deleted")
		var want []byte
		var wantJSON string
		for round := range 3 {
			d := NewDoc(Options{KeepDeleted: keep})
			order := rapid.Permutation(updates).Draw(t, "order")
			for i := 0; i < len(order); {
				n := rapid.IntRange(1, min(4, len(order)-i)).Draw(t, "merged")
				u, err := MergeUpdates(order[i : i+n])
				if err != nil {
					t.Fatal(err)
				}
				i += n
				applyChecked(t, d, u)
				if rapid.IntRange(0, 3).Draw(t, "again") == 0 {
					if a := applyChecked(t, d, u); a.Changed {
						t.Fatalf("a duplicate changed the document: %x", u)
					}
				}
			}
			if d.pending.any() {
				t.Fatalf("pending after everything came: %+v", d.pending)
			}
			if got := reloaded(t, d, keep); round == 0 {
				want, wantJSON = got, string(d.AppendJSON(nil))
			} else if js := string(d.AppendJSON(nil)); !sameJSON(js, wantJSON) {
				t.Fatalf("shows %s, another order %s", js, wantJSON)
			} else if !bytes.Equal(got, want) && !keep {
				// How far deleted ranges are merged depends on when they were deleted; what they are does not.
				if !bytes.Equal(d.StateVector(), mustLoad(t, want).StateVector()) {
					t.Fatalf("state vectors differ")
				}
			}
		}
	})
}

// reloaded is the document's state, written and read in both encodings.
func reloaded(t *rapid.T, d *Doc, keep bool) []byte {
	v1, err := d.EncodeStateAsUpdate(nil)
	if err != nil {
		t.Fatal(err)
	}
	v2, err := d.EncodeStateAsUpdateV2(nil)
	if err != nil {
		t.Fatal(err)
	}
	one, two := NewDoc(Options{KeepDeleted: keep}), NewDoc(Options{KeepDeleted: keep})
	applyChecked(t, one, v1)
	if _, err := two.ApplyUpdateV2(v2); err != nil {
		t.Fatal(err)
	}
	for _, copied := range []*Doc{one, two} {
		if got, want := string(copied.AppendJSON(nil)), string(d.AppendJSON(nil)); !sameJSON(got, want) {
			t.Fatalf("a copy shows %s, the document %s", got, want)
		}
	}
	a, err := one.EncodeStateAsUpdate(nil)
	if err != nil {
		t.Fatal(err)
	}
	b, err := two.EncodeStateAsUpdate(nil)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(a, b) {
		t.Fatalf("copies by V1 and V2 differ:\n%x\n%x", a, b)
	}
	return a
}

// sameJSON compares without the order of members, which depends on the order in which the keys arrived.
func sameJSON(a, b string) bool {
	var x, y any
	return json.Unmarshal([]byte(a), &x) == nil && json.Unmarshal([]byte(b), &y) == nil && reflect.DeepEqual(x, y)
}

func mustLoad(t *rapid.T, update []byte) *Doc {
	d := NewDoc(Options{})
	applyChecked(t, d, update)
	return d
}

func applyChecked(t *rapid.T, d *Doc, update []byte) Applied {
	a, err := d.ApplyUpdate(update)
	if err != nil {
		t.Fatalf("apply %x: %v", update, err)
	}
	if err := d.checkInvariants(); err != nil {
		t.Fatalf("after %x: %v", update, err)
	}
	return a
}
