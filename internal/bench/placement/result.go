package placement

import (
	"math"
	"time"
)

// Result is what a run showed.
type Result struct {
	Config     Config    `json:"config"`
	Full       Outcome   `json:"full"`       // Symphony's way in the whole cluster
	Compared   Config    `json:"compared"`   // the cluster in which the ways to choose are compared
	Strategies []Outcome `json:"strategies"` // in that; Symphony's is the last
	Cost       Cost      `json:"cost"`
	Seconds    float64   `json:"seconds"` // that the run took
}

// Outcome is how a strategy did.
type Outcome struct {
	Strategy
	Phases []Phase `json:"phases"`
	Tally  Tally   `json:"tally"` // of all phases together
}

// Phase is how a part of the cluster's life went.
type Phase struct {
	Name  string `json:"name"`
	Tally Tally  `json:"tally"`
	// At the end of the phase, over the hosts that are up and take rooms.
	Rooms  Spread `json:"rooms"`  // rooms, as a share of the capacity
	People Spread `json:"people"` // what the people in them demand, as a share of what the machine can do
	Zones  Spread `json:"zones"`  // rooms of each zone, as a share of its capacity
}

// Tally counts what happened to opens of rooms.
type Tally struct {
	Opens      int `json:"opens"`
	Full       int `json:"full"`       // detours: the host was full when it was asked
	Dead       int `json:"dead"`       // detours: the host had died
	Draining   int `json:"draining"`   // detours: the host took no more rooms
	Refused    int `json:"refused"`    // the proxy had no host to ask any more, and tried again later
	Overloaded int `json:"overloaded"` // rooms that went to a host whose machine was overloaded
	Herd       int `json:"herd"`       // most rooms that one host had to open within one second
}

// Detours is how many hosts were asked in vain for each open.
func (t Tally) Detours() float64 { return float64(t.Full+t.Dead+t.Draining) / float64(max(t.Opens, 1)) }

func (t *Tally) add(o Tally) {
	t.Opens += o.Opens
	t.Full += o.Full
	t.Dead += o.Dead
	t.Draining += o.Draining
	t.Refused += o.Refused
	t.Overloaded += o.Overloaded
	t.Herd = max(t.Herd, o.Herd)
}

// Spread is how evenly something is spread.
type Spread struct {
	Min       float64 `json:"min"`
	Mean      float64 `json:"mean"`
	P99       float64 `json:"p99"`
	Max       float64 `json:"max"`
	Variation float64 `json:"variation"` // the coefficient of variation: standard deviation / mean
}

// spread describes sorted values.
func spread(sorted []float64) Spread {
	if len(sorted) == 0 {
		return Spread{}
	}
	var sum, squares float64
	for _, v := range sorted {
		sum += v
	}
	n := float64(len(sorted))
	mean := sum / n
	for _, v := range sorted {
		squares += (v - mean) * (v - mean)
	}
	s := Spread{Min: sorted[0], Mean: mean, P99: sorted[min(len(sorted)-1, int(n*0.99))], Max: sorted[len(sorted)-1]}
	if mean > 0 {
		s.Variation = math.Sqrt(squares/n) / mean
	}
	return s
}

// Cost is what the placement code costs on this machine, measured with a table of all hosts.
type Cost struct {
	Pick  time.Duration `json:"pick"`  // one pick
	Word  time.Duration `json:"word"`  // taking in a change of a host
	Table int64         `json:"table"` // memory of the table, in bytes
	Peak  int64         `json:"peak"`  // memory that the run took from the system, in bytes
}
