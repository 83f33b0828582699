package wire

import (
	"cmp"
	"slices"
)

// deleted is one range of a delete set.
type deleted struct {
	client        uint64
	clock, length uint32
}

// appendDeletes reads the delete set of an update.
func appendDeletes(ds []deleted, d *Decoder) ([]deleted, error) {
	for {
		client, n, ok := d.NextDeleteClient()
		if !ok {
			return ds, d.Err()
		}
		for range n {
			clock, length, err := d.NextRange()
			if err != nil {
				return ds, err
			}
			ds = append(ds, deleted{client, clock, length})
		}
	}
}

// writeDeletes writes a delete set as Yjs does after only reading it: clients descending, the ranges of each as they
// came. V2 cannot express ranges out of order (Yjs writes garbage), so there they are put in order.
func writeDeletes(e *Encoder, ds []deleted) {
	slices.SortStableFunc(ds, func(a, b deleted) int { return cmp.Compare(b.client, a.client) })
	if e.v == V2 && !inOrder(ds) {
		ds = mergeDeletes(ds)
	}
	for i, r := range ds {
		if i == 0 || ds[i-1].client != r.client {
			e.DeleteClient(r.client)
		}
		e.DeleteRange(r.clock, r.length)
	}
}

func inOrder(ds []deleted) bool {
	for i := 1; i < len(ds); i++ {
		if ds[i-1].client == ds[i].client && ds[i].clock < ds[i-1].clock+ds[i-1].length {
			return false
		}
	}
	return true
}

// mergeDeletes sorts a delete set and joins ranges that touch (yjs 13.6.33 src/utils/DeleteSet.js
// sortAndMergeDeleteSet).
func mergeDeletes(ds []deleted) []deleted {
	slices.SortFunc(ds, func(a, b deleted) int {
		if a.client != b.client {
			return cmp.Compare(b.client, a.client)
		}
		return cmp.Compare(a.clock, b.clock)
	})
	merged := ds[:0]
	for _, r := range ds {
		if n := len(merged); n > 0 {
			last := &merged[n-1]
			if last.client == r.client && last.clock+last.length >= r.clock {
				last.length = max(last.length, r.clock+r.length-last.clock)
				continue
			}
		}
		merged = append(merged, r)
	}
	return merged
}
