package etcd_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/symphony-rtc/symphony/internal/cluster"
	"github.com/symphony-rtc/symphony/internal/cluster/clustertest"
	"github.com/symphony-rtc/symphony/test/services"
)

// TestKeys compares what is in etcd with docs/cluster-registry.md.
func TestKeys(t *testing.T) {
	r := open(t, services.Etcd(t).Addr, "/p")
	view := cluster.NewView(t.Context(), r)
	clustertest.Await(t, "the view is in step", view.Synced())
	host := cluster.Host{ID: "h/1", Address: "10.0.3.7:8081", Capacity: 100, Rooms: 12, Load: 0.35,
		Started: time.Date(2026, 11, 23, 11, 0, 0, 123e6, time.FixedZone("", 3600))}
	m, err := r.Join(t.Context(), host)
	if err != nil {
		t.Fatal(err)
	}
	const room = "a/../\x00ü"
	claim(t, m, room, "h/1")
	values, leases := dump(t, r.Client())
	if want := []string{"/p/history", "/p/hosts/h/1", "/p/rooms/" + room}; !slices.Equal(slices.Sorted(maps.Keys(values)), want) {
		t.Fatalf("keys %q, want %q", slices.Sorted(maps.Keys(values)), want)
	}
	if want := `{"id":"h/1","address":"10.0.3.7:8081","capacity":100,"rooms":12,"load":0.35,"started":"2026-11-23T10:00:00.123Z"}`; values["/p/hosts/h/1"] != want ||
		!json.Valid([]byte(want)) {
		t.Errorf("%s\nwant: %s", values["/p/hosts/h/1"], want)
	}
	if values["/p/rooms/"+room] != "h/1" || !regexp.MustCompile(`^[A-Z2-7]{26}$`).MatchString(values["/p/history"]) {
		t.Errorf("%q", values)
	}
	lease := leases["/p/hosts/h/1"]
	if lease == 0 || leases["/p/rooms/"+room] != lease || leases["/p/history"] != 0 {
		t.Errorf("leases %x", leases)
	}

	// Forget tells the host with a key, which is gone when the host has heard. Nobody listens to more than a few here.
	const many = 40
	for i := range many {
		claim(t, m, fmt.Sprint(i), "h/1")
		if err := r.Forget(t.Context(), fmt.Sprint(i), "h/1"); err != nil {
			t.Fatal(err)
		}
	}
	values, leases = dump(t, r.Client())
	key := fmt.Sprintf("/p/taken/%016x/%d", lease, many-1)
	if value, ok := values[key]; !ok || value != "" || leases[key] != lease {
		t.Errorf("%q with lease %x; keys %q", value, leases[key], slices.Sorted(maps.Keys(values)))
	}
	for i := range many {
		if got := clustertest.Await(t, "a room taken", m.Taken()); got != fmt.Sprint(i) {
			t.Fatalf("%q was taken, want %d", got, i)
		}
	}
	if err := m.Leave(t.Context()); err != nil {
		t.Fatal(err)
	}
	if values, _ := dump(t, r.Client()); len(values) != 1 {
		t.Errorf("when all have left there is %q", values)
	}
}

// dump reads all keys there are.
func dump(t *testing.T, c *clientv3.Client) (values map[string]string, leases map[string]int64) {
	t.Helper()
	answer, err := c.Get(t.Context(), "\x00", clientv3.WithFromKey())
	if err != nil {
		t.Fatal(err)
	}
	values, leases = make(map[string]string), make(map[string]int64)
	for _, kv := range answer.Kvs {
		values[string(kv.Key)], leases[string(kv.Key)] = string(kv.Value), kv.Lease
	}
	return values, leases
}
