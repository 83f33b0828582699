package crdt

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"sync"

	"github.com/symphony-rtc/symphony/crdt/internal/wire"
	"github.com/symphony-rtc/symphony/crdt/lib0"
)

// encoding is the scratch of writing one update.
type encoding struct {
	enc  wire.Encoder
	in   wire.Struct
	from []uint32 // by client index: the clock from which on structs are written
}

var encodings = sync.Pool{New: func() any { return new(encoding) }}

// EncodeStateAsUpdate returns everything in the document that a replica with state vector sv does not have, as a V1
// update, including all deletes and what waits for others. A nil or empty sv means everything. Errors wrap ErrMalformed
// if sv is not a state vector, ErrUnencodable if the document contains what only V2 can carry. It is
// encodeStateAsUpdate of yjs src/utils/encoding.js.
func (d *Doc) EncodeStateAsUpdate(sv []byte) ([]byte, error) {
	return d.appendState(nil, sv, wire.V1)
}

// EncodeStateAsUpdateV2 is EncodeStateAsUpdate in V2 encoding; the state vector has no V2.
func (d *Doc) EncodeStateAsUpdateV2(sv []byte) ([]byte, error) {
	return d.appendState(nil, sv, wire.V2)
}

// AppendStateAsUpdate appends what EncodeStateAsUpdate returns to dst. After an error, dst is returned as it was.
func (d *Doc) AppendStateAsUpdate(dst, sv []byte) ([]byte, error) {
	return d.appendState(dst, sv, wire.V1)
}

// AppendStateAsUpdateV2 appends what EncodeStateAsUpdateV2 returns to dst. After an error, dst is returned as it was.
func (d *Doc) AppendStateAsUpdateV2(dst, sv []byte) ([]byte, error) {
	return d.appendState(dst, sv, wire.V2)
}

func (d *Doc) appendState(dst, sv []byte, v wire.Version) ([]byte, error) {
	e := encodings.Get().(*encoding)
	defer encodings.Put(e)
	if err := d.startClocks(e, sv); err != nil {
		return dst, err
	}
	if d.pending.any() {
		own, err := d.appendOwn(nil, e, v)
		if err != nil {
			return dst, err
		}
		merged, err := d.withPending(own, sv, v)
		if err != nil {
			return dst, err
		}
		return append(dst, merged...), nil
	}
	return d.appendOwn(dst, e, v)
}

// appendOwn writes the structs from e.from on, and all deletes, without what is pending.
func (d *Doc) appendOwn(dst []byte, e *encoding, v wire.Version) ([]byte, error) {
	e.enc.Reset(v)
	order := d.descending()
	for _, c := range order {
		if from := e.from[c]; from < d.clients[c].state {
			d.encodeClient(e, c, from)
		}
	}
	for _, c := range order {
		d.encodeDeletes(e, c)
	}
	out, err := e.enc.Bytes(dst)
	if err != nil {
		return dst, fmt.Errorf("encode document: %w", err)
	}
	return out, nil
}

// startClocks sets e.from to the clocks of a state vector.
func (d *Doc) startClocks(e *encoding, sv []byte) error {
	e.from = slices.Grow(e.from[:0], len(d.clients))[:len(d.clients)]
	clear(e.from)
	if len(sv) == 0 {
		return nil
	}
	bad := func(what string) error {
		return fmt.Errorf("read state vector: %w: %s", ErrMalformed, what)
	}
	n, size := lib0.Uvarint(sv)
	if size == 0 {
		return bad("number of clients")
	}
	sv = sv[size:]
	for range n {
		id, size := lib0.Uvarint(sv)
		if size == 0 {
			return bad("client")
		}
		sv = sv[size:]
		clock, size := lib0.Uvarint(sv)
		if size == 0 {
			return bad("clock")
		}
		sv = sv[size:]
		if c := d.lookClient(id); c != 0 {
			e.from[c] = uint32(min(clock, math.MaxUint32))
		}
	}
	return nil
}

func (d *Doc) encodeClient(e *encoding, c, from uint32) {
	x := &d.clients[c].index
	at := d.find(c, from)
	e.enc.Block(d.clients[c].id, from)
	offset := from - d.items[x.get(at)].clock
	first := int(at.at)
	for _, chunk := range x.chunks[at.chunk:] {
		for _, s := range chunk[first:] {
			d.fillItem(&d.items[s.item], &e.in)
			e.enc.Struct(&e.in, offset)
			offset = 0
		}
		first = 0
	}
}

