package room

import (
	"bytes"
	"maps"
	"sync"
	"testing"

	"github.com/symphony-rtc/symphony/crdt"
)

// books is what the people of a simulation were promised, and so what must be stored.
type books struct {
	t *testing.T

	mu   sync.Mutex
	next uint64           // of client ids
	gens map[uint64]*book // by generation: what one document was promised says nothing about another
}

type book struct {
	authors  map[uint64]*author
	replaced uint64          // client id of what the document began with, if it replaced another
	deleted  map[charID]bool // acknowledged deletions
	initial  []uint64        // client ids of initial content, of those who were told that theirs was taken
}

type charID struct{ client, clock uint64 }

// author is a client id with everything it ever wrote.
type author struct {
	id      uint64
	updates [][]byte // by clock
	acked   map[uint64]bool
}

// initialIDs is from where on client ids belong to initial content.
const initialIDs = 1 << 20

func (b *books) newID() uint64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.next++
	return b.next
}

func (b *books) gen(generation uint64) *book {
	if b.gens[generation] == nil {
		b.gens[generation] = &book{authors: make(map[uint64]*author), deleted: make(map[charID]bool)}
	}
	return b.gens[generation]
}

// note writes down what f says about a generation.
func (b *books) note(generation uint64, f func(*book)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	f(b.gen(generation))
}

// check checks that what is stored has everything that was acknowledged and nothing that belongs elsewhere. Promises that
// were made after it was read can only be about more; so stored must have been read a moment ago, with no time passed since.
func (b *books) check(stored Stored, when string) {
	doc, err := build(stored)
	if err != nil {
		b.t.Errorf("%s: what is stored is no document: %v", when, err)
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	book := b.gen(stored.Generation)
	b.checkInitial(book, doc, when)
	// What is stored may wait for what is not, and then it is not in a state vector: add what nobody was promised.
	for _, a := range book.authors {
		for clock, update := range a.updates {
			if !a.acked[uint64(clock)] {
				apply(b.t, doc, update)
			}
		}
	}
	sv := stateVector(doc)
	for id, a := range book.authors {
		if sv[id] != uint64(len(a.updates)) {
			b.t.Errorf("%s, generation %d: %d of %d updates of client %d are acknowledged, but update %d is not stored",
				when, stored.Generation, len(a.acked), len(a.updates), id, sv[id])
		}
	}
	for id := range maps.Keys(sv) {
		if book.authors[id] == nil && id < initialIDs && id != book.replaced {
			b.t.Errorf("%s: client %d is in generation %d, to which it never wrote", when, id, stored.Generation)
		}
	}
	for id := range book.deleted {
		if apply(b.t, doc, deletion(id)) {
			b.t.Errorf("%s: %v is there again after its deletion was acknowledged", when, id)
		}
	}
}

func (b *books) checkInitial(book *book, doc *crdt.Doc, when string) {
	sv := stateVector(doc)
	found := 0
	for id := range sv {
		if id >= initialIDs {
			found++
		}
	}
	if found > 1 || len(book.initial) > 1 {
		b.t.Errorf("%s: initial content of %d is there, %d were told that theirs was taken", when, found, len(book.initial))
	}
	for _, id := range book.initial {
		if sv[id] == 0 {
			b.t.Errorf("%s: initial content was taken and is not there", when)
		}
	}
}

func apply(t *testing.T, doc *crdt.Doc, update []byte) (changed bool) {
	applied, err := doc.ApplyUpdate(update)
	if err != nil {
		t.Error(err)
	}
	return applied.Changed
}

// deletion is an update that deletes one character.
func deletion(id charID) []byte {
	b := appendUint([]byte{0, 1}, id.client)
	return append(appendUint(append(b, 1), id.clock), 1)
}

// content is an update by which a client that never wrote before writes one character.
func content(id uint64) []byte {
	return append(appendUint([]byte{1, 1}, id), 0, 4, 1, 1, 't', 1, 'x', 0)
}

func newAuthor(id uint64) *author { return &author{id: id, acked: make(map[uint64]bool)} }

// append returns an update that adds a character to an author's run.
func (b *books) append(a *author) []byte {
	b.mu.Lock()
	defer b.mu.Unlock()
	clock := uint64(len(a.updates))
	update := content(a.id)
	if clock > 0 {
		update = append(appendUint(appendUint([]byte{1, 1}, a.id), clock), 0x84)
		update = append(appendUint(appendUint(update, a.id), clock-1), 1, byte('a'+clock%26), 0)
	}
	a.updates = append(a.updates, update)
	return update
}

// same reports whether two documents are equal.
func same(t *testing.T, a, b *crdt.Doc) bool {
	x, err := a.EncodeStateAsUpdate(nil)
	if err != nil {
		t.Error(err)
	}
	y, err := b.EncodeStateAsUpdate(nil)
	if err != nil {
		t.Error(err)
	}
	return bytes.Equal(x, y)
}
