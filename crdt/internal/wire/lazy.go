package wire

// lazyReader reads the structs of an update one by one, across blocks (yjs 13.6.33 src/utils/updates.js
// LazyStructReader).
type lazyReader struct {
	d     Decoder
	s     Struct // the current one, unless done
	left  int    // in the block, after s
	done  bool   // no more structs, or an error: see d.Err
	turn  int    // breaks ties in the queue of a merge
	skips bool   // Skips are wanted
}

// start reads up to the first struct of update.
func (r *lazyReader) start(update []byte, v Version, skips bool) error {
	r.skips = skips
	if r.d.Reset(update, v) != nil {
		r.done = true
	} else {
		r.next()
	}
	return r.d.Err()
}

// next goes to the next struct.
func (r *lazyReader) next() {
	for {
		for r.left == 0 {
			_, _, n, ok := r.d.NextBlock()
			if !ok {
				r.done = true
				return
			}
			r.left = n
		}
		r.left--
		if r.d.Next(&r.s) != nil {
			r.done = true
			return
		}
		if r.s.Kind != Skip {
			return
		}
		if r.s.Info != 0 {
			r.d.fail("struct: a Skip with flags", r.d.pos)
			r.done = true
			return
		}
		if r.skips {
			return
		}
	}
}

// lazyWriter writes structs, starting a block whenever the client changes (LazyStructWriter).
type lazyWriter struct {
	e      Encoder
	client uint64
	begun  bool
}

func (w *lazyWriter) write(s *Struct, offset uint32) {
	if !w.begun || w.client != s.ID.Client {
		w.e.Block(s.ID.Client, s.ID.Clock+offset)
		w.begun, w.client = true, s.ID.Client
	}
	w.e.Struct(s, offset)
}

// end is the clock after the last unit of s.
func (s *Struct) end() uint32 { return s.ID.Clock + s.Len }
