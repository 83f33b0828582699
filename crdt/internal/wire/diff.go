package wire

// Diff is what of update goes beyond the state vector sv, with the whole delete set (yjs 13.6.33 src/utils/updates.js
// diffUpdateV2).
func Diff(update, sv []byte, v Version) ([]byte, error) {
	state, err := DecodeStateVector(sv)
	if err != nil {
		return nil, err
	}
	var r lazyReader
	if err := r.start(update, v, true); err != nil {
		return nil, err
	}
	var w lazyWriter
	w.e.Reset(v)
	for !r.done {
		client := r.s.ID.Client
		known := state[client]
		switch {
		case r.s.Kind == Skip: // must not be the first struct written
			r.next()
		case r.s.end() <= known:
			for !r.done && r.s.ID.Client == client && r.s.end() <= known {
				r.next()
			}
		default:
			w.write(&r.s, max(known, r.s.ID.Clock)-r.s.ID.Clock)
			for r.next(); !r.done && r.s.ID.Client == client; r.next() {
				w.write(&r.s, 0)
			}
		}
	}
	return finish(&r.d, &w.e)
}

// Convert is update in another encoding (yjs 13.6.33 src/utils/updates.js convertUpdateFormat).
func Convert(update []byte, from, to Version) ([]byte, error) {
	var r lazyReader
	if err := r.start(update, from, true); err != nil {
		return nil, err
	}
	var w lazyWriter
	w.e.Reset(to)
	for ; !r.done; r.next() {
		w.write(&r.s, 0)
	}
	return finish(&r.d, &w.e)
}

// finish copies the delete set and returns the update.
func finish(d *Decoder, e *Encoder) ([]byte, error) {
	ds, err := appendDeletes(nil, d)
	if err != nil {
		return nil, err
	}
	writeDeletes(e, ds)
	return e.Bytes(nil)
}

// Summary is what Scan found in an update.
type Summary struct {
	Structs int // Skips not counted
	Units   uint64
	Ranges  int // deleted
}

// Scan reads update to its end, so that its error says whether any of it is malformed.
func Scan(update []byte, v Version) (Summary, error) {
	var sum Summary
	var r lazyReader
	if err := r.start(update, v, false); err != nil {
		return sum, err
	}
	for ; !r.done; r.next() {
		sum.Structs++
		sum.Units += uint64(r.s.Len)
	}
	for {
		_, n, ok := r.d.NextDeleteClient()
		if !ok {
			return sum, r.d.Err()
		}
		sum.Ranges += n
	}
}
