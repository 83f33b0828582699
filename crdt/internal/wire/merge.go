package wire

import "github.com/symphony-rtc/symphony/crdt/lib0"

// Merge makes one update of several. A single update is returned as it is, unread. Nothing is squashed except GCs that
// meet; gaps become Skips (yjs 13.6.33 src/utils/updates.js mergeUpdatesV2).
//
// The order of steps is Yjs' own, as its output depends on it; only the search for the next struct differs: Yjs sorts
// all readers for every step, a queue does it here.
func Merge(updates [][]byte, v Version) ([]byte, error) {
	if len(updates) == 1 {
		return updates[0], nil
	}
	readers := make([]lazyReader, len(updates))
	for i := range readers {
		if err := readers[i].start(updates[i], v, false); err != nil {
			return nil, err
		}
	}
	m := merger{queue: newQueue(readers)}
	m.w.e.Reset(v)
	for r := m.queue.first(); r != nil; r = m.queue.first() {
		m.step(r)
		m.queue.fix()
	}
	if m.pending {
		m.w.write(&m.cur, 0)
	}
	var ds []deleted
	for i := range readers {
		var err error
		if ds, err = appendDeletes(ds, &readers[i].d); err != nil {
			return nil, err
		}
	}
	writeDeletes(&m.w.e, mergeDeletes(ds))
	return m.w.e.Bytes(nil)
}

// merger is the state of a merge: the last struct taken, not yet written since a GC may still grow.
type merger struct {
	queue   *queue
	w       lazyWriter
	cur     Struct
	pending bool // cur is set
}

// step takes from r, the reader with the next struct, what follows on cur.
func (m *merger) step(r *lazyReader) {
	client := r.s.ID.Client
	if !m.pending {
		m.pending = true
		m.cur = r.s
		r.next()
	} else {
		skipped := false
		for !r.done && r.s.end() <= m.cur.end() && r.s.ID.Client >= m.cur.ID.Client {
			r.next()
			skipped = true
		}
		if r.done || r.s.ID.Client != client || skipped && r.s.ID.Clock > m.cur.end() {
			return // another reader may have what comes first now
		}
		m.join(r)
	}
	for !r.done && r.s.ID.Client == client && r.s.ID.Clock == m.cur.end() {
		m.take(&r.s)
		r.next()
	}
}

// join puts the struct of r, which does not lie within cur, after cur.
func (m *merger) join(r *lazyReader) {
	cur := &m.cur
	switch {
	case r.s.ID.Client != cur.ID.Client:
		m.take(&r.s)
		r.next()
	case cur.end() < r.s.ID.Clock:
		gap := Struct{Kind: Skip, ID: ID{cur.ID.Client, cur.end()}, Len: r.s.ID.Clock - cur.end()}
		m.take(&gap) // and then, by the caller's loop, the struct after the gap
	case cur.Kind == GC && r.s.Kind == GC:
		cur.Len = r.s.end() - cur.ID.Clock // r stays: what it is at is now within cur
	default:
		s := r.s.after(cur.end() - r.s.ID.Clock)
		m.take(&s)
		r.next()
	}
}

// take writes cur and makes s the next one.
func (m *merger) take(s *Struct) {
	m.w.write(&m.cur, 0)
	m.cur = *s
}

// after is s without its first n units, as a struct of its own (sliceStruct). Unlike writing with an offset, this
// replaces both halves of a surrogate pair that is cut by U+FFFD, as Yjs does when it splits content.
func (s *Struct) after(n uint32) Struct {
	right := *s
	if n == 0 {
		return right
	}
	right.ID.Clock += n
	right.Len -= n
	if s.Kind == GC {
		return right
	}
	right.Info |= HasOrigin
	right.Origin = ID{Client: s.ID.Client, Clock: s.ID.Clock + n - 1}
	right.Data, _ = s.cut(n, nil)
	if s.Kind == String {
		right.Data = repair(s.Data, int(n), right.Data)
	}
	return right
}

// repair is right, the text after the first n units of text, with U+FFFD for its first unit if the unit before is
// the first half of a surrogate pair.
func repair(text []byte, n int, right []byte) []byte {
	const replacement = "\uFFFD"
	i, inside := lib0.UTF16Index(text, n)
	if inside {
		return append([]byte(replacement), text[i+4:]...)
	}
	if !lib0.EndsHigh(text[:i]) {
		return right
	}
	width, inside := lib0.UTF16Index(right, 1)
	if inside { // the unit after is half of a character itself
		repaired := lib0.AppendSurrogates([]byte(replacement), right, false, true)
		return append(repaired, right[4:]...)
	}
	return append([]byte(replacement), right[width:]...)
}
