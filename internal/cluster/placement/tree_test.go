package placement

import (
	"math/rand/v2"
	"testing"
)

func TestTreeFindsByWeight(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	var sums tree
	var weights []int64
	for step := range 5000 {
		switch {
		case len(weights) == 0 || random.IntN(3) == 0:
			sums.push()
			weights = append(weights, 0)
		case random.IntN(4) == 0:
			last := len(weights) - 1
			sums.add(last, -weights[last])
			sums.pop()
			weights = weights[:last]
		default:
			i, weight := random.IntN(len(weights)), random.Int64N(5)
			sums.add(i, weight-weights[i])
			weights[i] = weight
		}
		var total int64
		for _, weight := range weights {
			total += weight
		}
		if sums.total != total {
			t.Fatalf("step %d: the sum is %d, want %d", step, sums.total, total)
		}
		if total == 0 {
			continue
		}
		point := random.Int64N(total)
		want, rest := 0, point
		for ; rest >= weights[want]; want++ {
			rest -= weights[want]
		}
		if got := sums.find(point); got != want {
			t.Fatalf("step %d: %d of %v is at index %d, want %d", step, point, weights, got, want)
		}
	}
}
