package memory_test

import (
	"fmt"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/symphony-rtc/symphony/internal/cluster"
	"github.com/symphony-rtc/symphony/internal/cluster/clustertest"
	"github.com/symphony-rtc/symphony/internal/cluster/memory"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestRegistry(t *testing.T) {
	clustertest.TestRegistry(t, func(testing.TB) *clustertest.Backend {
		first := memory.New()
		return &clustertest.Backend{
			Open: func(testing.TB) cluster.Registry { return first.Open() },
			Freeze: func(t testing.TB, _ cluster.Registry, host string) func() {
				if !first.Expire(host) {
					t.Errorf("there is no host %q", host)
				}
				return func() {}
			},
		}
	})
}

// TestWatcherFallsBehind has more happen than the registry holds for a watcher that does not read.
func TestWatcherFallsBehind(t *testing.T) {
	r := memory.New()
	defer r.Close()
	events := r.Watch(t.Context())
	m, err := r.Join(t.Context(), cluster.Host{ID: "host"})
	if err != nil {
		t.Fatal(err)
	}
	for i := range 40_000 {
		for _, err := range []error{second(m.Claim(t.Context(), fmt.Sprint(i))), m.Release(t.Context(), fmt.Sprint(i), "")} {
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	if _, err := m.Claim(t.Context(), "room"); err != nil {
		t.Fatal(err)
	}
	told, reset := 0, false
	timeout := time.After(30 * time.Second)
	for {
		var e cluster.Event
		select {
		case e = <-events:
		case <-timeout:
			t.Fatal("it is not told again")
		}
		if e.Kind == cluster.EventReset {
			reset = true
		}
		if reset && e.Kind == cluster.EventSynced {
			break
		}
		if reset && e.Kind == cluster.EventClaimed && e.Room != "room" {
			t.Fatalf("told after the reset: %+v", e)
		}
		told++
	}
	t.Logf("%d of 80,003 events", told)
	if told > 70_000 {
		t.Error("all of it was held")
	}
}

func second[T any](_ T, err error) error { return err }
