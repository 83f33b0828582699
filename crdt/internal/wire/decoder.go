package wire

import (
	"encoding/binary"
	"math"
	"math/bits"

	"github.com/symphony-rtc/symphony/crdt/lib0"
)

// ExtraStructs is how many structs a V2 update may hold beyond its length in bytes. Run-length encoding can make
// structs of nothing at all (a million empty nested arrays take some 60 bytes), so this bounds the work and memory that
// a short update can ask for. In V1 every struct takes two bytes or more.
const ExtraStructs = 1 << 20

// What a Decoder or Encoder keeps for its next update, so that one huge update does not hold memory for ever.
const (
	maxKeptSide  = 1 << 16 // bytes of rewritten values
	maxKeptKeys  = 1 << 12
	maxKeptBytes = 1 << 20 // of each buffer of an Encoder
)

// Decoder reads one update, struct by struct, then its delete set. The zero Decoder is ready for Reset; reuse one to
// decode without allocating. Not safe for concurrent use.
//
//	if err := d.Reset(update, V1); err != nil { ... }
//	for {
//		client, clock, n, ok := d.NextBlock()
//		if !ok { break }
//		for range n {
//			if err := d.Next(&s); err != nil { ... }
//		}
//	}
//	for {
//		client, n, ok := d.NextDeleteClient()
//		if !ok { break }
//		for range n {
//			clock, length, err := d.NextRange()
//		}
//	}
//	if err := d.Err(); err != nil { ... }
//
// What is read is as Yjs would hold it after reading: values are canonical (written again they are the bytes that Yjs
// would write), HasParentSub is cleared where Yjs ignores it (with an origin or right origin), strings are UTF-8 except
// that half of a surrogate pair (V2 can split one between two strings) is kept as its three-byte form ED A0..BF xx,
// which the Encoder turns into what Yjs writes. Structs and ranges never have length 0, and clock + length always fits
// in a uint32. Bytes after the delete set are ignored, as Yjs does.
//
// Stricter than Yjs: it refuses what no Yjs writes, such as columns that end too early (Yjs reads zeros), structs of
// length 0, numbers out of range.
//
// Memory is proportional to the length of the update, plus what ExtraStructs bounds; so is time.
type Decoder struct {
	buf []byte // the update
	pos int    // in V1 of everything, in V2 of the part after the columns
	v   Version
	err error

	blocks  uint64 // not yet started
	structs uint64 // of the current block, not yet read
	extra   uint64 // structs that may still come, in V2
	client  uint64
	clock   uint64 // of the next struct

	// The client of the block as it is written in V1: in the low bytes of a word, so that ids which name it again,
	// as most do, are read with one comparison.
	clientWord, clientMask uint64
	clientBytes            int

	deletes      uint64 // clients of the delete set not yet started
	ranges       uint64 // of the current client, not yet read
	deleteClock  uint64 // V2: end of the range before
	deletesBegun bool
	side         []byte // values that had to be rewritten; only appended to, so that slices of it stay
	columns      *columns
}

// Reset starts reading update. The Decoder and the Structs it fills point into update.
func (d *Decoder) Reset(update []byte, v Version) error {
	d.buf, d.pos, d.v, d.err = update, 0, v, nil
	d.structs, d.ranges, d.deletes, d.deletesBegun = 0, 0, 0, false
	if d.side = d.side[:0]; cap(d.side) > maxKeptSide {
		d.side = nil
	}
	if v == V2 {
		if d.columns == nil {
			d.columns = new(columns)
		}
		d.extra = uint64(len(update)) + ExtraStructs
		d.columns.reset(d)
	}
	d.blocks = d.uvarint("number of clients")
	if d.blocks > uint64(len(d.buf)-d.pos) {
		d.fail("number of clients: more than the update has room for", d.pos)
	}
	return d.err
}

// AllowStructs sets how many structs a V2 update may hold, in place of the bound that Reset chose: for callers that
// bound the memory for structs themselves. It is called right after Reset.
func (d *Decoder) AllowStructs(n uint64) { d.extra = max(d.extra, n) }

// Err is the first error met, if any. It wraps ErrMalformed.
func (d *Decoder) Err() error { return d.err }

// fail records the first error, and makes further reads fail fast.
func (d *Decoder) fail(what string, offset int) {
	if d.err == nil {
		d.err = &MalformedError{What: what, Offset: offset}
	}
	d.pos = len(d.buf)
	d.blocks, d.structs, d.deletes, d.ranges = 0, 0, 0, 0
}

// NextBlock starts the next run of structs of one client, whose first struct begins at clock. What is unread of the
// block before is skipped. The same client may come in several blocks. ok is false after the last block and after an
// error: see Err.
func (d *Decoder) NextBlock() (client uint64, clock uint32, structs int, ok bool) {
	if d.structs > 0 {
		d.skipStructs()
	}
	if d.blocks == 0 {
		return 0, 0, 0, false
	}
	d.blocks--
	n := d.uvarint("number of structs")
	if d.v == V1 {
		start := d.pos
		d.client = d.uvarint("client")
		d.rememberClient(start)
		d.clock = d.uvarint("clock")
		if n > uint64(len(d.buf)-d.pos)/2 {
			d.fail("number of structs: more than the update has room for", d.pos)
		}
	} else {
		d.client = d.columns.client.read(d, "client")
		d.clock = d.uvarint("clock")
		if n > d.extra {
			d.fail("number of structs: over the limit", d.pos)
		}
		d.extra -= n
	}
	if d.clock > math.MaxUint32 {
		d.fail("clock: 2^32 or more", d.pos)
	}
	if d.err != nil {
		return 0, 0, 0, false
	}
	d.structs = n
	return d.client, uint32(d.clock), int(n), true
}

