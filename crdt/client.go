package crdt

import (
	"hash/maphash"
	"math/rand/v2"
	"slices"
)

// client is what a document knows of one client: its structs, gapless from clock 0 to state.
type client struct {
	id    uint64
	state uint32 // the clock after the last unit known

	before  uint32 // state when the running transaction began, if touched
	touched bool   // the running transaction added structs
	block   int32  // 1 + index of the block of staged structs, while an update is being integrated
	missing int32  // 1 + index in txn.missing, likewise

	index structIndex
}

// clientSeed makes the places of client ids in the hash tables of this process unpredictable: ids come from outside.
var clientSeed = rand.Uint64()

// keySeed does the same for names.
var keySeed = maphash.MakeSeed()

func hashClient(id uint64) uint32 {
	h := id ^ clientSeed
	h ^= h >> 33
	h *= 0xff51afd7ed558ccd
	h ^= h >> 33
	h *= 0xc4ceb9fe1a85ec53
	return uint32(h >> 32)
}

// fewClients is up to how many clients are looked for one by one; more are found by hash.
const fewClients = 8

// lookClient returns the index of a client in Doc.clients, 0 if it is unknown.
func (d *Doc) lookClient(id uint64) uint32 {
	if c := d.lastClient; c != 0 && d.clients[c].id == id {
		return c
	}
	if d.clientTable == nil {
		for c := 1; c < len(d.clients); c++ {
			if d.clients[c].id == id {
				d.lastClient = uint32(c)
				return uint32(c)
			}
		}
		return 0
	}
	mask := uint32(len(d.clientTable) - 1)
	for h := hashClient(id) & mask; ; h = (h + 1) & mask {
		c := d.clientTable[h]
		if c == 0 {
			return 0
		}
		if d.clients[c].id == id {
			d.lastClient = c
			return c
		}
	}
}

// getClient returns the index of a client, which it adds if it is new.
func (d *Doc) getClient(id uint64) uint32 {
	if c := d.lookClient(id); c != 0 {
		return c
	}
	if len(d.clients) == 0 {
		d.clients = append(reserve(d.clients, 2), client{})
	}
	c := uint32(len(d.clients))
	d.clients = append(reserve(d.clients, 1), client{id: id})
	d.order = nil
	d.lastClient = c
	if d.clientTable != nil || int(c) > fewClients {
		if int(c)*2 > len(d.clientTable) {
			d.rehashClients()
		} else {
			d.enterClient(c)
		}
	}
	return c
}

func (d *Doc) enterClient(c uint32) {
	mask := uint32(len(d.clientTable) - 1)
	h := hashClient(d.clients[c].id) & mask
	for d.clientTable[h] != 0 {
		h = (h + 1) & mask
	}
	d.clientTable[h] = c
}

func (d *Doc) rehashClients() {
	n := 16
	for n < 4*len(d.clients) {
		n *= 2
	}
	d.clientTable = make([]uint32, n)
	for c := 1; c < len(d.clients); c++ {
		d.enterClient(uint32(c))
	}
}

// dropClients forgets the clients from index n on that have no structs, newest first: those that an update mentioned
// and that was not integrated after all.
func (d *Doc) dropClients(n int) {
	n = max(n, 1)
	had := len(d.clients)
	for len(d.clients) > n && d.clients[len(d.clients)-1].state == 0 {
		c := uint32(len(d.clients) - 1)
		if d.clientTable != nil {
			// What was entered last can be taken out without breaking the probing of others.
			mask := uint32(len(d.clientTable) - 1)
			h := hashClient(d.clients[c].id) & mask
			for d.clientTable[h] != c {
				h = (h + 1) & mask
			}
			d.clientTable[h] = 0
		}
		d.clients[c] = client{}
		d.clients = d.clients[:c]
	}
	if len(d.clients) != had {
		d.order, d.lastClient = nil, 0
	}
}

// descending returns the indices of the clients, highest id first: the order in which updates are written.
func (d *Doc) descending() []uint32 {
	if d.order == nil && len(d.clients) > 1 {
		d.order = make([]uint32, 0, len(d.clients)-1)
		for c := 1; c < len(d.clients); c++ {
			d.order = append(d.order, uint32(c))
		}
		slices.SortFunc(d.order, func(a, b uint32) int {
			if d.clients[a].id > d.clients[b].id {
				return -1
			}
			return 1
		})
	}
	return d.order
}
