package etcd_test

import (
	"errors"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/symphony-rtc/symphony/internal/cluster"
	"github.com/symphony-rtc/symphony/internal/cluster/clustertest"
	"github.com/symphony-rtc/symphony/internal/cluster/etcd"
	"github.com/symphony-rtc/symphony/test/network"
	"github.com/symphony-rtc/symphony/test/services"
)

// three starts an etcd of three members that is soon back after an election.
func three(t testing.TB) *services.EtcdCluster {
	t.Helper()
	return services.NewEtcdCluster(t, services.EtcdOptions{Election: 300 * time.Millisecond}, make([]network.Place, 3)...)
}

func openAt(t testing.TB, prefix string, urls ...string) *etcd.Registry {
	t.Helper()
	r, err := etcd.Open(t.Context(), etcd.Options{Endpoints: urls, Prefix: prefix, TTL: ttl, Timeout: 20 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	})
	return r
}

// leader is the member that leads.
func leader(t testing.TB, c *services.EtcdCluster) *services.Server {
	t.Helper()
	i, err := c.Leader()
	if err != nil {
		t.Fatal(err)
	}
	return c.Members[i]
}

// TestRegistryOfThree is the conformance suite with three members of etcd. In the middle of each of its tests the leader is killed. Not
// more often: each new leader lets all leases begin anew, so while leaders come and go no host is ever gone.
func TestRegistryOfThree(t *testing.T) {
	if testing.Short() {
		t.Skip("it waits for many elections; TestLeaderFrozen and TestMajorityLost stay")
	}
	t.Parallel()
	c := three(t)
	var killing sync.WaitGroup
	kills := 0
	clustertest.TestRegistry(t, func(t testing.TB) *clustertest.Backend {
		killing.Wait() // that of the test before
		killing.Go(func() {
			time.Sleep(rand.N(400 * time.Millisecond))
			i, err := c.Leader()
			if err != nil {
				t.Error(err)
				return
			}
			c.Members[i].Kill()
			kills++
			time.Sleep(rand.N(400 * time.Millisecond))
			if err := c.Start(); err != nil {
				t.Error(err)
			}
		})
		t.Cleanup(killing.Wait)
		return backendOfThree(t, c)
	})
	killing.Wait()
	t.Logf("the leader was killed %d times", kills)
}

// backendOfThree is an empty registry that each process reaches over lines of its own.
func backendOfThree(t testing.TB, c *services.EtcdCluster) *clustertest.Backend {
	prefix := newPrefix()
	var mu sync.Mutex
	lines := make(map[cluster.Registry][]*line)
	return &clustertest.Backend{
		Open: func(t testing.TB) cluster.Registry {
			var own []*line
			var urls []string
			for _, m := range c.Members {
				l := lay(t, listen(t), m.Addr)
				own, urls = append(own, l), append(urls, "http://"+l.Addr)
			}
			r := openAt(t, prefix, urls...)
			mu.Lock()
			defer mu.Unlock()
			lines[r] = own
			return r
		},
		Freeze: func(t testing.TB, r cluster.Registry, host string) func() {
			mu.Lock()
			own := lines[r]
			mu.Unlock()
			for _, l := range own {
				l.Freeze()
			}
			view := cluster.NewView(t.Context(), openAt(t, prefix, c.URLs()...))
			clustertest.Await(t, "the view is in step", view.Synced())
			clustertest.Eventually(t, host+" is gone", func() error {
				if _, ok := view.Host(host); ok {
					return errors.New("it is still there")
				}
				return nil
			})
			return func() {
				for _, l := range own {
					l.Mend()
				}
			}
		},
		Restart: func(t testing.TB) {
			leader(t, c).Kill()
			if err := c.Start(); err != nil {
				t.Fatal(err)
			}
		},
		Rounds: max(rounds(t)/10, 1), Fewer: 10, // what is special here is not what many rooms do
	}
}
