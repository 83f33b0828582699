package wire

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
type Decoder struct{}

// Reset starts reading update. The Decoder and the Structs it fills point into update.
func (d *Decoder) Reset(update []byte, v Version) error { return nil }

// NextBlock starts the next run of structs of one client, whose first struct begins at clock. What is unread of the
// block before is skipped. The same client may come in several blocks. ok is false after the last block and after an
// error: see Err.
func (d *Decoder) NextBlock() (client uint64, clock uint32, structs int, ok bool) { return }

// Next reads the next struct of the block. Only the fields that the struct's kind and info make valid are set.
func (d *Decoder) Next(s *Struct) error { return nil }

// NextDeleteClient starts the next client of the delete set, with n ranges. Unread blocks and ranges are skipped. ok is
// false after the last client and after an error: see Err. The same client may come several times.
func (d *Decoder) NextDeleteClient() (client uint64, n int, ok bool) { return }

// NextRange reads the next deleted range. Ranges may come in any order and overlap.
func (d *Decoder) NextRange() (clock, length uint32, err error) { return }

// Err is the first error met, if any. It wraps ErrMalformed.
func (d *Decoder) Err() error { return nil }
