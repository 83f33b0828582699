package postgres

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/symphony-rtc/symphony/internal/store"
	"github.com/symphony-rtc/symphony/internal/store/journal"
	"github.com/symphony-rtc/symphony/test/services"
)

// cpuTime is what this process has used so far; the server is another.
func cpuTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// waiter counts rooms whose newest update is durable.
type waiter struct {
	want atomic.Uint64
	done *sync.WaitGroup
}

func (w *waiter) Committed(seq uint64) {
	if seq == w.want.Load() {
		w.done.Done()
	}
}
func (w *waiter) Delayed(error) {}
func (w *waiter) Fenced()       {}

// BenchmarkAppend makes commits of so many updates of 100 bytes, each of another room, and reports the processor time
// of this process, and of all processes of the server, for one update.
func BenchmarkAppend(b *testing.B) {
	for _, batch := range []int{1, 10, 100} {
		b.Run(fmt.Sprint("batch=", batch), func(b *testing.B) {
			p := services.Postgres(b)
			db := openDB(b, p.URL(p.NewDatabase(b)), Options{Journal: journal.Options{Window: time.Millisecond}})
			var done sync.WaitGroup
			const rooms = 1000
			claims := make([]store.Claim, rooms)
			events := make([]*waiter, rooms)
			for i := range rooms {
				events[i] = &waiter{done: &done}
				var err error
				if claims[i], _, err = db.Claim(context.Background(), fmt.Sprint("room ", i), events[i]); err != nil {
					b.Fatal(err)
				}
			}
			update := make([]byte, 100)
			next := 0
			updates := 0
			cpu := time.Duration(0)
			there := p.CPUTime()
			for b.Loop() {
				began := cpuTime()
				done.Add(batch)
				for range batch {
					e, c := events[next%rooms], claims[next%rooms]
					next++
					c.Append(e.want.Add(1), update)
				}
				done.Wait()
				cpu += cpuTime() - began
				updates += batch
			}
			there = p.CPUTime() - there
			b.ReportMetric(float64(cpu.Nanoseconds())/1000/float64(updates), "cpu-µs/update")
			b.ReportMetric(float64(there.Nanoseconds())/1000/float64(updates), "server-cpu-µs/update")
		})
	}
}

// clock notes when each update of a room became durable.
type clock struct {
	mu    sync.Mutex
	sent  []time.Time // of the updates after durable
	took  *[]time.Duration
	tookM *sync.Mutex
	last  uint64
}

func (c *clock) Committed(seq uint64) {
	now := time.Now()
	c.mu.Lock()
	n := int(seq - c.last)
	c.last = seq
	sent := c.sent[:n]
	c.sent = c.sent[n:]
	c.mu.Unlock()
	c.tookM.Lock()
	for _, s := range sent {
		*c.took = append(*c.took, now.Sub(s))
	}
	c.tookM.Unlock()
}
func (c *clock) Delayed(error) {}
func (c *clock) Fenced()       {}

// BenchmarkDurable runs 5,000 updates a second from 1,250 rooms for ten seconds, with a room saved every 24 ms (each
// every 30 s, as a server does), and reports how long an update takes from Append to Committed.
func BenchmarkDurable(b *testing.B) {
	const rooms, perSecond, seconds = 1250, 5000, 10
	for b.Loop() {
		p := services.Postgres(b)
		s := openStore(b, p.URL(p.NewDatabase(b)), b.TempDir(), store.Options{})
		var took []time.Duration
		var tookM sync.Mutex
		clocks := make([]*clock, rooms)
		handles := make([]interface {
			Append(uint64, []byte)
			Save(context.Context, uint64, []byte) error
		}, rooms)
		for i := range rooms {
			clocks[i] = &clock{took: &took, tookM: &tookM}
			h, _, err := s.Open(context.Background(), fmt.Sprint("room ", i), clocks[i])
			if err != nil {
				b.Fatal(err)
			}
			handles[i] = h
		}
		seqs := make([]uint64, rooms)
		update, snapshot := make([]byte, 60), make([]byte, 5000)
		cpu, there, began := cpuTime(), p.CPUTime(), time.Now()
		stop := make(chan struct{})
		var saver sync.WaitGroup
		saver.Go(func() {
			for i := 0; ; i++ {
				select {
				case <-stop:
					return
				case <-time.After(30 * time.Second / rooms):
				}
				c := clocks[i%rooms]
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
				c := clocks[i]
				seqs[i]++
				c.mu.Lock()
				c.sent = append(c.sent, time.Now())
				c.mu.Unlock()
				handles[i].Append(seqs[i], update)
			}
			time.Sleep(time.Millisecond)
		}
		used, usedThere := cpuTime()-cpu, p.CPUTime()-there
		close(stop)
		saver.Wait()
		if err := s.Close(); err != nil {
			b.Fatal(err)
		}
		slices.Sort(took)
		at := func(p float64) float64 { return float64(took[int(p*float64(len(took)-1))].Microseconds()) / 1000 }
		b.ReportMetric(at(.5), "p50-ms")
		b.ReportMetric(at(.99), "p99-ms")
		b.ReportMetric(at(1), "max-ms")
		b.ReportMetric(100*used.Seconds()/seconds, "cpu-%")
		b.ReportMetric(100*usedThere.Seconds()/seconds, "server-cpu-%")
		b.ReportMetric(0, "ns/op")
	}
}