func (d *Decoder) rememberClient(start int) {
	d.clientBytes = d.pos - start
	d.clientWord, d.clientMask = 1, 0 // matches nothing
	if d.clientBytes <= 8 && start+8 <= len(d.buf) {
		d.clientMask = 1<<(8*d.clientBytes) - 1
		d.clientWord = binary.LittleEndian.Uint64(d.buf[start:]) & d.clientMask
	}
}

func (d *Decoder) skipStructs() {
	var s Struct
	for d.structs > 0 {
		d.Next(&s)
	}
}

// Next reads the next struct of the block. Only the fields that the struct's kind and info make valid are set.
func (d *Decoder) Next(s *Struct) error {
	if d.structs == 0 {
		if d.err == nil {
			d.fail("struct: the block has no more", d.pos)
		}
		return d.err
	}
	d.structs--
	if d.v == V1 {
		d.structV1(s)
	} else {
		d.structV2(s)
	}
	if s.Len == 0 && d.err == nil {
		d.fail("struct: of length 0", d.pos)
	}
	s.ID = ID{Client: d.client, Clock: uint32(d.clock)}
	if d.clock += uint64(s.Len); d.clock > math.MaxUint32 {
		d.fail("struct: clock reaches 2^32", d.pos)
	}
	return d.err
}

// NextDeleteClient starts the next client of the delete set, with n ranges. Unread blocks and ranges are skipped. ok is
// false after the last client and after an error: see Err. The same client may come several times.
func (d *Decoder) NextDeleteClient() (client uint64, n int, ok bool) {
	if !d.deletesBegun {
		for d.blocks > 0 || d.structs > 0 {
			d.NextBlock()
		}
		if d.err != nil {
			return 0, 0, false
		}
		d.deletesBegun = true
		d.deletes = d.uvarint("number of clients in the delete set")
		if d.deletes > uint64(len(d.buf)-d.pos)/2 {
			d.fail("number of clients in the delete set: more than the update has room for", d.pos)
		}
	}
	for d.ranges > 0 {
		if _, _, err := d.NextRange(); err != nil {
			return 0, 0, false
		}
	}
	if d.deletes == 0 {
		return 0, 0, false
	}
	d.deletes--
	d.deleteClock = 0
	client = d.uvarint("client in the delete set")
	ranges := d.uvarint("number of deleted ranges")
	if ranges > uint64(len(d.buf)-d.pos)/2 {
		d.fail("number of deleted ranges: more than the update has room for", d.pos)
	}
	if d.err != nil {
		return 0, 0, false
	}
	d.ranges = ranges
	return client, int(ranges), true
}

// NextRange reads the next deleted range. Ranges may come in any order and overlap.
func (d *Decoder) NextRange() (clock, length uint32, err error) {
	if d.ranges == 0 {
		if d.err == nil {
			d.fail("deleted range: the client has no more", d.pos)
		}
		return 0, 0, d.err
	}
	d.ranges--
	at := d.uvarint("clock of a deleted range")
	n := d.uvarint("length of a deleted range")
	if d.v == V2 {
		at += d.deleteClock
		n++
		d.deleteClock = at + n
	}
	if n == 0 || at+n > math.MaxUint32 {
		d.fail("deleted range: of length 0 or reaching 2^32", d.pos)
	}
	if d.err != nil {
		return 0, 0, d.err
	}
	return uint32(at), uint32(n), nil
}

// uvarint reads a varUint; what names it in an error.
func (d *Decoder) uvarint(what string) uint64 {
	if p := d.pos; p < len(d.buf) {
		if b := d.buf[p]; b < 0x80 {
			d.pos = p + 1
			return uint64(b)
		}
		if p+8 <= len(d.buf) {
			w := binary.LittleEndian.Uint64(d.buf[p:])
			if w&0x8000 == 0 { // two and three bytes are what most clocks take
				d.pos = p + 2
				return w&0x7f | w>>1&0x3f80
			}
			if w&0x800000 == 0 {
				d.pos = p + 3
				return w&0x7f | w>>1&0x3f80 | w>>2&0x1fc000
			}
			if v, n := packVarint(w); n > 0 {
				d.pos = p + n
				return v
			}
		}
	}
	v, n := lib0.Uvarint(d.buf[d.pos:])
	if n == 0 {
		d.fail(what+": ends too early or is above 2^53-1", d.pos)
	}
	d.pos += n
	return v
}

// packVarint decodes the varUint of up to 7 bytes that w, loaded little-endian, begins with. n is 0 if it is longer.
func packVarint(w uint64) (v uint64, n int) {
	last := ^w & 0x0080808080808080
	if last == 0 {
		return 0, 0
	}
	w &= last ^ (last - 1) // up to and with the last byte
	w &= 0x007f7f7f7f7f7f7f
	w = w&0x007f007f007f007f | w>>1&0x3f803f803f803f80
	w = w&0x00003fff00003fff | w>>2&0x0fffc0000fffc000
	w = w&0x000000000fffffff | w>>4&0x00fffffff0000000
	return w, bits.TrailingZeros64(last)/8 + 1
}

// bytes reads a length and that many bytes.
func (d *Decoder) bytes(what string) []byte {
	n := d.uvarint(what)
	if n > uint64(len(d.buf)-d.pos) {
		d.fail(what+": ends too early", d.pos)
		return nil
	}
	start := d.pos
	d.pos += int(n)
	return d.buf[start:d.pos:d.pos]
}
