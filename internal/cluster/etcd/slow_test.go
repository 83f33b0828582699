package etcd_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/symphony-rtc/symphony/internal/cluster"
	"github.com/symphony-rtc/symphony/internal/cluster/clustertest"
	"github.com/symphony-rtc/symphony/internal/cluster/etcd"
	"github.com/symphony-rtc/symphony/test/services"
)

// TestSlowWatcher does not read for longer than changes are held here. etcd holds them: all are told in the end.
func TestSlowWatcher(t *testing.T) {
	defer etcd.SetStuck(50 * time.Millisecond)()
	server := services.Etcd(t)
	prefix := newPrefix()
	r, slow := open(t, server.Addr, prefix), open(t, server.Addr, prefix)
	m := join(t, r, "one")
	events := slow.Watch(t.Context())
	for clustertest.Await(t, "the watch is in step", events).Kind != cluster.EventSynced {
	}
	const both = 2 // the watch of hosts and rooms, and the one of etcd's history
	clustertest.Eventually(t, "the watches begin at etcd", func() error {
		if n := watchers(t, server); n != both {
			return fmt.Errorf("%d watchers, want %d", n, both)
		}
		return nil
	})
	const rooms = 1000
	for i := range rooms {
		claim(t, m, fmt.Sprint(i), "one")
	}
	clustertest.Eventually(t, "the watch ends at etcd", func() error {
		if n := watchers(t, server); n >= both {
			return fmt.Errorf("%d watchers, and there were %d", n, both)
		}
		return nil
	})
	for i := range rooms {
		if e := clustertest.Await(t, "the next event", events); e.Kind != cluster.EventClaimed || e.Room != fmt.Sprint(i) {
			t.Fatalf("%+v, want the claim of %d", e, i)
		}
		if i%400 == 0 {
			time.Sleep(200 * time.Millisecond) // not for anything: to be slow again
		}
	}
	claim(t, m, "last", "one")
	if e := clustertest.Await(t, "the last event", events); e.Room != "last" {
		t.Fatalf("%+v", e)
	}
}

// watchers is how many watches there are, as etcd says.
func watchers(t testing.TB, server *services.Server) (n int) {
	t.Helper()
	resp, err := http.Get("http://" + server.Addr + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if _, err := fmt.Sscanf(line, "etcd_debugging_mvcc_watcher_total %d", &n); err == nil {
			return n
		}
	}
	t.Fatal("etcd does not say how many watchers it has")
	return 0
}
