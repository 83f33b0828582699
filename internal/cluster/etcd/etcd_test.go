package etcd_test

import (
	"fmt"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/symphony-rtc/symphony/internal/cluster"
	"github.com/symphony-rtc/symphony/internal/cluster/clustertest"
	"github.com/symphony-rtc/symphony/internal/cluster/etcd"
	"github.com/symphony-rtc/symphony/test/services"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// ttl is short, so that tests need not wait for long, and longer than a busy disk makes etcd wait.
const ttl = 3 * time.Second

var prefixes atomic.Int64

// newPrefix returns a prefix for a registry that is empty. Some are like others.
func newPrefix() string { return fmt.Sprint("/symphony test/", prefixes.Add(1)) }

func open(t testing.TB, addr, prefix string) *etcd.Registry {
	t.Helper()
	r, err := etcd.Open(t.Context(), etcd.Options{Endpoints: []string{"http://" + addr}, Prefix: prefix, TTL: ttl, Timeout: 20 * time.Second})
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

func TestRegistry(t *testing.T) {
	server := services.Etcd(t)
	clustertest.TestRegistry(t, func(t testing.TB) *clustertest.Backend {
		prefix := newPrefix()
		var mu sync.Mutex
		lines := make(map[cluster.Registry]*line)
		return &clustertest.Backend{
			Open: func(t testing.TB) cluster.Registry {
				l := lay(t, listen(t), server.Addr)
				r := open(t, l.Addr, prefix)
				mu.Lock()
				defer mu.Unlock()
				lines[r] = l
				return r
			},
			Freeze: func(t testing.TB, r cluster.Registry, host string) func() {
				mu.Lock()
				l := lines[r]
				mu.Unlock()
				l.Freeze()
				awaitGone(t, server, prefix, host)
				return l.Mend
			},
			Restart: func(t testing.TB) {
				server.Kill()
				if err := server.Start(); err != nil {
					t.Fatal(err)
				}
			},
			Rounds: rounds(t),
		}
	})
}

// rounds is how many rooms are raced for: SYMPHONY_REGISTRY_ROUNDS, or as many as take some seconds.
func rounds(t testing.TB) int {
	n := 200
	if text := os.Getenv("SYMPHONY_REGISTRY_ROUNDS"); text != "" {
		var err error
		if n, err = strconv.Atoi(text); err != nil {
			t.Fatal(err)
		}
	}
	return n
}

// awaitGone waits until a host's key is gone from etcd.
func awaitGone(t testing.TB, server *services.Server, prefix, host string) {
	t.Helper()
	view := cluster.NewView(t.Context(), open(t, server.Addr, prefix))
	clustertest.Await(t, "the view is in step", view.Synced())
	clustertest.Eventually(t, host+" is gone", func() error {
		if _, ok := view.Host(host); ok {
			return fmt.Errorf("it is still there")
		}
		return nil
	})
}
