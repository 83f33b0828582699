package crdt

import (
	"testing"

	"github.com/symphony-rtc/symphony/crdt/internal/wire"
)

// reverted applies what Revert returns to current, and checks that it says what it should.
func reverted(t testing.TB, current, version *Doc, client uint64) []byte {
	t.Helper()
	before, old := state(t, current), state(t, version)
	u, err := Revert(current, version, client)
	if err != nil {
		t.Fatal(err)
	}
	if string(state(t, current)) != string(before) || string(state(t, version)) != string(old) {
		t.Fatal("a document was changed")
	}
	if u == nil {
		return nil
	}
	if a := apply(t, current, u); !a.Changed || a.Pending {
		t.Fatalf("%+v", a)
	}
	return u
}

// loaded is a new document with the given updates.
func loaded(t testing.TB, updates ...[]byte) *Doc {
	t.Helper()
	d := NewDoc(Options{})
	for _, u := range updates {
		apply(t, d, u)
	}
	return d
}

// TestRevertEntryAsYjsWritesIt: the bit that says that there is a key is set even where the key is not written.
func TestRevertEntryAsYjsWritesIt(t *testing.T) {
	p := place{root: "m", key: key("k")}
	version := loaded(t, build().any(1, 0, p, 1).bytes())
	u := reverted(t, loaded(t, state(t, version), build().delete(1, 0, 1).bytes()), version, 2)
	want := build()
	s := wire.Struct{Kind: wire.Any, Len: 1, Info: wire.HasOrigin | wire.HasParentSub, Origin: *at(1, 0)}
	s.Data = []byte{anyInteger, 1}
	if got := want.add(2, 0, s).bytes(); string(got) != string(u) {
		t.Errorf("%x, want %x", u, got)
	}
}

