package proxy

import (
	"bytes"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/symphony-rtc/symphony/test/harness"
)

// Real clients from npm (yjs with y-websocket, one that speaks symphony.v1 by hand, and @symphony-rtc/client) write while their
// room's host is killed, drained, and the room moves. None of them sees a disconnect, all have the same in the end, and all that
// write know that it is durable.
func TestNodeClientsNoticeNothing(t *testing.T) {
	if _, err := os.Stat("../../node_modules/ws"); err != nil {
		if os.Getenv("SYMPHONY_TEST_ALL") != "" {
			t.Fatal("the npm packages are not installed: run npm ci first")
		}
		t.Skip("the npm packages are not installed: run npm ci first")
	}
	if testing.Short() {
		t.Skip("takes some seconds")
	}
	w := newWorld(t)
	servers := map[string]*server{}
	add := func() *server {
		s := w.host(10)
		servers[s.id] = s
		return s
	}
	add()
	doors := []*door{w.proxy(Options{}, nil), w.proxy(Options{}, nil)}
	puppet := harness.StartPuppet(t)
	var clients []*harness.Client
	for i, kind := range []string{harness.Plain, harness.Symphony, harness.Npm, harness.Plain, harness.Symphony, harness.Npm} {
		c := puppet.Join(&harness.Server{Addr: doors[i%2].addr}, kind, fmt.Sprint(kind, i), "r")
		c.Do("presence", harness.Command{"state": map[string]any{"name": c.Name}}, nil)
		c.Do("write", harness.Command{"seed": i, "pause": 20}, nil)
		clients = append(clients, c)
	}
	served := func(by string) func() bool {
		return func() bool {
			owner := w.owner("r")
			if owner == "" || owner == by {
				return false
			}
			_, open := servers[owner].rooms.Info("r")
			return open
		}
	}
	for round := range 12 {
		time.Sleep(150 * time.Millisecond)
		owner := w.owner("r")
		next := add()
		switch round % 3 {
		case 0:
			servers[owner].kill()
		case 1:
			if err := servers[owner].seat.Move(t.Context(), "r", next.id); err != nil {
				t.Fatal(err)
			}
		case 2:
			servers[owner].drain()
		}
		eventually(t, "another host serves the room", served(owner))
	}
	for _, c := range clients {
		c.Do("rest", nil, nil)
	}
	for _, c := range clients {
		if c.Name[0] != 'p' {
			c.Do("durable", nil, nil)
		}
	}
	eventually(t, "all have the same document and see each other", func() bool {
		first := clients[0].State()
		for _, c := range clients {
			present := c.Present()
			for _, other := range clients {
				// (The one that speaks symphony.v1 by hand does not answer when it is told that it left; its presence is renewed later.)
				if _, there := present[fmt.Sprint(other.ID)]; !there && other.Name[0] != 's' {
					return false
				}
			}
			if s := c.State(); s.Pending || !bytes.Equal(s.State, first.State) {
				return false
			}
		}
		return true
	})
	for _, c := range clients {
		if s := c.Status(); s.Lost != 0 || !s.Connected || len(s.Closes) > 0 {
			t.Errorf("%s: %+v", c.Name, s)
		}
	}
}
