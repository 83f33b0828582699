package crdt

import (
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/symphony-rtc/symphony/crdt/internal/wire"
)

// An update is decoded whole before anything of it takes effect: its structs become items that are not linked yet,
// "staged", its content goes to the end of the arena. If the update turns out to be malformed, all of it is taken back.
//
// While staged, an item's links hold how it names its parent: left > 0 is a root type; left < 0 is the client of the
// item that carries the parent, whose clock is in originClock; right is the key of the entry, if it is one.

// block is the staged structs of one client, in the update's order: Staged[at:end]. It is consumed from the front.
type block struct {
	client  uint32
	at, end int32
	gone    bool // its structs wait for others, or the client came again
}

// idRange is a range of units of a client.
type idRange struct {
	client        uint64
	clock, length uint32
}

// stageMark is what stage changes of the document, to take it back.
type stageMark struct {
	arena   int
	keys    int
	clients int
	roots   int
}

// stage decodes an update into t.staged, t.blocks and t.incoming. After an error the document is as it was.
func (t *txn) stage(update []byte, v wire.Version) error {
	t.staged, t.blocks, t.incoming = t.staged[:0], t.blocks[:0], t.incoming[:0]
	t.mark = stageMark{len(t.arena.buf), len(t.keys), len(t.clients), len(t.roots)}
	err := t.decode(update, v)
	if err != nil {
		t.unstage()
	}
	return err
}

func (t *txn) unstage() {
	for _, b := range t.blocks {
		t.clients[b.client].block = 0
	}
	for _, i := range slices.Backward(t.staged) {
		t.dropItem(i)
	}
	t.staged, t.blocks = t.staged[:0], t.blocks[:0]
	t.arena.buf = t.arena.buf[:t.mark.arena]
	t.dropRoots(t.mark.roots)
	t.dropKeys(t.mark.keys)
	t.dropClients(t.mark.clients)
}

func (t *txn) decode(update []byte, v wire.Version) error {
	dec := &t.dec
	if err := dec.Reset(update, v); err != nil {
		return fmt.Errorf("read update: %w", err)
	}
	dec.AllowStructs(uint64(t.maxSize / itemBytes)) // stageBlock sees to it that they fit
	for {
		id, _, n, ok := dec.NextBlock()
		if !ok {
			break
		}
		if err := t.stageBlock(id, n, len(update)); err != nil {
			return err
		}
	}
	for {
		id, n, ok := dec.NextDeleteClient()
		if !ok {
			break
		}
		for range n {
			clock, length, err := dec.NextRange()
			if err != nil {
				return fmt.Errorf("read delete set: %w", err)
			}
			t.incoming = append(t.incoming, idRange{id, clock, length})
		}
	}
	if err := dec.Err(); err != nil {
		return fmt.Errorf("read update: %w", err)
	}
	return nil
}

// stageBlock stages the structs of the decoder's block from the first on that matters.
func (t *txn) stageBlock(id uint64, n, size int) error {
	c := t.lookClient(id)
	known := uint32(0)
	if c != 0 {
		known = t.clients[c].state
	}
	if n > 16 {
		t.items = reserve(t.items, min(n+1, size))
	}
	from := int32(len(t.staged))
	s := &t.in
	for range n {
		if err := t.dec.Next(s); err != nil {
			return fmt.Errorf("read struct: %w", err)
		}
		if err := checkStruct(s); err != nil {
			return err
		}
		if s.ID.Clock+s.Len <= known && int(from) == len(t.staged) && !t.knownMatters(c, s) {
			continue
		}
		if c == 0 {
			if len(t.clients) >= t.maxClients {
				return fmt.Errorf("%w: more than %d clients", ErrTooLarge, t.maxClients)
			}
			c = t.getClient(id)
		}
		t.stageStruct(c, s)
		if t.room -= itemBytes; t.room < 0 {
			return fmt.Errorf("%w: more than %d bytes", ErrTooLarge, t.maxSize)
		}
	}
	if c == 0 {
		return nil
	}
	// Of a client that comes twice, yjs uses the last block only.
	if b := t.clients[c].block; b != 0 {
		t.blocks[b-1].gone = true
		t.clients[c].block = 0
	}
	if int(from) == len(t.staged) {
		return nil
	}
	t.blocks = append(t.blocks, block{client: c, at: from, end: int32(len(t.staged))})
	t.clients[c].block = int32(len(t.blocks))
	return nil
}

// manyStaged is from how many structs on an update is a large one: memory is reserved generously for it, and what
// remains unused given back afterwards.
const manyStaged = 64

// checkStruct refuses what would make yjs fail half way: a struct that refers to its own client's future.
func checkStruct(s *wire.Struct) error {
	if s.ID.Clock+s.Len > maxClock {
		return fmt.Errorf("%w: clock of client %d beyond %d", ErrTooLarge, s.ID.Client, maxClock)
	}
	if s.Kind == wire.GC || s.Kind == wire.Skip {
		return nil
	}
	later := func(id wire.ID) bool { return id.Client == s.ID.Client && id.Clock >= s.ID.Clock }
	if s.Info&wire.HasOrigin != 0 && later(s.Origin) || s.Info&wire.HasRightOrigin != 0 && later(s.RightOrigin) ||
		parentOnWire(s) && later(s.ParentID) {
		return fmt.Errorf("%w: struct %d of client %d refers to itself or a later one", ErrMalformed, s.ID.Clock, s.ID.Client)
	}
	return nil
}