// TestRevert deletes, changes and adds content of every kind, goes back to the state before, and forth, and back again.
func TestRevert(t *testing.T) {
	binary := func(b *builder, clock uint32, p place, data string) *builder {
		s := wire.Struct{Kind: wire.Binary, Len: 1}
		s.Data = []byte(data)
		p.apply(&s)
		return b.add(1, clock, s)
	}
	json := func(b *builder, clock uint32, p place, texts ...string) *builder {
		s := wire.Struct{Kind: wire.JSON, Len: uint32(len(texts))}
		for _, text := range texts {
			s.Data = append(append(s.Data, byte(len(text))), text...)
		}
		p.apply(&s)
		return b.add(1, clock, s)
	}
	r := place{root: "r"}
	entry := func(k string) place { return place{root: "r", key: &k} }
	for _, c := range []struct {
		name          string
		before, after *builder
		want          string // AppendJSON, or Delta of r
	}{
		{"nothing", build().text(1, 0, r, "a"), build(), `{"r":"a"}`},
		{"inserted text", build().text(1, 0, r, "ac"), build().text(2, 0, place{left: at(1, 0), right: at(1, 1)}, "b"), `{"r":"ac"}`},
		{"deleted text", build().text(1, 0, r, "abcdef"), build().delete(1, 1, 3), `{"r":"abcdef"}`},
		{"all text", build().text(1, 0, r, "abc"), build().text(2, 0, place{left: at(1, 2)}, "new").delete(1, 0, 3), `{"r":"abc"}`},
		{"text in pieces", build().text(1, 0, r, "abcdef"),
			build().text(2, 0, place{left: at(1, 1), right: at(1, 2)}, "|").text(2, 1, place{left: at(1, 3), right: at(1, 4)}, "|").
				delete(1, 0, 1).delete(2, 1, 1), `{"r":"abcdef"}`},
		{"more text of the same item", build().text(1, 0, r, "abc"), build().text(1, 3, place{left: at(1, 2)}, "def"), `{"r":"abc"}`},
		{"pair deleted", build().text(1, 0, r, "a😀b"), build().delete(1, 1, 2), `{"r":"a😀b"}`},
		{"pair cut by an insert", build().text(1, 0, r, "a😀😀b"), build().text(2, 0, place{left: at(1, 1), right: at(1, 2)}, "x"), `{"r":"a😀😀b"}`},
		{"half a pair deleted", build().text(1, 0, r, "a😀b"), build().delete(1, 2, 1), `{"r":"a😀b"}`},
		{"pairs and more of the same item", build().text(1, 0, r, "ä😀"), build().text(1, 3, place{left: at(1, 2)}, "😀ß").delete(1, 0, 1), `{"r":"ä😀"}`},
		{"characters that begin alike", build().text(1, 0, r, "ä"), build().text(2, 0, place{left: at(1, 0)}, "ö").delete(1, 0, 1), `{"r":"ä"}`},
		{"characters that end alike", build().text(1, 0, r, "xéb"), build().text(2, 0, place{left: at(1, 2)}, "ĩb").delete(1, 0, 3), `{"r":"xéb"}`},
		{"values that end alike", build().any(1, 0, r, 1, 2, 3), build().any(2, 0, place{left: at(1, 2)}, 4, 3).any(2, 2, place{left: at(2, 1)}, 2, 3).
			delete(1, 0, 3), `{"r":[1,2,3]}`},
		{"values that begin alike", build().any(1, 0, r, 1, 2, 3), build().any(2, 0, place{left: at(1, 2)}, 1).any(2, 1, place{left: at(2, 0)}, 2, 4).
			delete(1, 0, 3), `{"r":[1,2,3]}`},
		{"legacy JSON that ends alike", json(build(), 0, r, "1", "2"), json(build(), 2, place{left: at(1, 1)}, "10", "2").delete(1, 0, 2), `{"r":[1,2]}`},
		{"values", build().any(1, 0, r, 1, 2, 3, 4), build().any(2, 0, place{left: at(1, 3)}, 9).delete(1, 1, 2), `{"r":[1,2,3,4]}`},
		{"legacy JSON", json(build(), 0, r, "1", `"x"`, "null"), build().delete(1, 0, 2), `{"r":[1,"x",null]}`},
		{"binary", binary(build(), 0, r, "\x01\x02"), build().delete(1, 0, 1), `{"r":[{"0":1,"1":2}]}`},
		{"embed", build().text(1, 0, r, "a").embed(1, 1, place{left: at(1, 0)}, `{"x":1}`), build().delete(1, 0, 2),
			`[{"insert":"a"},{"insert":{"x":1}}]`},
		{"formats deleted", build().format(1, 0, r, "bold", "true").text(1, 1, place{left: at(1, 0)}, "b").format(1, 2, place{left: at(1, 1)}, "bold", "null").
			text(1, 3, place{left: at(1, 2)}, "plain"), build().delete(1, 0, 1).delete(1, 2, 1),
			`[{"insert":"b","attributes":{"bold":true}},{"insert":"plain"}]`},
		{"format added", build().text(1, 0, r, "ab"), build().format(2, 0, place{right: at(1, 0)}, "bold", "true").format(2, 1, place{left: at(1, 1)}, "bold", "null"),
			`[{"insert":"ab"}]`},
		{"subdocument", build().subdoc(1, 0, r, "guid"), build().delete(1, 0, 1), `{"r":[{}]}`},
		{"array", build().typ(1, 0, r, typeArray).any(1, 1, place{in: at(1, 0)}, 1, 2).typ(1, 3, place{left: at(1, 2)}, typeMap).
			any(1, 4, place{in: at(1, 3), key: key("k")}, 3).any(1, 5, place{left: at(1, 3)}, 4), build().delete(1, 0, 1), `{"r":[[1,2,{"k":3},4]]}`},
		{"in an array", build().typ(1, 0, r, typeArray).any(1, 1, place{in: at(1, 0)}, 1, 2),
			build().any(2, 0, place{left: at(1, 1), right: at(1, 2)}, 9).delete(1, 1, 1), `{"r":[[1,2]]}`},
		{"text in a map", build().typ(1, 0, r, typeMap).typ(1, 1, place{in: at(1, 0), key: key("t")}, typeText).text(1, 2, place{in: at(1, 1)}, "hello"),
			build().delete(1, 1, 1), `{"r":[{"t":"hello"}]}`},
		{"xml", build().typ(1, 0, r, typeXMLElement).any(1, 1, place{in: at(1, 0), key: key("a")}, 1).typ(1, 2, place{in: at(1, 0)}, typeXMLText).
			text(1, 3, place{in: at(1, 2)}, "x").typ(1, 4, place{left: at(1, 2)}, typeXMLFragment).typ(1, 5, place{left: at(1, 4)}, typeXMLHook),
			build().delete(1, 0, 1), `{"r":"<p a=\"1\">x[object Object]</p>"}`},
		{"entry changed", build().any(1, 0, entry("k"), 1), build().any(2, 0, place{left: at(1, 0)}, 2), `{"r":{"k":1}}`},
		{"entry deleted", build().any(1, 0, entry("k"), 1), build().delete(1, 0, 1), `{"r":{"k":1}}`},
		{"entry added", build().any(1, 0, entry("k"), 1), build().any(2, 0, entry("l"), 2), `{"r":{"k":1}}`},
		{"entry set again", build().any(1, 0, entry("k"), 1).delete(1, 0, 1), build().any(2, 0, place{left: at(1, 0)}, 2), `{"r":{}}`},
		{"empty key", build().any(1, 0, entry(""), 1), build().any(2, 0, place{left: at(1, 0)}, 2), `{"r":{"":1}}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			shows := func(d *Doc) string {
				if c.want[0] == '[' {
					return string(d.Delta("r"))
				}
				return string(d.AppendJSON(nil))
			}
			before := c.before.bytes()
			version := loaded(t, before)
			current := loaded(t, before, c.after.bytes())
			changed := shows(current)
			for n := uint64(10); n < 13; n++ {
				snapshot := loaded(t, state(t, current))
				reverted(t, current, version, n)
				if got := shows(current); got != c.want {
					t.Fatalf("shows %s, want %s", got, c.want)
				}
				if u := reverted(t, current, version, n+200); u != nil {
					t.Fatalf("nothing should be left to do, but %x", u)
				}
				version = loaded(t, state(t, current))
				reverted(t, current, snapshot, n+100)
				if got := shows(current); got != changed {
					t.Fatalf("back again: shows %s, want %s", got, changed)
				}
			}
		})
	}
}
