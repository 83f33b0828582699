package wire

import (
	"encoding/binary"
	"math"

	"github.com/symphony-rtc/symphony/crdt/lib0"
)

// The type refs of shared types that carry a name.
const (
	XMLElementRef = 3
	XMLHookRef    = 5
	lastTypeRef   = 6
)

func (d *Decoder) typeRef(ref uint64) uint8 {
	if ref > lastTypeRef {
		d.fail("kind of type: unknown", d.pos)
		return 0
	}
	return uint8(ref)
}

// values reads n any-encoded values that follow each other.
func (d *Decoder) values(n uint32) []byte {
	if uint64(n) > uint64(len(d.buf)-d.pos) {
		d.fail("values: more than the update has room for", d.pos)
		return nil
	}
	start, allCanonical := d.pos, true
	for range n {
		_, canonical := d.scanValue()
		if d.err != nil {
			return nil
		}
		allCanonical = allCanonical && canonical
	}
	data := d.buf[start:d.pos:d.pos]
	if allCanonical {
		return data
	}
	sideStart := len(d.side)
	for len(data) > 0 {
		n, _, _ := lib0.ScanAny(data)
		d.side, _ = lib0.CanonicalAny(d.side, data[:n]) // cannot fail: it was just scanned
		data = data[n:]
	}
	return d.side[sideStart:len(d.side):len(d.side)]
}

func (d *Decoder) scanValue() (value []byte, canonical bool) {
	n, canonical, err := lib0.ScanAny(d.buf[d.pos:])
	if err != nil {
		d.fail("value: "+err.Error()+" of what begins", d.pos)
		return nil, false
	}
	start := d.pos
	d.pos += n
	return d.buf[start:d.pos:d.pos], canonical
}

// jsonValue sets the value of an embed or format from JSON text. A number that canonical JSON text would change (-0,
// 1e999) is kept any-encoded instead, since V2 carries it; written in V1 it becomes what JSON.stringify makes of it.
func (d *Decoder) jsonValue(s *Struct, text []byte) {
	if d.err != nil {
		return
	}
	canonical, side, lossless, err := lib0.CanonicalJSON(d.side, text)
	if err != nil {
		d.fail("JSON value: "+err.Error()+" of what ends", d.pos)
		return
	}
	if lossless {
		s.Data, d.side, s.ValueIsJSON = canonical, side, true
		return
	}
	start := len(d.side)
	d.side, _ = lib0.JSONToAny(d.side, text) // cannot fail: it was just parsed
	s.Data, s.ValueIsJSON = d.side[start:len(d.side):len(d.side)], false
}

// jsonText returns a value of JSON content as Yjs would write it: text itself, or in d.side.
func (d *Decoder) jsonText(text []byte, at int) []byte {
	if string(text) == "undefined" {
		return text
	}
	canonical, side, _, err := lib0.CanonicalJSON(d.side, text)
	if err != nil {
		d.fail("JSON value: "+err.Error()+" of what begins", at)
		return nil
	}
	d.side = side
	return canonical
}

// docOptions reads the options of a subdocument and keeps what Yjs keeps of them (yjs 13.6.33
// src/structs/ContentDoc.js): gc if false, autoLoad if true, meta if not null, in this order. A guid among them wins.
func (d *Decoder) docOptions(s *Struct) {
	at := d.pos
	opts, canonical := d.scanValue()
	if d.err != nil {
		return
	}
	if !canonical {
		start := len(d.side)
		d.side, _ = lib0.CanonicalAny(d.side, opts)
		opts = d.side[start:len(d.side):len(d.side)]
	}
	if opts[0] == lib0.TagNull || opts[0] == lib0.TagUndefined {
		d.fail("options of a subdocument: none", at)
		return
	}
	var gc, autoLoad, meta, guid []byte
	for key, value := range lib0.Members(opts) {
		switch string(key) {
		case "gc":
			gc = value
		case "autoLoad":
			autoLoad = value
		case "meta":
			meta = value
		case "guid":
			guid = value
		}
	}
	if len(guid) > 0 && guid[0] == lib0.TagString {
		s.Key, _ = lib0.Bytes(guid[1:])
	}
	n := byte(0)
	start := len(d.side)
	d.side = append(d.side, lib0.TagObject, 0)
	if len(gc) > 0 && gc[0] != lib0.TagUndefined && !truthy(gc) {
		n++
		d.side = append(append(d.side, "\x02gc"...), lib0.TagFalse)
	}
	if truthy(autoLoad) {
		n++
		d.side = append(append(d.side, "\x08autoLoad"...), lib0.TagTrue)
	}
	if len(meta) > 0 && meta[0] != lib0.TagUndefined && meta[0] != lib0.TagNull {
		n++
		d.side = append(append(d.side, "\x04meta"...), meta...)
	}
	d.side[start+1] = n
	s.Data = d.side[start:len(d.side):len(d.side)]
}

// truthy is JavaScript's idea of a canonical any-encoded value as a condition.
func truthy(value []byte) bool {
	if len(value) == 0 {
		return false
	}
	switch value[0] {
	case lib0.TagUndefined, lib0.TagNull, lib0.TagFalse:
		return false
	case lib0.TagInteger:
		return value[1]&0x3f != 0 || value[1] >= 0x80
	case lib0.TagFloat64:
		return !math.IsNaN(math.Float64frombits(binary.BigEndian.Uint64(value[1:])))
	case lib0.TagBigInt:
		return binary.BigEndian.Uint64(value[1:]) != 0
	case lib0.TagString:
		return value[1] != 0
	}
	return true
}