// knownMatters says whether s, which is known, may have an effect nevertheless. yjs looks for the neighbours of known
// structs, too, splits what contains them, and waits for them if they are missing. That is without effect if the struct
// has been integrated here as it is. It is not if s continues a string that is still whole here, and splits a surrogate
// pair of it; nor if it came as GC, without neighbours.
func (t *txn) knownMatters(c uint32, s *wire.Struct) bool {
	if s.Kind == wire.GC || s.Kind == wire.Skip {
		return false
	}
	it := &t.items[t.findItem(c, s.ID.Clock)]
	switch {
	case it.kind() != wire.GC:
		return it.clock < s.ID.Clock && it.kind() == wire.String && it.size != it.length
	case s.Info&wire.HasOrigin != 0 && t.neighbourMatters(s.Origin, s.Origin.Clock+1):
		return true
	case s.Info&wire.HasRightOrigin != 0 && t.neighbourMatters(s.RightOrigin, s.RightOrigin.Clock):
		return true
	}
	return parentOnWire(s) && t.neighbourMatters(s.ParentID, 0)
}

// neighbourMatters says whether a unit is unknown, or in a string, not only of ASCII, that reaches to both sides of
// clock.
func (t *txn) neighbourMatters(id wire.ID, clock uint32) bool {
	c := t.lookClient(id.Client)
	if c == 0 || id.Clock >= t.clients[c].state {
		return true
	}
	it := &t.items[t.findItem(c, id.Clock)]
	return it.kind() == wire.String && it.size != it.length && it.clock < clock && clock < it.end()
}

// parentOnWire says whether s names the item that carries its parent.
func parentOnWire(s *wire.Struct) bool {
	return s.Info&(wire.HasOrigin|wire.HasRightOrigin) == 0 && s.Parent == wire.ParentItem
}

func (t *txn) stageStruct(c uint32, s *wire.Struct) {
	i := t.newItem()
	t.staged = append(t.staged, i)
	it := item{
		clock:  s.ID.Clock,
		length: s.Len,
		meta:   c<<clientShift | flagStaged | uint32(s.Kind),
	}
	if s.Kind != wire.GC && s.Kind != wire.Skip {
		t.stageLinks(&it, c, s)
		t.stageContent(&it, s)
	}
	t.items[i] = it
}

func (t *txn) stageLinks(it *item, c uint32, s *wire.Struct) {
	client := func(id uint64) uint32 {
		if id == s.ID.Client {
			return c
		}
		return t.getClient(id)
	}
	if s.Info&wire.HasOrigin != 0 {
		it.originClient, it.originClock = client(s.Origin.Client), s.Origin.Clock
	}
	if s.Info&wire.HasRightOrigin != 0 {
		it.rightClient, it.rightClock = client(s.RightOrigin.Client), s.RightOrigin.Clock
	}
	if s.Info&(wire.HasOrigin|wire.HasRightOrigin) != 0 {
		return
	}
	if s.Parent == wire.ParentRoot {
		it.left = t.root(s.ParentName)
	} else {
		it.left, it.originClock = -int32(client(s.ParentID.Client)), s.ParentID.Clock
	}
	if s.Info&wire.HasParentSub != 0 {
		it.right = int32(t.getKey(s.ParentSub))
	}
}

// stageContent stores the content of s. The layout in the arena is that of wire.Content.Data, but that the key of a
// Format is in front as a 4-byte key number, and the guid of a Doc with a 4-byte length.
func (t *txn) stageContent(it *item, s *wire.Struct) {
	a := &t.arena
	if len(t.staged) < manyStaged {
		a.buf = reserve(a.buf, len(s.Data)+len(s.Key)+4)
	}
	switch s.Kind {
	case wire.Deleted:
		return
	case wire.Type:
		it.size = uint32(s.TypeRef)
		if s.TypeRef == typeXMLElement || s.TypeRef == typeXMLHook {
			it.off = t.getKey(s.Key)
		}
		return
	case wire.Format:
		it.off = uint32(len(a.buf))
		a.buf = binary.LittleEndian.AppendUint32(a.buf, t.getKey(s.Key))
	case wire.Doc:
		it.off = uint32(len(a.buf))
		a.buf = binary.LittleEndian.AppendUint32(a.buf, uint32(len(s.Key)))
		a.buf = append(a.buf, s.Key...)
	default:
		it.off = uint32(len(a.buf))
	}
	a.buf = append(a.buf, s.Data...)
	it.size = uint32(len(a.buf)) - it.off
	t.room -= int(it.size)
	if s.ValueIsJSON && (s.Kind == wire.Embed || s.Kind == wire.Format) {
		it.meta |= flagJSON
	}
}
