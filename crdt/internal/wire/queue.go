package wire

import "slices"

// queue gives the reader whose struct comes next in a merge: clients descending, clocks ascending. Of equal ones, the
// reader that was advanced last comes first, since Yjs sorts an array (stably) whose first element is the one it
// advanced.
//
// Yjs' comparison contradicts itself when a GC and an item have the same id: each says it is smaller. The outcome, which
// decides whether the GC or the item is written, then depends on the steps of the sort. With fewer than smallQueue
// readers, where the JavaScript engine V8 sorts by binary insertion, the queue repeats these steps. With more, the
// order is that of the rule above.
type queue struct {
	heap   []*lazyReader // smallQueue readers or more
	sorted []*lazyReader // fewer
	torn   bool          // sorted has neighbours that contradict each other
	turn   int
}

// smallQueue is the length from which V8's sort (TimSort) works by merging runs.
const smallQueue = 64

func newQueue(readers []lazyReader) *queue {
	q := new(queue)
	for i := range readers {
		if r := &readers[i]; !r.done {
			r.turn = i
			q.heap = append(q.heap, r)
		}
	}
	if len(q.heap) < smallQueue {
		q.sorted, q.heap = q.heap, nil
		q.sortAsV8()
		return q
	}
	for i := len(q.heap)/2 - 1; i >= 0; i-- {
		q.down(i)
	}
	return q
}

// first is the reader with the next struct; nil if there is none.
func (q *queue) first() *lazyReader {
	switch {
	case len(q.heap) > 0:
		return q.heap[0]
	case len(q.sorted) > 0:
		return q.sorted[0]
	}
	return nil
}

// fix restores the order after the first reader was advanced.
func (q *queue) fix() {
	if len(q.heap) == 0 {
		q.fixSorted()
		return
	}
	if r := q.heap[0]; !r.done {
		q.turn--
		r.turn = q.turn
		q.down(0)
		return
	}
	last := len(q.heap) - 1
	q.heap[0] = q.heap[last]
	q.heap[last] = nil
	if q.heap = q.heap[:last]; last >= smallQueue {
		q.down(0)
		return
	}
	q.sorted, q.heap = q.heap, nil
	slices.SortFunc(q.sorted, func(a, b *lazyReader) int {
		if before(a, b) {
			return -1
		}
		return 1
	})
	q.sortAsV8()
}

// before is the order of the heap; turns are unique.
func before(a, b *lazyReader) bool {
	switch x, y := &a.s.ID, &b.s.ID; {
	case x.Client != y.Client:
		return x.Client > y.Client
	case x.Clock != y.Clock:
		return x.Clock < y.Clock
	}
	return a.turn < b.turn
}

func (q *queue) down(i int) {
	h := q.heap
	r := h[i]
	for {
		child := 2*i + 1
		if child >= len(h) {
			break
		}
		if child+1 < len(h) && before(h[child+1], h[child]) {
			child++
		}
		if before(r, h[child]) {
			break
		}
		h[i] = h[child]
		i = child
	}
	h[i] = r
}

// smaller is Yjs' comparison (mergeUpdatesV2): a < b.
func smaller(a, b *lazyReader) bool {
	switch x, y := &a.s.ID, &b.s.ID; {
	case x.Client != y.Client:
		return x.Client > y.Client
	case x.Clock != y.Clock:
		return x.Clock < y.Clock
	}
	return contradict(a, b)
}

// contradict reports whether a and b both compare as smaller than the other.
func contradict(a, b *lazyReader) bool {
	return a.s.ID == b.s.ID && (a.s.Kind == GC) != (b.s.Kind == GC)
}

func (q *queue) fixSorted() {
	if q.sorted[0].done {
		q.sorted = q.sorted[1:]
		if q.torn {
			q.sortAsV8()
		}
		return
	}
	if q.torn {
		q.sortAsV8()
		return
	}
	r, i := q.sorted[0], 1
	for i < len(q.sorted) && smaller(q.sorted[i], r) && !contradict(q.sorted[i], r) {
		i++
	}
	for j := i; j < len(q.sorted) && q.sorted[j].s.ID == r.s.ID; j++ {
		if contradict(q.sorted[j], r) {
			q.sortAsV8()
			return
		}
	}
	copy(q.sorted, q.sorted[1:i])
	q.sorted[i-1] = r
}

// sortAsV8 sorts fewer than smallQueue readers with the comparisons and moves of V8's Array.prototype.sort: the run at
// the beginning, ascending or strictly descending, then binary insertion.
func (q *queue) sortAsV8() {
	a := q.sorted
	q.torn = false
	if len(a) < 2 {
		return
	}
	run := 2
	if descending := smaller(a[1], a[0]); descending {
		for run < len(a) && smaller(a[run], a[run-1]) {
			run++
		}
		slices.Reverse(a[:run])
	} else {
		for run < len(a) && !smaller(a[run], a[run-1]) {
			run++
		}
	}
	for i := run; i < len(a); i++ {
		pivot, low, high := a[i], 0, i
		for low < high {
			if mid := (low + high) / 2; smaller(pivot, a[mid]) {
				high = mid
			} else {
				low = mid + 1
			}
		}
		copy(a[low+1:i+1], a[low:i])
		a[low] = pivot
	}
	for i := 1; i < len(a) && !q.torn; i++ {
		q.torn = contradict(a[i-1], a[i])
	}
}
