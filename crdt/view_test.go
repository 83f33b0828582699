package crdt

import (
	"encoding/json"
	"testing"

	"github.com/symphony-rtc/symphony/crdt/internal/wire"
)

func TestViews(t *testing.T) {
	d := NewDoc(Options{})
	apply(t, d, sample())
	for what, pair := range map[string][2]string{
		"all":   {string(d.AppendJSON(nil)), `{"list":[1,4,5,{}],"map":{"a":2,"":3},"text":"hello 😀 wörld","xml":"<p href=\"x\">inside</p>"}`},
		"text":  {d.Text("text"), "hello 😀 wörld"},
		"delta": {string(d.Delta("text")), `[{"insert":"hello"},{"insert":" 😀 wörld","attributes":{"bold":true}},{"insert":{"image":"a.png"}}]`},
		"map":   {string(d.MapJSON("map")), `{"a":2,"":3}`},
		"array": {string(d.ArrayJSON("list")), `[1,4,5,{}]`},
		"xml":   {d.XML("xml"), `<p href="x">inside</p>`},

		"unknown text":  {d.Text("?"), ""},
		"unknown delta": {string(d.Delta("?")), "[]"},
		"unknown map":   {string(d.MapJSON("?")), "{}"},
		"unknown array": {string(d.ArrayJSON("?")), "[]"},
		"unknown xml":   {d.XML("?"), ""},
	} {
		if pair[0] != pair[1] {
			t.Errorf("%s:\n got %s\nwant %s", what, pair[0], pair[1])
		}
	}
}

func TestObjectOrder(t *testing.T) {
	d := NewDoc(Options{})
	b := build()
	for i, k := range []string{"b", "10", "a", "2", "01", "4294967295", "__proto__", "0"} {
		b.any(1, uint32(i), place{root: "m", key: key(k)}, byte(i))
	}
	apply(t, d, b.bytes())
	if got, want := string(d.MapJSON("m")), `{"0":7,"2":3,"10":1,"b":0,"a":2,"01":4,"4294967295":5}`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// anyValue stores one any-encoded value.
func anyValue(d *testing.T, encoded ...byte) *Doc {
	s := wire.Struct{Kind: wire.Any, Len: 1}
	s.Data = encoded
	place{root: "a"}.apply(&s)
	doc := NewDoc(Options{})
	apply(d, doc, build().add(1, 0, s).bytes())
	return doc
}

func TestValuesAsJSON(t *testing.T) {
	for _, c := range []struct {
		encoded []byte
		json    string
		text    string // as JavaScript makes a string of it
	}{
		{[]byte{anyUndefined}, "null", "undefined"},
		{[]byte{anyNull}, "null", "null"},
		{[]byte{anyTrue}, "true", "true"},
		{[]byte{anyFalse}, "false", "false"},
		{[]byte{anyInteger, 0x45}, "-5", "-5"},
		{[]byte{anyInteger, 0x40}, "0", "0"},
		{[]byte{anyFloat32, 0x3f, 0, 0, 0}, "0.5", "0.5"},
		{[]byte{anyFloat64, 0x7f, 0xf8, 0, 0, 0, 0, 0, 0}, "null", "NaN"},
		{[]byte{anyFloat32, 0xff, 0x80, 0, 0}, "null", "-Infinity"},
		{[]byte{anyBigInt, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xfe}, `"-2"`, "-2"},
		{[]byte{anyString, 3, 'a', '"', '\n'}, `"a\"\n"`, "a\"\n"},
		{[]byte{anyBytes, 2, 7, 255}, `{"0":7,"1":255}`, "7,255"},
		{[]byte{anyArray, 3, anyNull, anyUndefined, anyTrue}, "[null,null,true]", ",,true"},
		{[]byte{anyObject, 2, 1, 'u', anyUndefined, 1, 'x', anyInteger, 1}, `{"x":1}`, "[object Object]"},
	} {
		d := anyValue(t, c.encoded...)
		if got := string(d.ArrayJSON("a")); got != "["+c.json+"]" {
			t.Errorf("%x as JSON is %s, want [%s]", c.encoded, got, c.json)
		}
		if got := d.XML("a"); got != c.text {
			t.Errorf("%x as text is %q, want %q", c.encoded, got, c.text)
		}
	}
}

func TestDeepNestingIsCutOff(t *testing.T) {
	const depth = 100_000
	for _, ref := range []uint8{typeArray, typeXMLElement, typeMap} {
		b := build()
		p := place{root: "r"}
		for i := range uint32(depth) {
			if ref == typeMap {
				p.key = key("k")
			}
			b.typ(1, i, p, ref)
			p = place{in: at(1, i)}
		}
		d := NewDoc(Options{})
		apply(t, d, b.bytes())
		if got := d.AppendJSON(nil); !json.Valid(got) {
			t.Errorf("type %d: not JSON", ref)
		}
		apply(t, d, build().delete(1, 0, 1).bytes())
		if got := d.Stats().Structs; got != 2 {
			t.Errorf("type %d: %d structs after the outermost was deleted", ref, got)
		}
	}
}

func TestXMLTextFormats(t *testing.T) {
	d := NewDoc(Options{})
	apply(t, d, build().typ(1, 0, place{root: "x"}, typeXMLText).text(1, 1, place{in: at(1, 0)}, "ab").
		format(1, 3, place{left: at(1, 1), right: at(1, 2)}, "a", `{"href":"u","class":1}`).
		format(1, 4, place{left: at(1, 3), right: at(1, 2)}, "Z", `true`).bytes())
	if got, want := d.XML("x"), `a<Z><a class="1" href="u">b</a></Z>`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
