package crdt

import (
	"math/rand/v2"
	"testing"
)

// TestIndexOfManyStructs splits one long item at random places until the index has many chunks, and merges all again.
func TestIndexOfManyStructs(t *testing.T) {
	const n = 20000
	d := NewDoc(Options{})
	text := make([]byte, n)
	for i := range text {
		text[i] = byte('a' + i%26)
	}
	apply(t, d, build().text(1, 0, place{root: "t"}, string(text)).bytes())
	r := rand.New(rand.NewPCG(1, 2))
	for range 6000 {
		at := r.Uint32N(n)
		if _, err := d.ApplyUpdate(build().delete(1, at, 1).bytes()); err != nil {
			t.Fatal(err)
		}
	}
	if err := d.checkInvariants(); err != nil {
		t.Fatal(err)
	}
	x := &d.clients[1].index
	if len(x.chunks) < 10 {
		t.Fatalf("only %d chunks", len(x.chunks))
	}
	for clock := range uint32(n) {
		for hint := range 2 {
			it := &d.items[x.get(x.find(clock, hint))]
			if clock < it.clock || clock >= it.end() {
				t.Fatalf("unit %d is found in %d..%d", clock, it.clock, it.end())
			}
		}
	}
	apply(t, d, build().delete(1, 0, n).bytes())
	if got := d.Stats().Structs; got != 1 {
		t.Errorf("%d structs after everything was deleted", got)
	}
}

func TestClientsAndKeysByHash(t *testing.T) {
	var d Doc
	for i := range uint64(3000) {
		id := i * 7919
		c := d.getClient(id)
		d.clients[c].state = 1
		if d.lookClient(id) != c || d.getClient(id) != c {
			t.Fatalf("client %d is lost", id)
		}
		name := []byte{byte(i), byte(i >> 8)}
		k := d.getKey(name)
		if d.lookKey(name) != k || d.getKey(name) != k {
			t.Fatalf("key %x is lost", name)
		}
	}
	order := d.descending()
	for i := range order[1:] {
		if d.clients[order[i]].id <= d.clients[order[i+1]].id {
			t.Fatalf("clients are not in descending order at %d", i)
		}
	}
	for i := 1500; i < len(d.clients); i++ {
		d.clients[i].state = 0
	}
	d.dropClients(1500)
	d.dropKeys(1500)
	for i := range uint64(3000) {
		if found := d.lookClient(i*7919) != 0; found != (i < 1499) {
			t.Fatalf("client %d: found %v", i, found)
		}
		if found := d.lookKey([]byte{byte(i), byte(i >> 8)}) != 0; found != (i < 1499) {
			t.Fatalf("key %d: found %v", i, found)
		}
	}
}
