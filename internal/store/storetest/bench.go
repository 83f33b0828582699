//go:build unix

package storetest

import (
	"fmt"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/symphony-rtc/symphony/internal/room"
)

// CPUTime is the processor time that this process has used so far.
func CPUTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// Waiter is the room.JournalEvents of a room whose update Want is waited for: Done hears once that it is durable.
type Waiter struct {
	Want atomic.Uint64
	Done *sync.WaitGroup
}

// Committed implements room.JournalEvents.
func (w *Waiter) Committed(seq uint64) {
	if seq == w.Want.Load() {
		w.Done.Done()
	}
}

// Delayed implements room.JournalEvents.
func (w *Waiter) Delayed(error) {}

// Fenced implements room.JournalEvents.
func (w *Waiter) Fenced() {}

// AppendBench is a benchmark of commits.
type AppendBench struct {
	// Claim takes a room.
	Claim func(id string, events room.JournalEvents) (Appender, error)
	// Other is the processor time that other processes have used, if there are any that take part.
	Other func() time.Duration
	// Tidy is called, if it is not nil, after each 100 updates of every room, with the number of the last; what it takes
	// is not counted.
	Tidy func(last uint64)
}

// Appender is a room that is claimed.
type Appender interface {
	Append(seq uint64, update []byte)
}

// Run makes commits of batch updates of 100 bytes, each of another of 1000 rooms, and reports the processor time of this
// process for one of them. It returns that, and the same for the others.
func (a AppendBench) Run(b *testing.B, batch int) (here, other float64) {
	b.Helper()
	const rooms = 1000
	var done sync.WaitGroup
	claims := make([]Appender, rooms)
	events := make([]*Waiter, rooms)
	for i := range rooms {
		events[i] = &Waiter{Done: &done}
		var err error
		if claims[i], err = a.Claim(fmt.Sprint("room ", i), events[i]); err != nil {
			b.Fatal(err)
		}
	}
	update := make([]byte, 100)
	updates := 0
	var cpu, there time.Duration
	if a.Other != nil {
		there = -a.Other()
	}
	for b.Loop() {
		began := CPUTime()
		done.Add(batch)
		for range batch {
			i := updates % rooms
			updates++
			claims[i].Append(events[i].Want.Add(1), update)
		}
		done.Wait()
		cpu += CPUTime() - began
		if a.Tidy != nil && updates%(100*rooms) == 0 {
			a.Tidy(uint64(updates / rooms))
		}
	}
	if a.Other != nil {
		there += a.Other()
	}
	perUpdate := func(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1000 / float64(updates) }
	b.ReportMetric(perUpdate(cpu), "cpu-µs/update")
	return perUpdate(cpu), perUpdate(there)
}
