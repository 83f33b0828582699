package wire

import (
	"errors"
	"fmt"

	"github.com/symphony-rtc/symphony/crdt/lib0"
)

// Encoder writes one update: blocks of structs, then the delete set. Counts are filled in by Bytes, so nothing has to be
// known beforehand. The zero Encoder is ready for Reset; reuse one to encode without allocating. Not safe for concurrent
// use.
//
//	e.Reset(V1)
//	e.Block(client, clock+offset) // clients descending, as Yjs does
//	e.Struct(&s, offset)          // offset only in the first struct of a block
//	e.DeleteClient(client)        // clients descending
//	e.DeleteRange(clock, length)  // ascending
//	update, err := e.Bytes(nil)
type Encoder struct {
	v       Version
	rest    []byte // in V1 everything, in V2 what follows the columns; both without counts
	counts  []count
	deletes int // index of the count of clients in the delete set; 0 before it is begun
	err     error
	scratch []byte
	columns *columnWriters

	deleteClock uint32 // V2: end of the range before
}

// count is a number that belongs at a place in Encoder.rest.
type count struct {
	at int
	n  uint64
}

// Reset starts an update in encoding v.
func (e *Encoder) Reset(v Version) {
	if cap(e.rest) > maxKeptBytes || e.columns != nil && cap(e.columns.text) > maxKeptBytes {
		*e = Encoder{}
	}
	e.v, e.rest, e.err, e.deletes = v, e.rest[:0], nil, 0
	e.counts = append(e.counts[:0], count{})
	if v == V2 {
		if e.columns == nil {
			e.columns = new(columnWriters)
		}
		e.columns.reset()
	}
}

// Block starts a run of structs of client; clock is that of the first unit written. A block without structs must not
// be started.
func (e *Encoder) Block(client uint64, clock uint32) {
	e.counts[0].n++
	e.counts = append(e.counts, count{at: len(e.rest)})
	if e.v == V1 {
		e.rest = lib0.AppendUvarint(e.rest, client)
	} else {
		e.columns.client.write(client)
	}
	e.rest = lib0.AppendUvarint(e.rest, uint64(clock))
}

// Struct writes s without its first offset units: with an offset the origin becomes the unit before, and the content is
// cut (offset < s.Len). Info bits are written as they are in s, so HasParentSub may be set with an origin.
func (e *Encoder) Struct(s *Struct, offset uint32) {
	e.counts[len(e.counts)-1].n++
	if e.v == V1 {
		e.structV1(s, offset)
	} else {
		e.structV2(s, offset)
	}
}

// DeleteClient starts the deleted ranges of client. A client without ranges must not be started.
func (e *Encoder) DeleteClient(client uint64) {
	if e.deletes == 0 {
		e.deletes = len(e.counts)
		e.counts = append(e.counts, count{at: len(e.rest)})
	}
	e.counts[e.deletes].n++
	e.rest = lib0.AppendUvarint(e.rest, client)
	e.counts = append(e.counts, count{at: len(e.rest)})
	e.deleteClock = 0
}

// DeleteRange writes one deleted range; in V2 it must begin at or after the end of the one before.
func (e *Encoder) DeleteRange(clock, length uint32) {
	e.counts[len(e.counts)-1].n++
	if e.v == V1 {
		e.rest = lib0.AppendUvarint(e.rest, uint64(clock))
		e.rest = lib0.AppendUvarint(e.rest, uint64(length))
		return
	}
	if clock < e.deleteClock || length == 0 {
		e.fail(errors.New("deleted ranges are not in order, or one is empty"))
		return
	}
	e.rest = lib0.AppendUvarint(e.rest, uint64(clock-e.deleteClock))
	e.rest = lib0.AppendUvarint(e.rest, uint64(length-1))
	e.deleteClock = clock + length
}

// Bytes appends the update to dst. The error, if any, wraps ErrUnencodable. Bytes may be called once after a Reset.
func (e *Encoder) Bytes(dst []byte) ([]byte, error) {
	if e.err != nil {
		return dst, e.err
	}
	if e.deletes == 0 {
		e.counts = append(e.counts, count{at: len(e.rest)})
	}
	if e.v == V2 {
		dst = e.columns.append(append(dst, 0)) // the feature flag
	}
	from := 0
	for _, c := range e.counts {
		dst = append(dst, e.rest[from:c.at]...)
		dst = lib0.AppendUvarint(dst, c.n)
		from = c.at
	}
	return append(dst, e.rest[from:]...), nil
}

func (e *Encoder) fail(err error) {
	if e.err == nil {
		e.err = err
	}
}

// failValue records that a value has no encoding in V1.
func (e *Encoder) failValue(s *Struct, err error) {
	e.fail(fmt.Errorf("%w: struct %d:%d: %w", ErrUnencodable, s.ID.Client, s.ID.Clock, err))
}

// info is the info byte of s when written with an offset, and the origin it then has.
func (s *Struct) info(offset uint32) (info uint8, origin ID) {
	if offset == 0 {
		return uint8(s.Kind) | s.Info, s.Origin
	}
	return uint8(s.Kind) | s.Info | HasOrigin, ID{Client: s.ID.Client, Clock: s.ID.Clock + offset - 1}
}

// Cut is the content of s without its first offset units, as Struct.Data. If a surrogate pair is cut in two, its second
// half begins the result in three-byte form.
func (s *Struct) cut(offset uint32, scratch []byte) (data, grown []byte) {
	data = s.Data
	switch {
	case offset == 0:
	case s.Kind == String:
		i, inside := lib0.UTF16Index(data, int(offset))
		if !inside {
			return data[i:], scratch
		}
		scratch = lib0.AppendSurrogates(scratch[:0], data[i:], false, true)
		scratch = append(scratch, data[i+4:]...)
		return scratch, scratch
	case s.Kind == Any:
		for range offset {
			n, _, _ := lib0.ScanAny(data) // valid: it came from a Decoder
			data = data[n:]
		}
	case s.Kind == JSON:
		for range offset {
			_, n := lib0.Bytes(data)
			data = data[n:]
		}
	}
	return data, scratch
}
