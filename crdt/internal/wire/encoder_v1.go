package wire

import "github.com/symphony-rtc/symphony/crdt/lib0"

// structV1 writes a struct in V1 (yjs 13.6.33 src/structs/Item.js write, src/utils/UpdateEncoder.js).
func (e *Encoder) structV1(s *Struct, offset uint32) {
	b := e.rest
	if s.Kind == GC || s.Kind == Skip {
		e.rest = lib0.AppendUvarint(append(b, uint8(s.Kind)), uint64(s.Len-offset))
		return
	}
	info, origin := s.info(offset)
	b = append(b, info)
	if info&HasOrigin != 0 {
		b = appendID(b, origin)
	}
	if info&HasRightOrigin != 0 {
		b = appendID(b, s.RightOrigin)
	}
	if info&(HasOrigin|HasRightOrigin) == 0 {
		if s.Parent == ParentRoot {
			b = lib0.AppendString(append(b, 1), s.ParentName)
		} else {
			b = appendID(append(b, 0), s.ParentID)
		}
		if info&HasParentSub != 0 {
			b = lib0.AppendString(b, s.ParentSub)
		}
	}
	e.rest = b
	e.contentV1(s, offset)
}

func appendID(b []byte, id ID) []byte {
	return lib0.AppendUvarint(lib0.AppendUvarint(b, id.Client), uint64(id.Clock))
}

func (e *Encoder) contentV1(s *Struct, offset uint32) {
	data := s.Data
	if offset > 0 {
		data, e.scratch = s.cut(offset, e.scratch)
	}
	b := e.rest
	switch s.Kind {
	case Deleted:
		b = lib0.AppendUvarint(b, uint64(s.Len-offset))
	case JSON, Any:
		b = lib0.AppendUvarint(b, uint64(s.Len-offset))
		b = append(b, data...)
	case Binary:
		b = lib0.AppendBytes(b, data)
	case String:
		b = lib0.AppendString(b, data)
	case Embed:
		b = e.appendJSON(b, s)
	case Format:
		b = e.appendJSON(lib0.AppendString(b, s.Key), s)
	case Type:
		b = append(b, s.TypeRef)
		if s.TypeRef == XMLElementRef || s.TypeRef == XMLHookRef {
			b = lib0.AppendString(b, s.Key)
		}
	case Doc:
		b = append(lib0.AppendString(b, s.Key), data...)
	}
	e.rest = b
}

// appendJSON writes the value of an embed or format as JSON text.
func (e *Encoder) appendJSON(b []byte, s *Struct) []byte {
	text := s.Data
	if !s.ValueIsJSON {
		var err error
		if e.scratch, err = lib0.AnyToJSON(e.scratch[:0], s.Data); err != nil {
			e.failValue(s, err)
			return b
		}
		text = e.scratch
	}
	return lib0.AppendBytes(b, text)
}
