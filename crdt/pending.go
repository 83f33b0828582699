package crdt

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"

	"github.com/symphony-rtc/symphony/crdt/internal/wire"
)

// pending is what a document got and cannot use yet.
type pending struct {
	update  []byte    // structs whose dependencies are missing: a V2 update without deletes; nil if there are none
	missing []missing // one of these has to come before any of them can be used
	weight  int       // at least what counts of update towards Options.MaxPending
	deletes []idRange // deletes of unknown units, by client and clock, joined
}

// missing is a unit that is waited for.
type missing struct {
	client uint64
	clock  uint32
}

func (p *pending) any() bool { return p.update != nil || len(p.deletes) > 0 }

func (p *pending) size() int { return cap(p.update) + cap(p.missing)*16 + cap(p.deletes)*16 }

// keepRest adds t.rest, what integrateStaged left over, to the pending structs, and lets go of the staged items that
// have not been integrated. retry says that pending structs may have become usable. What would make more wait than limit
// is dropped.
func (t *txn) keepRest(limit int) (retry bool, err error) {
	p := &t.pending
	for _, m := range p.missing {
		if c := t.lookClient(m.client); c != 0 && m.clock < t.clients[c].state {
			retry = true
			break
		}
	}
	if len(t.rest) > 0 {
		if weight := t.restWeight(); t.pendingFits(weight, limit) {
			err = t.addPending(weight)
		} else {
			t.overflow = true
		}
	}
	if len(t.rest) > 0 || len(t.staged) > 0 {
		t.dropStaged()
	}
	return retry, err
}

// pendingWeight is what each struct or range of deletes that waits counts towards Options.MaxPending.
const pendingWeight = 512

// restWeight is what t.rest counts towards Options.MaxPending.
func (t *txn) restWeight() int {
	weight := 0
	for _, run := range t.rest {
		for _, i := range run.items {
			weight += pendingWeight
			if it := &t.items[i]; it.inArena() {
				weight += int(it.size)
			}
		}
	}
	return weight
}

// pendingFits reports whether so much more may wait.
func (t *txn) pendingFits(more, limit int) bool {
	p := &t.pending
	if p.weight > limit-more && p.update != nil {
		// The same may have come more than once: look how much it really is.
		if found, err := wire.Scan(p.update, wire.V2); err == nil {
			p.weight = found.Structs*pendingWeight + len(p.update)
		}
	}
	return p.weight <= limit-more
}

func (t *txn) addPending(weight int) error {
	p := &t.pending
	for _, m := range t.missing {
		p.missing = append(p.missing, missing{t.clients[m.client].id, m.clock})
	}
	slices.SortFunc(p.missing, func(a, b missing) int {
		if a.client != b.client {
			return cmp.Compare(a.client, b.client)
		}
		return cmp.Compare(a.clock, b.clock)
	})
	p.missing = slices.CompactFunc(p.missing, func(a, b missing) bool { return a.client == b.client }) // the lower clock stays
	rest, err := t.encodeRest()
	if err != nil {
		return fmt.Errorf("keep structs that wait for others: %w", err)
	}
	if p.update != nil {
		if rest, err = MergeUpdatesV2([][]byte{p.update, rest}); err != nil {
			return fmt.Errorf("keep structs that wait for others: %w", err)
		}
	}
	if !bytes.Equal(rest, p.update) {
		t.changed = true
		p.update = rest
		p.weight += weight
	}
	return nil
}

// encodeRest writes the structs of t.rest as an update without deletes, as they were decoded.
func (t *txn) encodeRest() ([]byte, error) {
	slices.SortFunc(t.rest, func(a, b restRun) int {
		return cmp.Compare(t.clients[b.client].id, t.clients[a.client].id)
	})
	e := new(wire.Encoder)
	e.Reset(wire.V2)
	var s wire.Struct
	for _, run := range t.rest {
		e.Block(t.clients[run.client].id, t.items[run.items[0]].clock)
		for _, i := range run.items {
			t.stagedStruct(i, &s)
			e.Struct(&s, 0)
		}
	}
	return e.Bytes(nil)
}

