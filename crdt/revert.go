package crdt

import (
	"errors"
	"fmt"

	"github.com/symphony-rtc/symphony/crdt/internal/wire"
)

// ErrUnrelated is wrapped by errors about a version that is not an earlier state of the document it is compared with.
var ErrUnrelated = errors.New("not an earlier state of the same document")

// maxClientID is up to which client ids exist: they are numbers of JavaScript.
const maxClientID = 1<<53 - 1

// Revert returns a V1 update that, applied to current, makes its content that of version, an earlier state of the same
// document: what was inserted since is deleted; what was deleted since is inserted anew, where it was, by the given
// client; what is in both stays what it is, and so does what is new but the same as what would have to be inserted. So the update is an edit like any other: edits that others make at the same
// time merge with it, and a Revert to the state before undoes it. It is nil if there is nothing to do. Neither document is
// changed, but both are read, which nobody else may do meanwhile; current may well have lost the content of what was
// deleted.
//
// The client id should be a fresh random one: nobody else may be inserting with it. Its structs begin at the clock up to
// which current knows it.
//
// What is inserted anew has new ids. So a nested type (an array in a map, an XML element) that was deleted since comes back
// as another type with the same content: what others still insert into the deleted one is lost, and relative positions,
// undo managers and references that mean the deleted one do not find the new one. Structs, roots and keys do not
// vanish: a root type that is new since version remains, empty.
//
// Errors wrap ErrUnrelated if version has inserts or deletes that current does not have, ErrTooLarge if the client would
// insert too much, and ErrUnencodable if version has values that V1 cannot carry (see RevertV2). What waits in either
// document for updates that did not come is not looked at.
func Revert(current, version *Doc, client uint64) ([]byte, error) {
	return revert(current, version, client, wire.V1)
}

// RevertV2 is Revert for the V2 encoding, which can carry all that a document contains.
func RevertV2(current, version *Doc, client uint64) ([]byte, error) {
	return revert(current, version, client, wire.V2)
}

func revert(current, version *Doc, client uint64, v wire.Version) ([]byte, error) {
	if client > maxClientID {
		return nil, fmt.Errorf("revert document: client id %d is greater than %d", client, uint64(maxClientID))
	}
	if err := precedes(version, current); err != nil {
		return nil, fmt.Errorf("revert document: %w", err)
	}
	e := encodings.Get().(*encoding)
	defer encodings.Put(e)
	r := reverter{old: version, cur: current, client: client, enc: &e.enc}
	if c := current.lookClient(client); c != 0 {
		r.clock = current.clients[c].state
	}
	r.budget = 1000 + 4*(len(version.items)+len(current.items))
	r.enc.Reset(v)
	r.everything()
	update, err := r.update()
	if err != nil {
		return nil, fmt.Errorf("revert document: %w", err)
	}
	return update, nil
}

// precedes checks that old can be an earlier state of cur: whatever was inserted or deleted in old is so in cur.
func precedes(old, cur *Doc) error {
	for k := range old.clients {
		o := &old.clients[k]
		if o.state == 0 {
			continue
		}
		c := cur.lookClient(o.id)
		if c == 0 || cur.clients[c].state < o.state {
			return fmt.Errorf("%w: it has more of client %d", ErrUnrelated, o.id)
		}
		for _, chunk := range o.index.chunks {
			for _, s := range chunk {
				if it := &old.items[s.item]; it.deleted() && !cur.isDeleted(c, it.clock, it.end()) {
					return fmt.Errorf("%w: something of client %d is deleted in it that is not deleted later", ErrUnrelated, o.id)
				}
			}
		}
	}
	return nil
}

// isDeleted says whether the units of a client from clock to end (exclusive), all of them known, are deleted.
func (d *Doc) isDeleted(c, clock, end uint32) bool {
	x := &d.clients[c].index
	for at, ok := d.find(c, clock), true; ok; at, ok = x.next(at) {
		it := &d.items[x.get(at)]
		if it.clock >= end {
			break
		}
		if !it.deleted() {
			return false
		}
	}
	return true
}

// reverter makes the update of Revert. It writes structs as it goes: every struct gets its place in a list of cur, between
// two units that stand side by side there, so that it cannot come to lie elsewhere.
type reverter struct {
	old, cur *Doc
	client   uint64
	clock    uint32 // of the next unit to insert
	enc      *wire.Encoder
	open     bool // the block of structs is begun
	err      error

	run  wire.Struct // the last struct, which the next may continue; none if its Len is 0
	text []byte      // of run

	dels   []delRange // what to delete, by client index of cur
	todo   []pair
	walk   walker
	budget int // for comparing types, see equal
}

// pair is a type of old, and what has to get its content.
type pair struct {
	old int32
	cur int32   // the same type in cur; 0 if there is none
	id  wire.ID // then: the item of the type that takes its place
}

func (r *reverter) everything() {
	for _, t := range r.cur.roots {
		name := r.cur.keyName(r.cur.types[t].name)
		r.todo = append(r.todo, pair{old: r.old.rootNamed(string(name)), cur: t})
	}
	for _, t := range r.old.roots {
		if name := r.old.keyName(r.old.types[t].name); r.cur.rootNamed(string(name)) == 0 {
			r.todo = append(r.todo, pair{old: t})
		}
	}
	for n := len(r.todo); n > 0 && r.err == nil; n = len(r.todo) {
		p := r.todo[n-1]
		r.todo = r.todo[:n-1]
		r.sequence(p)
		r.entries(p)
	}
}

