package wire

import (
	"math"

	"github.com/symphony-rtc/symphony/crdt/lib0"
)

// structV2 reads a struct in V2: most of its fields have a column each (yjs 13.6.33 src/utils/UpdateDecoder.js).
func (d *Decoder) structV2(s *Struct) {
	c := d.columns
	info := c.info.read(d, "info of a struct")
	s.Kind, s.Info, s.Parent = Kind(info&0x1f), info&^0x1f, ParentUnknown
	switch s.Kind {
	case GC:
		s.Info = 0
		s.Len = d.lengthV2("length of a gap")
		return
	case Skip:
		s.Len = d.length("length of a gap")
		return
	}
	if info&(HasOrigin|HasRightOrigin) != 0 {
		s.Info &^= HasParentSub
		if info&HasOrigin != 0 {
			s.Origin = d.idV2(&c.leftClock, "origin")
		}
		if info&HasRightOrigin != 0 {
			s.RightOrigin = d.idV2(&c.rightClock, "right origin")
		}
	} else {
		if c.parentInfo.read(d, "kind of parent") == 1 {
			s.Parent = ParentRoot
			s.ParentName, _ = c.text.read(d, "name of a root type")
		} else {
			s.Parent = ParentItem
			s.ParentID = d.idV2(&c.leftClock, "parent")
		}
		if info&HasParentSub != 0 {
			s.ParentSub, _ = c.text.read(d, "key")
		}
	}
	s.Len = 1
	if s.Kind == String {
		s.Data, s.Len = c.text.read(d, "text")
		return
	}
	if d.err == nil {
		d.contentV2(s)
	}
}

func (d *Decoder) contentV2(s *Struct) {
	c := d.columns
	switch s.Kind {
	case Deleted:
		s.Len = d.lengthV2("length of deleted content")
	case JSON:
		d.jsonContentV2(s)
	case Binary:
		s.Data = d.bytes("binary content")
	case Embed:
		s.Data, s.ValueIsJSON = d.values(1), false
	case Format:
		s.Key = c.key(d, "key of a format")
		s.Data, s.ValueIsJSON = d.values(1), false
	case Type:
		s.TypeRef = d.typeRef(c.typeRef.read(d, "kind of type"))
		s.Key = nil
		if s.TypeRef == XMLElementRef || s.TypeRef == XMLHookRef {
			s.Key = c.key(d, "name of an XML node")
		}
	case Any:
		s.Len = d.lengthV2("number of values")
		s.Data = d.values(s.Len)
	case Doc:
		s.Key, _ = c.text.read(d, "guid of a subdocument")
		d.docOptions(s)
	default:
		d.fail("struct: unknown kind of content", c.info.offset())
	}
}

func (d *Decoder) lengthV2(what string) uint32 {
	n := d.columns.length.read(d, what)
	if n > math.MaxUint32 {
		d.fail(what+": 2^32 or more", d.columns.length.offset())
		return 0
	}
	return uint32(n)
}

func (d *Decoder) idV2(clocks *diffColumn, what string) ID {
	client := d.columns.client.read(d, what)
	return ID{Client: client, Clock: clocks.clock(d, what)}
}

func (d *Decoder) jsonContentV2(s *Struct) {
	s.Len = d.lengthV2("number of JSON values")
	texts := make([]byte, 0, 64)
	for range s.Len {
		text, _ := d.columns.text.read(d, "JSON value")
		if d.err != nil {
			return
		}
		if texts = lib0.AppendBytes(texts, d.jsonText(text, d.pos)); d.err != nil {
			return
		}
	}
	s.Data = texts
}
