package wire

import (
	"testing"

	"github.com/symphony-rtc/symphony/crdt/internal/b4"
	"github.com/symphony-rtc/symphony/crdt/lib0"
)

// scanAll decodes an update to its end, as applying it does.
func scanAll(b *testing.B, d *Decoder, s *Struct, update []byte, v Version) {
	if d.Reset(update, v) != nil {
		b.Fatal(d.Err())
	}
	for {
		_, _, n, ok := d.NextBlock()
		if !ok {
			break
		}
		for range n {
			if d.Next(s) != nil {
				b.Fatal(d.Err())
			}
		}
	}
	for {
		_, n, ok := d.NextDeleteClient()
		if !ok {
			break
		}
		for range n {
			if _, _, err := d.NextRange(); err != nil {
				b.Fatal(err)
			}
		}
	}
}

func BenchmarkDecodeKeystroke(b *testing.B) {
	update := []byte{1, 1, 0xd2, 0x85, 0xd8, 0xcc, 4, 100, 0x84, 0xd2, 0x85, 0xd8, 0xcc, 4, 99, 1, 'x', 0}
	var d Decoder
	var s Struct
	b.ReportAllocs()
	for b.Loop() {
		scanAll(b, &d, &s, update, V1)
	}
}

func BenchmarkDecodeB4Updates(b *testing.B) {
	t := b4.Load(b)
	var d Decoder
	var s Struct
	b.ReportAllocs()
	for b.Loop() {
		for _, u := range t.Updates {
			scanAll(b, &d, &s, u, V1)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(t.Updates)), "ns/update")
}

func BenchmarkDecodeB4(b *testing.B) {
	t := b4.Load(b)
	for _, c := range []struct {
		name   string
		v      Version
		update []byte
	}{{"V1", V1, t.V1}, {"V2", V2, t.V2}} {
		b.Run(c.name, func(b *testing.B) {
			var d Decoder
			var s Struct
			b.ReportAllocs()
			for b.Loop() {
				scanAll(b, &d, &s, c.update, c.v)
			}
		})
	}
}

func BenchmarkEncodeB4(b *testing.B) {
	t := b4.Load(b)
	var d Decoder
	if err := d.Reset(t.V1, V1); err != nil {
		b.Fatal(err)
	}
	client, clock, n, _ := d.NextBlock()
	structs := make([]Struct, n)
	for i := range structs {
		if err := d.Next(&structs[i]); err != nil {
			b.Fatal(err)
		}
	}
	ds, err := appendDeletes(nil, &d)
	if err != nil {
		b.Fatal(err)
	}
	for _, v := range []Version{V1, V2} {
		b.Run([]string{V1: "V1", V2: "V2"}[v], func(b *testing.B) {
			var e Encoder
			var out []byte
			b.ReportAllocs()
			for b.Loop() {
				e.Reset(v)
				e.Block(client, clock)
				for i := range structs {
					e.Struct(&structs[i], 0)
				}
				writeDeletes(&e, ds)
				out, _ = e.Bytes(out[:0])
			}
			if len(out) == 0 {
				b.Fatal("nothing written")
			}
		})
	}
}

func BenchmarkMerge10000(b *testing.B) {
	t := b4.Load(b)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Merge(t.Updates[:10000], V1); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDiffB4Half(b *testing.B) {
	t := b4.Load(b)
	sv, err := StateVector(t.V1, V1)
	if err != nil {
		b.Fatal(err)
	}
	state, _ := DecodeStateVector(sv)
	for client, clock := range state {
		state[client] = clock / 2
	}
	half := AppendStateVector(nil, state)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Diff(t.V1, half, V1); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkStateVectorB4(b *testing.B) {
	t := b4.Load(b)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := StateVector(t.V1, V1); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkConvertB4(b *testing.B) {
	t := b4.Load(b)
	b.Run("V1toV2", func(b *testing.B) {
		for b.Loop() {
			if _, err := Convert(t.V1, V1, V2); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("V2toV1", func(b *testing.B) {
		for b.Loop() {
			if _, err := Convert(t.V2, V2, V1); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkScanAny(b *testing.B) {
	value, err := lib0.JSONToAny(nil, []byte(`{"x":12.5,"y":-3,"color":"#ffcc00","points":[1,2,3,4],"locked":false}`))
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, canonical, err := lib0.ScanAny(value); !canonical || err != nil {
			b.Fatal("not canonical", err)
		}
	}
}