// update ends the update; it is nil if nothing came of it.
func (r *reverter) update() ([]byte, error) {
	r.flush()
	if r.err != nil {
		return nil, r.err
	}
	if !r.open && len(r.dels) == 0 {
		return nil, nil
	}
	r.dels = mergeRanges(r.dels)
	first := make([]int, len(r.cur.clients)) // by client: 1 + index of its first range
	for k, d := range r.dels {
		if first[d.client] == 0 {
			first[d.client] = k + 1
		}
	}
	for _, c := range r.cur.descending() {
		if first[c] == 0 {
			continue
		}
		r.enc.DeleteClient(r.cur.clients[c].id)
		for k := first[c] - 1; k < len(r.dels) && r.dels[k].client == c; k++ {
			r.enc.DeleteRange(r.dels[k].clock, r.dels[k].length)
		}
	}
	return r.enc.Bytes(nil)
}

// inside is the place of the first struct in the sequence of p, or of its entry if a key is given.
func (r *reverter) inside(p pair, key []byte) wire.Struct {
	var s wire.Struct
	if t := &r.old.types[p.old]; t.item == 0 {
		s.Parent, s.ParentName = wire.ParentRoot, r.old.keyName(t.name)
	} else {
		s.Parent, s.ParentID = wire.ParentItem, p.id
		if p.cur != 0 {
			s.ParentID = r.cur.idOf(&r.cur.items[r.cur.types[p.cur].item], 0)
		}
	}
	if key != nil {
		s.Info, s.ParentSub = wire.HasParentSub, key
	}
	return s
}

// before is the place before the n-th unit of an item of cur.
func (r *reverter) before(it *item, n uint32) wire.Struct {
	switch {
	case n > 0:
		return r.behind(it, n)
	case it.left != 0:
		left := &r.cur.items[it.left]
		return r.behind(left, left.length)
	}
	return wire.Struct{Info: wire.HasRightOrigin, RightOrigin: r.cur.idOf(it, 0)}
}

// behind is the place behind the first n units of an item of cur.
func (r *reverter) behind(it *item, n uint32) wire.Struct {
	s := wire.Struct{Info: wire.HasOrigin, Origin: r.cur.idOf(it, n-1)}
	if it.list > 0 {
		s.Info |= wire.HasParentSub
	}
	switch {
	case n < it.length:
		s.Info |= wire.HasRightOrigin
		s.RightOrigin = r.cur.idOf(it, n)
	case it.right != 0:
		s.Info |= wire.HasRightOrigin
		s.RightOrigin = r.cur.idOf(&r.cur.items[it.right], 0)
	}
	return s
}

// idOf is the id of the n-th unit of an item.
func (d *Doc) idOf(it *item, n uint32) wire.ID {
	return wire.ID{Client: d.clients[it.client()].id, Clock: it.clock + n}
}

// put inserts a piece of old, and makes place the one behind it.
func (r *reverter) put(place *wire.Struct, p piece) {
	k := p.it.kind()
	if r.clock+p.n > maxClock {
		r.err = fmt.Errorf("%w: clock of client %d beyond %d", ErrTooLarge, r.client, maxClock)
		return
	}
	first := wire.ID{Client: r.client, Clock: r.clock}
	r.clock += p.n
	if r.continues(place, k) {
		r.text = append(r.text, p.data...)
		r.run.Len += p.n
	} else {
		r.flush()
		s := &r.run
		r.old.fillStruct(p.it, s)
		s.ID, s.Len = first, p.n
		s.Info, s.Origin, s.RightOrigin = place.Info, place.Origin, place.RightOrigin
		s.Parent, s.ParentName, s.ParentID, s.ParentSub = place.Parent, place.ParentName, place.ParentID, place.ParentSub
		if isDivisible(k) {
			r.text = append(r.text[:0], p.data...)
		}
	}
	if k == wire.Type {
		r.todo = append(r.todo, pair{old: int32(p.it.off), id: first})
	}
	place.Info |= wire.HasOrigin
	place.Parent = wire.ParentUnknown
	place.Origin = wire.ID{Client: r.client, Clock: r.clock - 1}
}

// continues says whether what is inserted at place next can be part of the last struct.
func (r *reverter) continues(place *wire.Struct, k wire.Kind) bool {
	s := &r.run
	return s.Len > 0 && s.Kind == k && isDivisible(k) &&
		place.Info&wire.HasOrigin != 0 && place.Origin == wire.ID{Client: r.client, Clock: s.ID.Clock + s.Len - 1}
}

// flush writes the last struct.
func (r *reverter) flush() {
	s := &r.run
	if s.Len == 0 {
		return
	}
	if !r.open {
		r.enc.Block(r.client, s.ID.Clock)
		r.open = true
	}
	if isDivisible(s.Kind) {
		s.Data = r.text
	}
	r.enc.Struct(s, 0)
	s.Len = 0
}

// remove deletes n units of an item of cur.
func (r *reverter) remove(it *item, from, n uint32) {
	r.dels = append(r.dels, delRange{it.client(), it.clock + from, n})
}
