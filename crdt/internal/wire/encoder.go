package wire

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
type Encoder struct{}

// Reset starts an update in encoding v.
func (e *Encoder) Reset(v Version) {}

// Block starts a run of structs of client; clock is that of the first unit written. A block without structs must not
// be started.
func (e *Encoder) Block(client uint64, clock uint32) {}

// Struct writes s without its first offset units: with an offset the origin becomes the unit before, and the content is
// cut (offset < s.Len). Info bits are written as they are in s, so HasParentSub may be set with an origin.
func (e *Encoder) Struct(s *Struct, offset uint32) {}

// DeleteClient starts the deleted ranges of client. A client without ranges must not be started.
func (e *Encoder) DeleteClient(client uint64) {}

// DeleteRange writes one deleted range; in V2 it must begin at or after the end of the one before.
func (e *Encoder) DeleteRange(clock, length uint32) {}

// Bytes appends the update to dst. The error, if any, wraps ErrUnencodable.
func (e *Encoder) Bytes(dst []byte) ([]byte, error) { return dst, nil }
