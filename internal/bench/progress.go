package bench

import (
	"fmt"
	"time"
)

func (r *Result) doubt(format string, args ...any) {
	r.Doubts = append(r.Doubts, fmt.Sprintf(format, args...))
}

// Phase is what a run is doing.
type Phase string

// The phases of a run, in order.
const (
	Connecting Phase = "connecting"
	Measuring  Phase = "measuring"
	Draining   Phase = "draining"
)

// Progress is the state of a run, told about once a second.
type Progress struct {
	Phase       Phase
	Elapsed     time.Duration // since the start of the phase
	Of          time.Duration // how long the phase takes; 0 if not known
	Users       int           // connected now
	Wanted      int
	Deliveries  float64       // per second, since the last progress
	P50, P99    time.Duration // of both kinds, measured so far
	Missing     uint64        // deliveries passed over by later ones: losses unless they come late
	Disconnects int
	Errors      int
}
