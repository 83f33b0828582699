package crdt

// arena holds the content of all items of a document in one buffer. Content is appended; freed content stays behind as
// dead bytes until the document is compacted. Offsets are 32 bits.
type arena struct {
	buf  []byte
	dead int // bytes of buf that no item uses

	// Room left behind content that had to be moved to grow: someone types there, and others elsewhere. The oldest is
	// forgotten (its bytes stay dead).
	gaps [4]gap
	next uint8
}

// gap is unused room in the arena, from at to end.
type gap struct{ at, end uint32 }

// put appends b and returns its offset.
func (a *arena) put(b []byte) uint32 {
	off := uint32(len(a.buf))
	a.buf = append(a.buf, b...)
	return off
}

// bytes returns content. Empty content has no place: its offset means nothing.
func (a *arena) bytes(off, size uint32) []byte {
	if size == 0 {
		return nil
	}
	return a.buf[off : off+size : off+size]
}

func (a *arena) free(off, size uint32) {
	if int(off+size) == len(a.buf) {
		a.buf = a.buf[:off]
		a.dropGaps()
		return
	}
	a.dead += int(size)
}

// dropGaps forgets gaps that the end of the buffer was cut away from.
func (a *arena) dropGaps() {
	for i := range a.gaps {
		if int(a.gaps[i].end) > len(a.buf) {
			a.gaps[i] = gap{}
		}
	}
}

// join makes two contents one and returns its offset; the size is the sum. The parts are no longer valid.
func (a *arena) join(off, size, off2, size2 uint32) uint32 {
	switch end := off + size; {
	case end == off2:
		return off
	case size2 == 0:
		return off
	case a.fill(end, off2, size2):
		return off
	}
	if int(off2+size2) == len(a.buf) {
		a.buf = append(a.buf, a.buf[off:off+size]...) // makes room; overwritten at once
		copy(a.buf[off2+size:], a.buf[off2:off2+size2])
		copy(a.buf[off2:], a.buf[off:off+size])
		a.dead += int(size)
		a.leaveGap(size, size2)
		return off2
	}
	at := uint32(len(a.buf))
	a.buf = append(a.buf, a.buf[off:off+size]...)
	a.buf = append(a.buf, a.buf[off2:off2+size2]...)
	a.dead += int(size) + int(size2)
	a.leaveGap(size, size2)
	return at
}

// fill moves content into the gap that begins at end, if there is one with room for it.
func (a *arena) fill(end, off2, size2 uint32) bool {
	for i := range a.gaps {
		g := &a.gaps[i]
		if g.at == end && g.end-g.at >= size2 && g.at != 0 {
			copy(a.buf[end:], a.buf[off2:off2+size2])
			g.at += size2
			a.dead -= int(size2)
			a.free(off2, size2)
			return true
		}
	}
	return false
}

// leaveGap leaves room at the end of the buffer, where long content has just been moved because a little was added to
// it: more is likely to follow.
func (a *arena) leaveGap(size, added uint32) {
	const long, little = 64, 16
	if size < long || added > little {
		return
	}
	room := min(size/2, 1024)
	at := uint32(len(a.buf))
	a.buf = append(a.buf, make([]byte, room)...)
	a.dead += int(room)
	a.gaps[a.next] = gap{at, at + room}
	a.next = (a.next + 1) % uint8(len(a.gaps))
}

// wasteful says whether so much of the buffer is dead that copying the rest pays.
func (a *arena) wasteful() bool {
	return a.dead > 512 && a.dead > len(a.buf)/2
}
