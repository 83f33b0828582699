package crdt

import (
	"bytes"
	"hash/maphash"
)

// keyEntry is an interned name: of a root type, a map entry, a format or an XML node. Keys are numbered from 1 and live as
// long as the document; "" is a key like any other.
type keyEntry struct {
	off, size uint32 // in Doc.keyBytes
	root      int32  // the root type of this name, 0 if there is none
}

// fewKeys is up to how many keys are looked for one by one; more are found by hash.
const fewKeys = 8

func (d *Doc) keyName(k uint32) []byte {
	e := &d.keys[k]
	return d.keyBytes[e.off : e.off+e.size : e.off+e.size]
}

// lookKey returns the number of a name, 0 if it is unknown.
func (d *Doc) lookKey(name []byte) uint32 {
	if d.keyTable == nil {
		for k := 1; k < len(d.keys); k++ {
			if bytes.Equal(d.keyName(uint32(k)), name) {
				return uint32(k)
			}
		}
		return 0
	}
	mask := uint32(len(d.keyTable) - 1)
	for h := uint32(maphash.Bytes(keySeed, name)) & mask; ; h = (h + 1) & mask {
		k := d.keyTable[h]
		if k == 0 || bytes.Equal(d.keyName(k), name) {
			return k
		}
	}
}

// getKey returns the number of a name, which it adds if it is new.
func (d *Doc) getKey(name []byte) uint32 {
	if k := d.lookKey(name); k != 0 {
		return k
	}
	if len(d.keys) == 0 {
		d.keys = append(d.keys, keyEntry{})
	}
	k := uint32(len(d.keys))
	d.keys = append(d.keys, keyEntry{off: uint32(len(d.keyBytes)), size: uint32(len(name))})
	d.keyBytes = append(d.keyBytes, name...)
	if d.keyTable != nil || int(k) > fewKeys {
		if int(k)*2 > len(d.keyTable) {
			d.rehashKeys()
		} else {
			d.enterKey(k)
		}
	}
	return k
}

func (d *Doc) enterKey(k uint32) {
	h := d.keySlot(k)
	d.keyTable[h] = k
}

// keySlot is where key k is in the table, or where it goes.
func (d *Doc) keySlot(k uint32) uint32 {
	mask := uint32(len(d.keyTable) - 1)
	h := uint32(maphash.Bytes(keySeed, d.keyName(k))) & mask
	for d.keyTable[h] != 0 && d.keyTable[h] != k {
		h = (h + 1) & mask
	}
	return h
}

func (d *Doc) rehashKeys() {
	n := 16
	for n < 4*len(d.keys) {
		n *= 2
	}
	d.keyTable = make([]uint32, n)
	for k := 1; k < len(d.keys); k++ {
		d.enterKey(uint32(k))
	}
}

// dropKeys forgets the keys from number n on, newest first. Nothing may refer to them.
func (d *Doc) dropKeys(n int) {
	n = max(n, 1)
	for len(d.keys) > n {
		k := uint32(len(d.keys) - 1)
		if d.keyTable != nil {
			d.keyTable[d.keySlot(k)] = 0 // entered last: nobody's probing passes over it
		}
		d.keyBytes = d.keyBytes[:d.keys[k].off]
		d.keys = d.keys[:k]
	}
}