// stagedStruct fills s with a struct that is staged and not resolved.
func (t *txn) stagedStruct(i int32, s *wire.Struct) {
	it := &t.items[i]
	t.fillStruct(it, s)
	if k := it.kind(); k == wire.GC || k == wire.Skip || it.originClient != 0 || it.rightClient != 0 {
		return
	}
	if it.left > 0 {
		s.Parent, s.ParentName = wire.ParentRoot, t.keyName(t.types[it.left].name)
	} else {
		s.Parent, s.ParentID = wire.ParentItem, wire.ID{Client: t.clients[-it.left].id, Clock: it.originClock}
	}
	if it.right != 0 {
		s.Info |= wire.HasParentSub
		s.ParentSub = t.keyName(uint32(it.right))
	}
}

// dropStaged lets go of the staged items that have not been integrated, and of clients known only from them.
func (t *txn) dropStaged() {
	for _, i := range slices.Backward(t.staged) {
		if it := &t.items[i]; it.meta&flagStaged != 0 {
			t.freeContent(it)
			t.dropItem(i)
		}
	}
	t.staged, t.blocks = t.staged[:0], t.blocks[:0]
	t.dropClients(t.mark.clients)
}

// keepUnapplied makes t.unapplied the pending deletes, after trying the present ones again.
func (t *txn) keepUnapplied() {
	p := &t.pending
	if len(t.unapplied) == 0 && len(p.deletes) == 0 {
		return
	}
	fresh := len(t.unapplied)
	before := len(p.deletes)
	t.incoming = append(t.incoming[:0], p.deletes...)
	t.deleteIncoming()
	t.incoming = t.incoming[:0]
	old := slices.Clone(t.unapplied[fresh:])
	all := joinRanges(t.unapplied)
	if len(all) > t.maxPending/pendingWeight && len(all) > len(old) {
		all, fresh, t.overflow = joinRanges(old), 0, true
	}
	if fresh > 0 && (before != len(all) || !slices.Equal(all, p.deletes)) {
		t.changed = true
	}
	p.deletes = append(p.deletes[:0], all...)
	t.unapplied = t.unapplied[:0]
}

// joinRanges sorts ranges by client, descending, and clock, and joins those that touch or overlap.
func joinRanges(rs []idRange) []idRange {
	if len(rs) < 2 {
		return rs
	}
	slices.SortFunc(rs, func(a, b idRange) int {
		if a.client != b.client {
			return cmp.Compare(b.client, a.client)
		}
		return cmp.Compare(a.clock, b.clock)
	})
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

// withPending merges what the document holds but cannot use into an update of what it uses.
func (d *Doc) withPending(own, sv []byte, v wire.Version) ([]byte, error) {
	updates := [][]byte{own}
	if len(d.pending.deletes) > 0 {
		e := new(wire.Encoder)
		e.Reset(v)
		for k, r := range d.pending.deletes {
			if k == 0 || r.client != d.pending.deletes[k-1].client {
				e.DeleteClient(r.client)
			}
			e.DeleteRange(r.clock, r.length)
		}
		deletes, err := e.Bytes(nil)
		if err != nil {
			return nil, fmt.Errorf("encode pending deletes: %w", err)
		}
		updates = append(updates, deletes)
	}
	if len(d.pending.update) > 0 {
		if len(sv) == 0 {
			sv = []byte{0}
		}
		diff, err := DiffUpdateV2(d.pending.update, sv)
		if err == nil && v == wire.V1 {
			diff, err = ConvertUpdateFormatV2ToV1(diff)
		}
		if err != nil {
			return nil, fmt.Errorf("encode pending structs: %w", err)
		}
		updates = append(updates, diff)
	}
	merge := MergeUpdates
	if v == wire.V2 {
		merge = MergeUpdatesV2
	}
	merged, err := merge(updates)
	if err != nil {
		return nil, fmt.Errorf("encode with pending structs: %w", err)
	}
	return merged, nil
}
