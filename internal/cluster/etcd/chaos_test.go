package etcd_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/symphony-rtc/symphony/internal/cluster"
	"github.com/symphony-rtc/symphony/internal/cluster/clustertest"
	"github.com/symphony-rtc/symphony/internal/cluster/etcd"
	"github.com/symphony-rtc/symphony/test/services"
)

// TestChaos cuts and freezes the lines of hosts and kills etcd while the hosts claim, release and hand over rooms, and try
// again what they do not know the outcome of. A room never has two hosts that think it is theirs, and in the end everybody
// agrees on everything.
func TestChaos(t *testing.T) {
	const hosts, rooms = 4, 6
	server, prefix := services.Etcd(t), newPrefix()
	var (
		holder  [rooms]atomic.Int32 // 1 + the host that has the room; 0 is nobody
		members [hosts]cluster.Membership
		views   [hosts]*cluster.View
		lines   [hosts]*line
		claims  atomic.Int32
		failed  atomic.Int32
	)
	for i := range hosts {
		lines[i] = lay(t, listen(t), server.Addr)
		r, err := etcd.Open(t.Context(), etcd.Options{Endpoints: []string{"http://" + lines[i].Addr}, Prefix: prefix,
			TTL: time.Minute, Timeout: 300 * time.Millisecond})
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		members[i] = join(t, r, fmt.Sprint(i))
		views[i] = cluster.NewView(t.Context(), r)
	}
	ctx, stop := context.WithCancel(t.Context())
	var busy, trouble sync.WaitGroup
	for i, m := range members {
		busy.Go(func() {
			random, me := rand.New(rand.NewPCG(3, uint64(i))), int32(i+1)
			for ctx.Err() == nil && !t.Failed() {
				k := random.IntN(rooms)
				room := fmt.Sprint("room ", k)
				owner := insist(t, &failed, func() (cluster.Host, error) { return m.Claim(t.Context(), room) })
				if owner.ID != fmt.Sprint(i) {
					continue
				}
				claims.Add(1)
				if !holder[k].CompareAndSwap(0, me) && holder[k].Load() != me {
					t.Errorf("hosts %d and %d have %q", i, holder[k].Load()-1, room)
				}
				to, next := "", int32(0)
				if n := random.IntN(2 * hosts); n < hosts {
					to, next = fmt.Sprint(n), int32(n+1)
				}
				holder[k].Store(next)
				insist(t, &failed, func() (struct{}, error) { return struct{}{}, m.Release(t.Context(), room, to) })
			}
		})
	}
	for i, l := range lines {
		trouble.Go(func() {
			random := rand.New(rand.NewPCG(4, uint64(i)))
			for ctx.Err() == nil {
				time.Sleep(time.Duration(random.IntN(300)) * time.Millisecond)
				if random.IntN(2) == 0 {
					l.Freeze()
				} else {
					l.Cut()
				}
				time.Sleep(time.Duration(random.IntN(200)) * time.Millisecond)
				l.Mend()
			}
		})
	}
	for range 4 {
		time.Sleep(time.Second)
		server.Kill()
		if err := server.Start(); err != nil {
			t.Fatal(err)
		}
	}
	stop()
	busy.Wait()
	trouble.Wait()
	t.Logf("%d claims won, %d calls failed", claims.Load(), failed.Load())

	r := open(t, server.Addr, prefix)
	for k := range rooms {
		room, want := fmt.Sprint("room ", k), ""
		if n := holder[k].Load(); n > 0 {
			want = fmt.Sprint(n - 1)
		}
		checkOwner(t, r, room, want)
		for i, v := range views {
			clustertest.Eventually(t, fmt.Sprintf("view %d of %q", i, room), func() error {
				if h, _ := v.Owner(room); h.ID != want {
					return fmt.Errorf("it is %q's, want %q's", h.ID, want)
				}
				return nil
			})
		}
	}
	for i, m := range members {
		if !isOpen(m.Lost()) {
			t.Errorf("host %d is lost", i)
		}
	}
}

// insist does something until it works.
func insist[T any](t testing.TB, failed *atomic.Int32, do func() (T, error)) T {
	for deadline := time.Now().Add(clustertest.Patience); ; failed.Add(1) {
		answer, err := do()
		if err == nil {
			return answer
		}
		if time.Now().After(deadline) {
			t.Errorf("it never works: %v", err)
			return answer
		}
	}
}
