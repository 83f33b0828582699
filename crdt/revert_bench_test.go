package crdt

import (
	"strings"
	"testing"
)

// paragraphs is the updates of a document of about 5 MB: 50,000 XML paragraphs of 100 characters by ten clients, then
// every third one rewritten, every third removed and as many new ones added.
func paragraphs() (version, later []byte) {
	const n, clients = 50_000, 10
	words := strings.Repeat("lorem ipsum dolor sit amet ", 4)[:100]
	b := build()
	for c := range uint64(clients) {
		clock := uint32(0)
		for range n / clients {
			p := place{root: "doc"}
			if clock > 0 {
				p = place{left: at(c+1, clock-102)}
			}
			b.typ(c+1, clock, p, typeXMLElement)
			b.typ(c+1, clock+1, place{in: at(c+1, clock)}, typeXMLText)
			b.text(c+1, clock+2, place{in: at(c+1, clock+1)}, words)
			clock += 102
		}
	}
	version = b.bytes()
	b = build()
	clock := uint32(0)
	for k := uint32(0); k < n/clients; k += 3 {
		for c := range uint64(clients) {
			b.text(99, clock, place{left: at(c+1, k*102+101)}, "all new")
			b.typ(99, clock+7, place{left: at(c+1, k*102)}, typeXMLElement)
			clock += 8
		}
	}
	for c := range uint64(clients) {
		b.enc.DeleteClient(c + 1)
		for k := uint32(0); k+1 < n/clients; k += 3 {
			b.enc.DeleteRange(k*102+2, 100)
			b.enc.DeleteRange((k+1)*102, 102)
		}
	}
	return version, b.bytes()
}

// BenchmarkRevert makes the update that takes a document of 5 MB back; loading the version is measured apart from it.
func BenchmarkRevert(b *testing.B) {
	before, after := paragraphs()
	version := NewDoc(Options{})
	mustApply(b, version, before)
	little, much := NewDoc(Options{}), NewDoc(Options{})
	mustApply(b, little, before)
	mustApply(b, little, build().text(99, 0, place{left: at(5, 1000)}, "a word").delete(7, 0, 102).bytes())
	mustApply(b, much, before)
	mustApply(b, much, after)
	again := NewDoc(Options{}) // everything deleted and brought back, then a little
	mustApply(b, again, before)
	for _, v := range []*Doc{NewDoc(Options{}), version} {
		u, err := Revert(again, v, 1000)
		if err != nil {
			b.Fatal(err)
		}
		mustApply(b, again, u)
	}
	mustApply(b, again, build().text(99, 0, place{left: at(1000, 1_000_000)}, "a word").delete(1000, 2_000_000, 5).bytes())
	for _, c := range []struct {
		name             string
		current, version *Doc
	}{{"little", little, version}, {"much", much, version}, {"everything", version, NewDoc(Options{})}, {"again", again, version}} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			var u []byte
			for b.Loop() {
				var err error
				if u, err = Revert(c.current, c.version, 1001); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(len(u)), "B/update")
		})
	}
	b.Run("load", func(b *testing.B) {
		state, err := version.EncodeStateAsUpdateV2(nil)
		if err != nil {
			b.Fatal(err)
		}
		for b.Loop() {
			if _, err := NewDoc(Options{}).ApplyUpdateV2(state); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(float64(len(state)), "B/state")
	})
	if got, want := len(version.XML("doc")), 5_000_000; got < want {
		b.Fatalf("%d characters are not %d", got, want)
	}
}
