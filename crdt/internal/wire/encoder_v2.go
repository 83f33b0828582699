package wire

import "github.com/symphony-rtc/symphony/crdt/lib0"

// structV2 writes a struct in V2 (yjs 13.6.33 src/structs/Item.js write, src/utils/UpdateEncoder.js).
func (e *Encoder) structV2(s *Struct, offset uint32) {
	c := e.columns
	switch s.Kind {
	case GC:
		c.info.write(uint8(GC))
		c.length.write(uint64(s.Len - offset))
		return
	case Skip:
		c.info.write(uint8(Skip))
		e.rest = lib0.AppendUvarint(e.rest, uint64(s.Len-offset))
		return
	}
	info, origin := s.info(offset)
	c.info.write(info)
	if info&HasOrigin != 0 {
		c.client.write(origin.Client)
		c.leftClock.write(int64(origin.Clock))
	}
	if info&HasRightOrigin != 0 {
		c.client.write(s.RightOrigin.Client)
		c.rightClock.write(int64(s.RightOrigin.Clock))
	}
	if info&(HasOrigin|HasRightOrigin) == 0 {
		if s.Parent == ParentRoot {
			c.parentInfo.write(1)
			c.writeText(s.ParentName, lib0.UTF16Len(s.ParentName))
		} else {
			c.parentInfo.write(0)
			c.client.write(s.ParentID.Client)
			c.leftClock.write(int64(s.ParentID.Clock))
		}
		if info&HasParentSub != 0 {
			c.writeText(s.ParentSub, lib0.UTF16Len(s.ParentSub))
		}
	}
	e.contentV2(s, offset)
}

func (e *Encoder) contentV2(s *Struct, offset uint32) {
	c := e.columns
	data := s.Data
	if offset > 0 {
		data, e.scratch = s.cut(offset, e.scratch)
	}
	switch s.Kind {
	case Deleted:
		c.length.write(uint64(s.Len - offset))
	case JSON:
		c.length.write(uint64(s.Len - offset))
		for range s.Len - offset {
			text, n := lib0.Bytes(data)
			c.writeText(text, lib0.UTF16Len(text))
			data = data[n:]
		}
	case Binary:
		e.rest = lib0.AppendBytes(e.rest, data)
	case String:
		c.writeText(data, int(s.Len-offset))
	case Embed:
		e.writeValue(s)
	case Format:
		c.writeKey(s.Key)
		e.writeValue(s)
	case Type:
		c.typeRef.write(uint64(s.TypeRef))
		if s.TypeRef == XMLElementRef || s.TypeRef == XMLHookRef {
			c.writeKey(s.Key)
		}
	case Any:
		c.length.write(uint64(s.Len - offset))
		e.rest = append(e.rest, data...)
	case Doc:
		c.writeText(s.Key, lib0.UTF16Len(s.Key))
		e.rest = append(e.rest, data...)
	}
}

// writeValue writes the value of an embed or format, any-encoded.
func (e *Encoder) writeValue(s *Struct) {
	if !s.ValueIsJSON {
		e.rest = append(e.rest, s.Data...)
		return
	}
	var err error
	if e.rest, err = lib0.JSONToAny(e.rest, s.Data); err != nil {
		e.fail(err)
	}
}
