//go:build linux

package gateway

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net/http/httptest"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/symphony-rtc/symphony/internal/ws/wstest"
)

// startLoad starts that process and returns when all users are connected.
func startLoad(b *testing.B, addr string, users, perRoom, rate int) {
	b.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), loadAddr+"="+addr, loadUsers+"="+strconv.Itoa(users), loadRoom+"="+strconv.Itoa(perRoom),
		loadRate+"="+strconv.Itoa(rate))
	stdin, err := cmd.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		_ = stdin.Close()
		_ = cmd.Wait()
	})
	if line, err := bufio.NewReader(stdout).ReadString('\n'); err != nil {
		b.Fatalf("the load generator says %q: %v", line, err)
	}
}

func cpuTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkDelivery is what it costs to deliver a message to one other member at the reference load: rooms of 4, six
// messages per user and second. An operation is a delivery; the time of an operation says nothing, the CPU time all.
func BenchmarkDelivery(b *testing.B) {
	for _, c := range []struct {
		name           string
		users, perRoom int
		rate           int
		later          bool
	}{
		{"rooms of 4", 3000, 4, 6, false},
		{"crowd of 100", 300, 100, 1, false},
		{"crowd of 100, later", 300, 100, 1, true},
	} {
		b.Run(c.name, func(b *testing.B) {
			g, addr := serve(b, &relayHost{later: c.later}, Options{})
			startLoad(b, addr, c.users, c.perRoom, c.rate)
			time.Sleep(200 * time.Millisecond) // until the load is even
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			cpu, began := cpuTime(), g.Stats().MessagesOut
			b.ResetTimer()
			for g.Stats().MessagesOut-began < uint64(b.N) {
				time.Sleep(5 * time.Millisecond)
			}
			b.StopTimer()
			cpu = cpuTime() - cpu
			delivered := float64(g.Stats().MessagesOut - began)
			runtime.ReadMemStats(&after)
			b.ReportMetric(float64(cpu.Nanoseconds())/1000/delivered, "cpu-µs/delivery")
			b.ReportMetric(delivered/b.Elapsed().Seconds(), "deliveries/s")
			b.ReportMetric(float64(after.Mallocs-before.Mallocs)/delivered, "allocs/delivery")
		})
	}
}

// BenchmarkIdleConnection is what a connection takes while nothing happens: of the Go heap, of stacks, and of the
// memory of the process. An operation is a connection of the 10,000.
func BenchmarkIdleConnection(b *testing.B) {
	const users = 10_000
	measure := func() (heap, stack, resident float64) {
		debug.FreeOSMemory()
		debug.FreeOSMemory() // once more: the first one moves what is in pools to where the second finds it
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		statm, err := os.ReadFile("/proc/self/statm")
		if err != nil {
			b.Fatal(err)
		}
		pages, err := strconv.Atoi(string(bytes.Fields(statm)[1]))
		if err != nil {
			b.Fatal(err)
		}
		return float64(m.HeapAlloc), float64(m.StackInuse), float64(pages * os.Getpagesize())
	}
	for b.Loop() {
		g := New(&relayHost{}, Options{DrainSpread: -1})
		server := httptest.NewServer(g)
		heap, stack, resident := measure()
		b.Run("10000", func(b *testing.B) {
			startLoad(b, server.Listener.Addr().String(), users, 4, 0)
			eventually(b, "all connected", func() bool { return g.Stats().Connections == users })
			heap2, stack2, resident2 := measure()
			b.ReportMetric((heap2-heap)/users, "heap-B/conn")
			b.ReportMetric((stack2-stack)/users, "stack-B/conn")
			b.ReportMetric((resident2-resident)/users, "resident-B/conn")
		})
		if err := g.Drain(context.Background()); err != nil {
			b.Error(err)
		}
		server.Close()
	}
}

// A message is relayed without a single allocation, from the frame of its sender to the frames of its receivers.
func TestRelayingDoesNotAllocate(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	for _, later := range []bool{false, true} {
		host := &relayHost{later: later}
		_, addr := serve(t, host, Options{FlushEvery: 50 * time.Microsecond})
		clients := make([]*client, 4)
		for i := range clients {
			clients[i] = dial(t, addr, "r")
		}
		eventually(t, "joined", func() bool { return len(host.members("r")) == 4 })
		frame := wstest.Frame(opBinary, true, make([]byte, 100))
		got := make([]byte, 102)
		relay := func() {
			clients[0].write(frame)
			for _, c := range clients[1:] {
				if _, err := io.ReadFull(c.nc, got); err != nil {
					t.Fatal(err)
				}
			}
		}
		relay()
		if allocations := testing.AllocsPerRun(2000, relay); allocations != 0 {
			t.Errorf("later %v: %v allocations per message", later, allocations)
		}
	}
}
