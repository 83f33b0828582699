package proxy

import (
	"fmt"
	"testing"

	"github.com/symphony-rtc/symphony/internal/cluster"
)

// As long as no host can take them, rooms wait for one that can: what hosts tell of their load makes nobody ask the registry.
func TestRoomsThatWaitDoNotAskAgain(t *testing.T) {
	w := newWorld(t)
	seat, err := w.registry.Join(t.Context(), cluster.Host{ID: "full", Address: "127.0.0.1:1", Capacity: 1, Rooms: 1})
	if err != nil {
		t.Fatal(err)
	}
	d := w.proxy(Options{}, nil)
	for i := range 20 {
		for range 1 + i%2 {
			dialRoom(t, d.addr, fmt.Sprint("r", i), false)
		}
	}
	eventually(t, "all wait", func() bool { return d.Stats().Waiting == 30 })
	if n := d.Stats().WaitingRooms; n != 20 {
		t.Errorf("%d rooms wait", n)
	}
	for i := range 200 {
		load := float64(i) / 1000
		if err := seat.Update(t.Context(), cluster.Host{ID: "full", Address: "127.0.0.1:1", Capacity: 1, Rooms: 1, Load: load}); err != nil {
			t.Fatal(err)
		}
		eventually(t, "seen", func() bool { h := d.view.Hosts(); return len(h) == 1 && h[0].Load == load })
	}
	if n := w.asked.Load(); n > 100 {
		t.Errorf("the registry was asked %d times for 20 rooms", n)
	}
	w.host(100)
	eventually(t, "all are served", func() bool { return d.Stats().Waiting == 0 && d.Stats().WaitingRooms == 0 })
}
