package placement

import "math/bits"

// tree holds weights by index and finds the index at a point of their sum, all in O(log n) (a Fenwick tree): drawing a
// number below total and finding its index draws each index in proportion to its weight.
type tree struct {
	total int64
	nodes []int64 // nodes[i-1] is the sum of the lowbit(i) weights that end with the i-th
}

// push appends an index with weight 0.
func (t *tree) push() {
	n := len(t.nodes) + 1
	var sum int64
	for j := 1; j < n&-n; j <<= 1 {
		sum += t.nodes[n-j-1]
	}
	t.nodes = append(t.nodes, sum)
}

// pop removes the last index, whose weight must be 0.
func (t *tree) pop() { t.nodes = t.nodes[:len(t.nodes)-1] }

// add changes the weight of an index.
func (t *tree) add(index int, by int64) {
	t.total += by
	for i := index + 1; i <= len(t.nodes); i += i & -i {
		t.nodes[i-1] += by
	}
}

// find returns the index at a point from 0 to below total. It never has weight 0.
func (t *tree) find(point int64) int {
	at := 0
	for step := 1 << (bits.Len(uint(len(t.nodes))) - 1); step > 0; step >>= 1 {
		if next := at + step; next <= len(t.nodes) && t.nodes[next-1] <= point {
			at = next
			point -= t.nodes[at-1]
		}
	}
	return at
}