func (d *Doc) encodeDeletes(e *encoding, c uint32) {
	started := false
	var clock, length uint32
	flush := func() {
		if length > 0 {
			if !started {
				e.enc.DeleteClient(d.clients[c].id)
				started = true
			}
			e.enc.DeleteRange(clock, length)
			length = 0
		}
	}
	for _, chunk := range d.clients[c].index.chunks {
		for _, s := range chunk {
			it := &d.items[s.item]
			if !it.deleted() {
				flush()
				continue
			}
			if length == 0 {
				clock = it.clock
			}
			length += it.length
		}
	}
	flush()
}

// fillItem fills s with an integrated item.
func (d *Doc) fillItem(it *item, s *wire.Struct) {
	d.fillStruct(it, s)
	if it.list == 0 {
		return
	}
	if it.list > 0 {
		s.Info |= wire.HasParentSub
	}
	if it.originClient != 0 || it.rightClient != 0 {
		return
	}
	if it.list > 0 {
		s.ParentSub = d.keyName(d.lists[it.list].key)
	}
	t := &d.types[d.typeOfList(it.list)]
	if t.item == 0 {
		s.Parent, s.ParentName = wire.ParentRoot, d.keyName(t.name)
		return
	}
	p := &d.items[t.item]
	s.Parent, s.ParentID = wire.ParentItem, wire.ID{Client: d.clients[p.client()].id, Clock: p.clock}
}

// fillStruct fills s with an item but for its parent.
func (d *Doc) fillStruct(it *item, s *wire.Struct) {
	s.Kind, s.Info, s.Parent = it.kind(), 0, wire.ParentUnknown
	s.ID = wire.ID{Client: d.clients[it.client()].id, Clock: it.clock}
	s.Len = it.length
	if c := it.originClient; c != 0 {
		s.Info |= wire.HasOrigin
		s.Origin = wire.ID{Client: d.clients[c].id, Clock: it.originClock}
	}
	if c := it.rightClient; c != 0 {
		s.Info |= wire.HasRightOrigin
		s.RightOrigin = wire.ID{Client: d.clients[c].id, Clock: it.rightClock}
	}
	switch s.Kind {
	case wire.GC, wire.Skip, wire.Deleted:
		return
	case wire.Type:
		d.fillType(it, s)
		return
	}
	s.Data = d.arena.bytes(it.off, it.size)
	s.ValueIsJSON = it.meta&flagJSON != 0
	switch s.Kind {
	case wire.Format:
		var k uint32
		k, s.Data = splitFormat(s.Data)
		s.Key = d.keyName(k)
	case wire.Doc:
		s.Key, s.Data = splitSubdoc(s.Data)
	}
}

func (d *Doc) fillType(it *item, s *wire.Struct) {
	name := it.off
	s.TypeRef = uint8(it.size)
	if it.meta&flagStaged == 0 {
		t := &d.types[it.off]
		name, s.TypeRef = t.name, t.ref
	}
	if name != 0 {
		s.Key = d.keyName(name)
	}
}

// splitFormat splits the stored content of a Format into its key and its value.
func splitFormat(b []byte) (key uint32, value []byte) {
	return binary.LittleEndian.Uint32(b), b[4:]
}

// splitSubdoc splits the stored content of a Doc into its guid and its options.
func splitSubdoc(b []byte) (guid, options []byte) {
	n := 4 + binary.LittleEndian.Uint32(b)
	return b[4:n], b[n:]
}

// StateVector returns the document's state vector: which updates it has got and could use.
func (d *Doc) StateVector() []byte { return d.AppendStateVector(nil) }

// AppendStateVector appends the document's state vector to dst.
func (d *Doc) AppendStateVector(dst []byte) []byte {
	n := 0
	for _, c := range d.descending() {
		if d.clients[c].state > 0 {
			n++
		}
	}
	dst = lib0.AppendUvarint(dst, uint64(n))
	for _, c := range d.descending() {
		if cl := &d.clients[c]; cl.state > 0 {
			dst = lib0.AppendUvarint(dst, cl.id)
			dst = lib0.AppendUvarint(dst, uint64(cl.state))
		}
	}
	return dst
}
