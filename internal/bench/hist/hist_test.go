package hist

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestBucketsAreContiguousAndOrdered(t *testing.T) {
	for i := range buckets - 1 {
		top := highest(i)
		if got := bucket(top); got != i {
			t.Fatalf("the highest value %d of bucket %d falls into bucket %d", top, i, got)
		}
		if got := bucket(top + 1); got != i+1 {
			t.Fatalf("the value %d after bucket %d falls into bucket %d", top+1, i, got)
		}
	}
	if got := bucket(math.MaxUint64); got != buckets-1 {
		t.Fatalf("the largest value falls into bucket %d of %d", got, buckets)
	}
}

func TestQuantileAgainstSorting(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		values := rapid.SliceOfN(rapid.Int64Range(0, int64(time.Minute)), 1, 300).Draw(t, "values")
		var h Histogram
		for _, v := range values {
			h.Record(time.Duration(v))
		}
		slices.Sort(values)
		for _, q := range []float64{0, 0.5, 0.9, 0.99, 0.999, 1} {
			rank := max(int(math.Ceil(q*float64(len(values)))), 1)
			exact := float64(values[rank-1])
			got := float64(h.Quantile(q))
			if got < exact || got > exact*(1+1.0/(1<<subBits))+1 {
				t.Fatalf("quantile %v of %d values is %v, exactly %v", q, len(values), got, exact)
			}
		}
		if h.Max() != time.Duration(values[len(values)-1]) {
			t.Fatalf("max %v, want %v", h.Max(), values[len(values)-1])
		}
	})
}

func TestAddEqualsRecordingAll(t *testing.T) {
	var a, b, all Histogram
	rng := rand.New(rand.NewPCG(1, 2))
	for i := range 10_000 {
		d := time.Duration(rng.ExpFloat64() * float64(3*time.Millisecond))
		all.Record(d)
		if i%3 == 0 {
			a.Record(d)
		} else {
			b.Record(d)
		}
	}
	a.Add(&b)
	if a != all {
		t.Fatal("a histogram added to another differs from one that recorded everything")
	}
}

func TestEmptyAndNegative(t *testing.T) {
	var h Histogram
	if h.Quantile(0.99) != 0 || h.Max() != 0 || h.Count() != 0 {
		t.Fatal("an empty histogram has no values")
	}
	h.Record(-time.Second)
	if h.Quantile(1) != 0 || h.Count() != 1 {
		t.Fatal("a negative duration counts as zero")
	}
}
