package embedded

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/symphony-rtc/symphony/internal/room"
	"github.com/symphony-rtc/symphony/internal/store/storetest"
)

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
			var handles []room.Handle
			storetest.AppendBench{Claim: func(id string, events room.JournalEvents) (storetest.Appender, error) {
				h, _, err := s.Open(context.Background(), id, events)
				handles = append(handles, h)
				return h, err
			}, Tidy: func(last uint64) {
				for _, h := range handles {
					if err := h.Save(context.Background(), last, make([]byte, 100)); err != nil {
						b.Fatal(err)
					}
				}
			}}.Run(b, batch)
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
	h, _, err := s.Open(context.Background(), "room", &storetest.Waiter{Done: &done})
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

// BenchmarkDurable is how long updates take to be durable at a server's load.
func BenchmarkDurable(b *testing.B) {
	for b.Loop() {
		s, err := Open(b.TempDir(), Options{})
		if err != nil {
			b.Fatal(err)
		}
		storetest.BenchDurable(b, s, nil)
		b.ReportMetric(plainSync(b), "disk-p99-ms")
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
			events := make([]*storetest.Waiter, rooms)
			began, cpu := time.Now(), storetest.CPUTime()
			for i := range rooms {
				events[i] = &storetest.Waiter{Done: &done}
				wg.Go(func() {
					var err error
					if handles[i], _, err = s.Open(context.Background(), fmt.Sprint("room ", i), events[i]); err != nil {
						b.Error(err)
					}
				})
			}
			wg.Wait()
			b.ReportMetric(float64(time.Since(began).Microseconds())/rooms, what+"-µs/room")
			b.ReportMetric(float64((storetest.CPUTime()-cpu).Microseconds())/rooms, what+"-cpu-µs/room")
			if what == "new" {
				done.Add(rooms)
				for i, h := range handles {
					events[i].Want.Store(10)
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
