package crdt

// placeAmongConcurrent sets the item's left neighbour where others have been inserted at the same place: the loop of
// YATA, the same as in yjs.
func (t *txn) placeAmongConcurrent(i int32) {
	it := &t.items[i]
	id := t.clients[it.client()].id
	left := it.left
	var o int32
	if left != 0 {
		o = t.items[left].right
	} else {
		o = *t.startOf(it.list)
	}
	t.seen.begin()
	for o != 0 && o != it.right {
		t.seen.add(o)
		other := &t.items[o]
		if other.originClient == it.originClient && (it.originClient == 0 || other.originClock == it.originClock) {
			if t.clients[other.client()].id < id {
				left = o
				t.seen.clearConflicting()
			} else if other.rightClient == it.rightClient && (it.rightClient == 0 || other.rightClock == it.rightClock) {
				break
			}
		} else if other.originClient != 0 {
			origin := t.originOf(other)
			if !t.seen.beforeOrigin(origin) {
				break
			}
			if !t.seen.conflicting(origin) {
				left = o
				t.seen.clearConflicting()
			}
		} else {
			break
		}
		o = other.right
	}
	it.left = left
}

// originOf is the item that contains the origin of an integrated item.
func (t *txn) originOf(it *item) int32 {
	if l := it.left; l != 0 {
		if left := &t.items[l]; left.client() == it.originClient && it.originClock-left.clock < left.length {
			return l
		}
	}
	return t.findItem(it.originClient, it.originClock)
}

// link connects the item to its left neighbour and whatever is to the right of that now.
func (t *txn) link(i int32) {
	it := &t.items[i]
	if it.left != 0 {
		left := &t.items[it.left]
		it.right = left.right
		left.right = i
	} else {
		start := t.startOf(it.list)
		it.right = *start
		*start = i
	}
	if it.right != 0 {
		t.items[it.right].left = i
		return
	}
	if it.list > 0 {
		t.lists[it.list].last = i
		if it.left != 0 {
			t.deleteItem(it.left)
		}
	}
}
