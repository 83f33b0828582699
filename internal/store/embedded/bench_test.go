package embedded

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/symphony-rtc/symphony/internal/room"
)

// cpuTime is what the process has used so far.
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
// of the whole process for one update, checkpoints and deletions of covered rows included: every room is saved after
// each 100 updates, outside the measured time.
func BenchmarkAppend(b *testing.B) {
	for _, batch := range []int{1, 10, 100} {
		b.Run(fmt.Sprint("batch=", batch), func(b *testing.B) {
			s, err := Open(b.TempDir(), Options{Window: time.Millisecond})
			if err != nil {
				b.Fatal(err)
			}
			defer s.Close()
			var done sync.WaitGroup
			const rooms = 1000
			handles := make([]room.Handle, rooms)
			events := make([]*waiter, rooms)
			for i := range rooms {
				events[i] = &waiter{done: &done}
				if handles[i], _, err = s.Open(context.Background(), fmt.Sprint("room ", i), events[i]); err != nil {
					b.Fatal(err)
				}
			}
			update := make([]byte, 100)
			next := 0
			updates := 0
			cpu := time.Duration(0)
			for b.Loop() {
				began := cpuTime()
				done.Add(batch)
				for range batch {
					e, h := events[next%rooms], handles[next%rooms]
					next++
					h.Append(e.want.Add(1), update)
				}
				done.Wait()
				cpu += cpuTime() - began
				updates += batch
				if next%(100*rooms) == 0 {
					for i, h := range handles {
						if err := h.Save(context.Background(), events[i].want.Load(), update); err != nil {
							b.Fatal(err)
						}
					}
				}
			}
			b.ReportMetric(float64(cpu.Nanoseconds())/1000/float64(updates), "cpu-µs/update")
		})
	}
}

// BenchmarkAppendOnly is the cost of Append for its caller, without the commit.
func BenchmarkAppendOnly(b *testing.B) {
	s, err := Open(b.TempDir(), Options{Window: time.Second, BatchBytes: 1 << 40})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	var done sync.WaitGroup
	h, _, err := s.Open(context.Background(), "room", &waiter{done: &done})
	if err != nil {
		b.Fatal(err)
	}
	update := make([]byte, 100)
	seq := uint64(0)
	b.ReportAllocs()
	for b.Loop() {
		seq++
		h.Append(seq, update)
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
// every 30 s, as a server does), and reports how long an update takes to be durable.
func BenchmarkDurable(b *testing.B) {
	const rooms, perSecond, seconds = 1250, 5000, 10
	for b.Loop() {
		s, err := Open(b.TempDir(), Options{})
		if err != nil {
			b.Fatal(err)
		}
		var took []time.Duration
		var tookM sync.Mutex
		handles := make([]room.Handle, rooms)
		clocks := make([]*clock, rooms)
		for i := range rooms {
			clocks[i] = &clock{took: &took, tookM: &tookM}
			if handles[i], _, err = s.Open(context.Background(), fmt.Sprint("room ", i), clocks[i]); err != nil {
				b.Fatal(err)
			}
		}
		seqs := make([]uint64, rooms)
		update, snapshot := make([]byte, 60), make([]byte, 5000)
		cpu, began := cpuTime(), time.Now()
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
		used := cpuTime() - cpu
		close(stop)
		saver.Wait()
		if err := s.Close(); err != nil {
			b.Fatal(err)
		}
		slices.Sort(took)
		at := func(p float64) float64 { return float64(took[int(p*float64(len(took)-1))].Microseconds()) / 1000 }
		b.ReportMetric(plainSync(b), "disk-p99-ms")
		b.ReportMetric(at(.5), "p50-ms")
		b.ReportMetric(at(.99), "p99-ms")
		b.ReportMetric(at(1), "max-ms")
		b.ReportMetric(100*used.Seconds()/seconds, "cpu-%")
		b.ReportMetric(0, "ns/op")
	}
}

// plainSync is what the disk takes right now: the 99th percentile of writing 16 KiB to an existing file and fsync, in
// milliseconds. An update cannot be durable faster.
func plainSync(b *testing.B) float64 {
	f, err := os.Create(filepath.Join(b.TempDir(), "file"))
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	var took []time.Duration
	for range 500 {
		began := time.Now()
		if _, err := f.WriteAt(make([]byte, 16<<10), 0); err != nil {
			b.Fatal(err)
		}
		if err := f.Sync(); err != nil {
			b.Fatal(err)
		}
		took = append(took, time.Since(began))
		time.Sleep(4 * time.Millisecond)
	}
	slices.Sort(took)
	return float64(took[len(took)*99/100].Microseconds()) / 1000
}

// BenchmarkOpen opens 2,000 rooms at once: new ones, and the same again with a snapshot and some journal.
func BenchmarkOpen(b *testing.B) {
	const rooms = 2000
	for b.Loop() {
		dir := b.TempDir()
		for _, what := range []string{"new", "stored"} {
			s, err := Open(dir, Options{})
			if err != nil {
				b.Fatal(err)
			}
			var done sync.WaitGroup
			var wg sync.WaitGroup
			handles := make([]room.Handle, rooms)
			events := make([]*waiter, rooms)
			began, cpu := time.Now(), cpuTime()
			for i := range rooms {
				events[i] = &waiter{done: &done}
				wg.Go(func() {
					var err error
					if handles[i], _, err = s.Open(context.Background(), fmt.Sprint("room ", i), events[i]); err != nil {
						b.Error(err)
					}
				})
			}
			wg.Wait()
			b.ReportMetric(float64(time.Since(began).Microseconds())/rooms, what+"-µs/room")
			b.ReportMetric(float64((cpuTime()-cpu).Microseconds())/rooms, what+"-cpu-µs/room")
			if what == "new" {
				done.Add(rooms)
				for i, h := range handles {
					events[i].want.Store(10)
					for seq := range uint64(10) {
						h.Append(seq+1, make([]byte, 100))
					}
				}
				done.Wait()
				for _, h := range handles[:100] {
					if err := h.Save(context.Background(), 5, make([]byte, 1000)); err != nil {
						b.Fatal(err)
					}
				}
			}
			if err := s.Close(); err != nil {
				b.Fatal(err)
			}
		}
	}
}
