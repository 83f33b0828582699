package crdt

import (
	"cmp"
	"slices"
	"sync"

	"github.com/symphony-rtc/symphony/crdt/internal/wire"
)

// txn is one transaction: an update being applied to a document, with everything that is needed only meanwhile. One
// applied update is one transaction, including the structs it sets free that waited for it; yjs does the same, and
// when items are merged and collected depends on it. Transactions are pooled, so that applying does not allocate.
type txn struct {
	*Doc
	dec wire.Decoder
	in  wire.Struct // the struct just decoded

	// What an update brought; see stage.go.
	mark     stageMark
	staged   []int32
	blocks   []block
	incoming []idRange // its delete set
	room     int       // bytes by which the document may still grow

	// Integration; see integrate.go.
	queue   []int32 // blocks, ascending by client
	waiting []int32 // structs that wait for the one being integrated; the stack of integrateStructs in yjs
	rest    []restRun
	one     []int32
	missing []unit
	seen    seenItems

	// The transaction's effects.
	changed    bool
	overflow   bool       // something was dropped because too much is pending
	touched    []uint32   // clients whose state changed
	dels       []delRange // everything deleted
	mergeLater []unit     // structs that may merge with their neighbours at the end
	unapplied  []idRange  // deletes of what is unknown

	walks  []walk
	doomed []int32
}

var txns = sync.Pool{New: func() any { return new(txn) }}

func (d *Doc) begin() *txn {
	t := txns.Get().(*txn)
	t.Doc = d
	t.changed, t.overflow = false, false
	t.touched, t.dels, t.mergeLater, t.unapplied = t.touched[:0], t.dels[:0], t.mergeLater[:0], t.unapplied[:0]
	t.one = t.one[:0]
	return t
}

// maxPooled is up to which size a transaction's scratch is kept for the next.
const maxPooled = 1 << 16

func (t *txn) release() {
	t.Doc = nil
	if cap(t.staged) > maxPooled || cap(t.dels) > maxPooled || cap(t.mergeLater) > maxPooled ||
		cap(t.incoming) > maxPooled || cap(t.seen.order) > maxPooled {
		return
	}
	txns.Put(t)
}

// touch notes that c is about to get new structs.
func (t *txn) touch(c uint32) {
	if cl := &t.clients[c]; !cl.touched {
		cl.touched = true
		cl.before = cl.state
		t.touched = append(t.touched, c)
		if b := cl.block; b != 0 && cl.state == 0 {
			cl.index.expect(1 + int(t.blocks[b-1].end-t.blocks[b-1].at))
		}
	}
}

// beforeState is the state of c when the transaction began.
func (t *txn) beforeState(c uint32) uint32 {
	if cl := &t.clients[c]; cl.touched {
		return cl.before
	}
	return t.clients[c].state
}

// finish ends the transaction: it collects what was deleted and merges what can be merged, in the order of
// cleanupTransactions in yjs src/utils/Transaction.js.
func (t *txn) finish() {
	t.dels = mergeRanges(t.dels)
	if !t.keepDeleted {
		t.collectDeleted()
	}
	for k := len(t.dels) - 1; k >= 0; k-- {
		t.mergeDeleted(t.dels[k])
	}
	for _, c := range t.touched {
		cl := &t.clients[c]
		if cl.state != cl.before {
			from := t.find(c, cl.before)
			t.mergeRun(c, from, cl.index.lastOne())
		}
		cl.touched = false
	}
	for k := len(t.mergeLater) - 1; k >= 0; k-- {
		t.mergeAround(t.mergeLater[k])
	}
	t.tidy()
}

// mergeRanges sorts ranges by client and clock and joins those that touch or overlap.
func mergeRanges(rs []delRange) []delRange {
	if len(rs) < 2 {
		return rs
	}
	order := func(a, b delRange) int {
		if a.client != b.client {
			return cmp.Compare(a.client, b.client)
		}
		return cmp.Compare(a.clock, b.clock)
	}
	if !slices.IsSortedFunc(rs, order) {
		slices.SortFunc(rs, order)
	}
	out := rs[:1]
	for _, r := range rs[1:] {
		last := &out[len(out)-1]
		if last.client == r.client && last.clock+last.length >= r.clock {
			last.length = max(last.length, r.clock+r.length-last.clock)
			continue
		}
		out = append(out, r)
	}
	return out
}
