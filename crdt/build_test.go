package crdt

import (
	"slices"
	"testing"

	"github.com/symphony-rtc/symphony/crdt/internal/wire"
	"github.com/symphony-rtc/symphony/crdt/lib0"
)

// builder makes updates by hand. Structs of a client go into one block as long as no other client comes in between.
type builder struct {
	enc    wire.Encoder
	client uint64
	next   uint32
	open   bool
}

func build() *builder {
	b := new(builder)
	b.enc.Reset(wire.V1)
	return b
}

// at is an id for origins.
func at(client uint64, clock uint32) *wire.ID { return &wire.ID{Client: client, Clock: clock} }

func (b *builder) add(client uint64, clock uint32, s wire.Struct) *builder {
	s.ID = wire.ID{Client: client, Clock: clock}
	if !b.open || b.client != client || b.next != clock {
		b.enc.Block(client, clock)
	}
	b.client, b.next, b.open = client, clock+s.Len, true
	b.enc.Struct(&s, 0)
	return b
}

// place is where a struct goes: between two units, or into a root or another item's type.
type place struct {
	left, right *wire.ID
	root        string
	in          *wire.ID
	key         *string
}

func (p place) apply(s *wire.Struct) {
	if p.left != nil {
		s.Info |= wire.HasOrigin
		s.Origin = *p.left
	}
	if p.right != nil {
		s.Info |= wire.HasRightOrigin
		s.RightOrigin = *p.right
	}
	if p.left != nil || p.right != nil {
		return
	}
	if p.in != nil {
		s.Parent, s.ParentID = wire.ParentItem, *p.in
	} else {
		s.Parent, s.ParentName = wire.ParentRoot, []byte(p.root)
	}
	if p.key != nil {
		s.Info |= wire.HasParentSub
		s.ParentSub = []byte(*p.key)
	}
}

func (b *builder) text(client uint64, clock uint32, p place, text string) *builder {
	s := wire.Struct{Kind: wire.String, Len: uint32(lib0.UTF16Len([]byte(text)))}
	s.Data = []byte(text)
	p.apply(&s)
	return b.add(client, clock, s)
}

// any inserts whole numbers from 0 to 63.
func (b *builder) any(client uint64, clock uint32, p place, numbers ...byte) *builder {
	s := wire.Struct{Kind: wire.Any, Len: uint32(len(numbers))}
	for _, n := range numbers {
		s.Data = append(s.Data, anyInteger, n)
	}
	p.apply(&s)
	return b.add(client, clock, s)
}

func (b *builder) typ(client uint64, clock uint32, p place, ref uint8) *builder {
	s := wire.Struct{Kind: wire.Type, Len: 1}
	s.TypeRef = ref
	if ref == typeXMLElement || ref == typeXMLHook {
		s.Key = []byte("P")
	}
	p.apply(&s)
	return b.add(client, clock, s)
}

func (b *builder) format(client uint64, clock uint32, p place, key, json string) *builder {
	s := wire.Struct{Kind: wire.Format, Len: 1}
	s.Key, s.Data, s.ValueIsJSON = []byte(key), []byte(json), true
	p.apply(&s)
	return b.add(client, clock, s)
}

func (b *builder) embed(client uint64, clock uint32, p place, json string) *builder {
	s := wire.Struct{Kind: wire.Embed, Len: 1}
	s.Data, s.ValueIsJSON = []byte(json), true
	p.apply(&s)
	return b.add(client, clock, s)
}

func (b *builder) subdoc(client uint64, clock uint32, p place, guid string) *builder {
	s := wire.Struct{Kind: wire.Doc, Len: 1}
	s.Key, s.Data = []byte(guid), []byte{anyObject, 0}
	p.apply(&s)
	return b.add(client, clock, s)
}

func (b *builder) gc(client uint64, clock, length uint32) *builder {
	return b.add(client, clock, wire.Struct{Kind: wire.GC, Len: length})
}

func (b *builder) delete(client uint64, clock, length uint32) *builder {
	b.enc.DeleteClient(client)
	b.enc.DeleteRange(clock, length)
	return b
}

func (b *builder) bytes() []byte {
	u, err := b.enc.Bytes(nil)
	if err != nil {
		panic(err)
	}
	return u
}

func key(s string) *string { return &s }

// apply applies a V1 update and checks the document.
func apply(t testing.TB, d *Doc, update []byte) Applied {
	t.Helper()
	a, err := d.ApplyUpdate(update)
	if err != nil {
		t.Fatalf("apply %x: %v", update, err)
	}
	if err := d.checkInvariants(); err != nil {
		t.Fatalf("after %x: %v", update, err)
	}
	return a
}

func state(t testing.TB, d *Doc) []byte {
	t.Helper()
	u, err := d.EncodeStateAsUpdate(nil)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// structs lists the kinds and lengths of a client's structs.
func (d *Doc) structs(id uint64) []wire.Struct {
	var all []wire.Struct
	c := d.lookClient(id)
	for _, chunk := range d.clients[c].index.chunks {
		for _, e := range chunk {
			var s wire.Struct
			d.fillItem(&d.items[e.item], &s)
			s.Data = slices.Clone(s.Data)
			all = append(all, s)
		}
	}
	return all
}
