package wire

import (
	"encoding/binary"
	"math"

	"github.com/symphony-rtc/symphony/crdt/lib0"
)

// structV1 reads a struct in V1, where all of it lies in one piece (yjs 13.6.33 src/utils/UpdateDecoder.js).
func (d *Decoder) structV1(s *Struct) {
	if d.pos >= len(d.buf) {
		d.fail("struct: ends too early", d.pos)
		return
	}
	info := d.buf[d.pos]
	d.pos++
	s.Kind, s.Info, s.Parent = Kind(info&0x1f), info&^0x1f, ParentUnknown
	if s.Kind == GC || s.Kind == Skip {
		s.Len = d.length("length of a gap")
		s.Info &^= d.gapInfo(s.Kind)
		return
	}
	if info&(HasOrigin|HasRightOrigin) != 0 {
		s.Info &^= HasParentSub
		if info&HasOrigin != 0 {
			s.Origin = d.idV1("origin")
		}
		if info&HasRightOrigin != 0 {
			s.RightOrigin = d.idV1("right origin")
		}
	} else {
		if d.uvarint("kind of parent") == 1 {
			s.Parent = ParentRoot
			s.ParentName, _ = d.textV1("name of a root type")
		} else {
			s.Parent = ParentItem
			s.ParentID = d.idV1("parent")
		}
		if info&HasParentSub != 0 {
			s.ParentSub, _ = d.textV1("key")
		}
	}
	s.Len = 1
	if s.Kind == String {
		s.Data, s.Len = d.textV1("text")
		return
	}
	d.contentV1(s)
}

// gapInfo is the info bits of a GC or Skip that mean nothing. Yjs reads a GC with any flags; a Skip with flags it
// reads when it applies an update, and refuses when it merges, so they are kept for the reader to judge.
func (d *Decoder) gapInfo(k Kind) uint8 {
	if k == GC {
		return 0xe0
	}
	return 0
}

func (d *Decoder) contentV1(s *Struct) {
	switch s.Kind {
	case Deleted:
		s.Len = d.length("length of deleted content")
	case JSON:
		d.jsonContentV1(s)
	case Binary:
		s.Data = d.bytes("binary content")
	case Embed:
		text, _ := d.textV1("embed")
		d.jsonValue(s, text)
	case Format:
		s.Key, _ = d.textV1("key of a format")
		text, _ := d.textV1("value of a format")
		d.jsonValue(s, text)
	case Type:
		s.TypeRef = d.typeRef(d.uvarint("kind of type"))
		s.Key = nil
		if s.TypeRef == XMLElementRef || s.TypeRef == XMLHookRef {
			s.Key, _ = d.textV1("name of an XML node")
		}
	case Any:
		s.Len = d.length("number of values")
		s.Data = d.values(s.Len)
	case Doc:
		s.Key, _ = d.textV1("guid of a subdocument")
		d.docOptions(s)
	default:
		d.fail("struct: unknown kind of content", d.pos-1)
	}
}

// length reads a length in clock units.
func (d *Decoder) length(what string) uint32 {
	n := d.uvarint(what)
	if n > math.MaxUint32 {
		d.fail(what+": 2^32 or more", d.pos)
		return 0
	}
	return uint32(n)
}

func (d *Decoder) idV1(what string) ID {
	var client uint64
	if p := d.pos; p+8 <= len(d.buf) && binary.LittleEndian.Uint64(d.buf[p:])&d.clientMask == d.clientWord {
		client = d.client
		d.pos = p + d.clientBytes
	} else {
		client = d.uvarint(what)
	}
	clock := d.uvarint(what)
	if clock > math.MaxUint32 {
		d.fail(what+": clock is 2^32 or more", d.pos)
	}
	return ID{Client: client, Clock: uint32(clock)}
}

// textV1 reads a string and counts its UTF-16 code units.
func (d *Decoder) textV1(what string) (text []byte, units uint32) {
	start := d.pos
	text = d.bytes(what)
	if len(text) == 1 && text[0] < 0x80 {
		return text, 1
	}
	n, ok := lib0.ValidUTF16Len(text)
	if !ok {
		d.fail(what+": not UTF-8", start)
	}
	return text, uint32(n)
}

func (d *Decoder) jsonContentV1(s *Struct) {
	s.Len = d.length("number of JSON values")
	start := d.pos
	var rewritten []byte // all values, if one is not canonical
	for range s.Len {
		before := d.pos
		text, _ := d.textV1("JSON value")
		if d.err != nil {
			return
		}
		canonical := d.jsonText(text, before)
		if d.err != nil {
			return
		}
		same := &canonical[0] == &text[0] && d.pos-before == lib0.UvarintLen(uint64(len(text)))+len(text)
		if !same && rewritten == nil {
			rewritten = append(make([]byte, 0, 2*(d.pos-start)), d.buf[start:before]...)
		}
		if rewritten != nil {
			rewritten = lib0.AppendBytes(rewritten, canonical)
		}
	}
	if s.Data = d.buf[start:d.pos:d.pos]; rewritten != nil {
		s.Data = rewritten
	}
}
