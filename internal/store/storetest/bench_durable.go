//go:build unix

package storetest

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/symphony-rtc/symphony/internal/room"
)

// stopwatch notes when each update of a room became durable.
type stopwatch struct {
	mu   sync.Mutex
	sent []time.Time // of the updates after last
	last uint64
	took *times
}

// times is how long updates of all rooms took.
type times struct {
	mu  sync.Mutex
	all []time.Duration
}

func (c *stopwatch) Committed(seq uint64) {
	now := time.Now()
	c.mu.Lock()
	n := int(seq - c.last)
	c.last = seq
	sent := c.sent[:n]
	c.sent = c.sent[n:]
	c.mu.Unlock()
	c.took.mu.Lock()
	for _, s := range sent {
		c.took.all = append(c.took.all, now.Sub(s))
	}
	c.took.mu.Unlock()
}
func (c *stopwatch) Delayed(error) {}
func (c *stopwatch) Fenced()       {}

// BenchDurable runs 5,000 updates a second from 1,250 rooms for ten seconds, with a room saved every 24 ms (each every
// 30 s, as a server does), and closes the store. It reports how long an update takes from Append to Committed and how
// much of a processor this process used, and returns the same of the processes whose processor time other tells, if it
// is not nil.
func BenchDurable(b *testing.B, s Store, other func() time.Duration) (otherPercent float64) {
	b.Helper()
	const rooms, perSecond, seconds = 1250, 5000, 10
	if other == nil {
		other = func() time.Duration { return 0 }
	}
	var took times
	handles := make([]room.Handle, rooms)
	watches := make([]*stopwatch, rooms)
	for i := range rooms {
		watches[i] = &stopwatch{took: &took}
		var err error
		if handles[i], _, err = s.Open(context.Background(), fmt.Sprint("room ", i), watches[i]); err != nil {
			b.Fatal(err)
		}
	}
	seqs := make([]uint64, rooms)
	update, snapshot := make([]byte, 60), make([]byte, 5000)
	cpu, there, began := CPUTime(), other(), time.Now()
	stop := make(chan struct{})
	var saver sync.WaitGroup
	saver.Go(func() {
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			case <-time.After(30 * time.Second / rooms):
			}
			c := watches[i%rooms]
			c.mu.Lock()
			through := c.last
			c.mu.Unlock()
			if err := handles[i%rooms].Save(context.Background(), through, snapshot); err != nil {
				b.Error(err)
				return
			}
		}
	})
	for n := 0; n < perSecond*seconds; {
		due := int(time.Since(began).Seconds() * perSecond)
		for ; n < due; n++ {
			i := n * 7919 % rooms
			c := watches[i]
			seqs[i]++
			c.mu.Lock()
			c.sent = append(c.sent, time.Now())
			c.mu.Unlock()
			handles[i].Append(seqs[i], update)
		}
		time.Sleep(time.Millisecond)
	}
	cpu, there = CPUTime()-cpu, other()-there
	close(stop)
	saver.Wait()
	if err := s.Close(); err != nil {
		b.Fatal(err)
	}
	slices.Sort(took.all)
	at := func(p float64) float64 {
		return float64(took.all[int(p*float64(len(took.all)-1))].Microseconds()) / 1000
	}
	b.ReportMetric(at(.5), "p50-ms")
	b.ReportMetric(at(.99), "p99-ms")
	b.ReportMetric(at(1), "max-ms")
	b.ReportMetric(100*cpu.Seconds()/seconds, "cpu-%")
	b.ReportMetric(0, "ns/op")
	return 100 * there.Seconds() / seconds
}
