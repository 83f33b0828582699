package placement

import (
	"math"
	"math/rand/v2"
	"time"
)

// Most rooms are small and short, a few are large and long: both follow a power law with a bound.
const (
	largest  = 100 // people in a room
	shortest = 20 * time.Second
	longest  = time.Hour
	tail     = 1.1 // the exponent of lifetimes; the smaller, the more last long
)

// distribution is values to draw from.
type distribution[T uint16 | float32] []T

func (d distribution[T]) draw(random *rand.Rand) T { return d[random.Uint32()%uint32(len(d))] }

func (d distribution[T]) mean() float64 {
	var sum float64
	for _, v := range d {
		sum += float64(v)
	}
	return sum / float64(len(d))
}

// crowds are the people in a room: k of them with a probability in proportion to 1/k² (Zipf).
func crowds() distribution[uint16] {
	var total float64
	for k := 1; k <= largest; k++ {
		total += 1 / float64(k*k)
	}
	d := make(distribution[uint16], 1<<16)
	k, below := 1, 1/total
	for i := range d {
		for (float64(i)+0.5)/float64(len(d)) > below && k < largest {
			k++
			below += 1 / float64(k*k) / total
		}
		d[i] = uint16(k)
	}
	return d
}

// lifetimes are how long rooms stay open, in seconds (a Pareto distribution with a bound).
func lifetimes() distribution[float32] {
	d := make(distribution[float32], 1<<16)
	low, high := shortest.Seconds(), longest.Seconds()
	ratio := math.Pow(low/high, tail)
	for i := range d {
		u := (float64(i) + 0.5) / float64(len(d))
		d[i] = float32(low / math.Pow(1-u*(1-ratio), 1/tail))
	}
	return d
}
