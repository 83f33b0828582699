package k8s

import (
	"fmt"
	"testing"
	"time"

	"github.com/symphony-rtc/symphony/test/harness"
)

// people are real clients in several rooms that edit all the time, and what was acknowledged to them.
type people struct {
	t       *testing.T
	w       *world
	puppet  *harness.Puppet
	rooms   []string
	clients map[string][]*harness.Client // by room: two that know what is durable, and one plain y-websocket client
	acked   map[string][]byte            // by room: all acknowledged updates, merged
	count   int                          // acknowledged updates
}

// join lets people into so many rooms and returns when all of them are synced and edit.
func (w *world) join(t *testing.T, rooms int) *people {
	t.Helper()
	g := &people{t: t, w: w, puppet: harness.StartPuppet(t), clients: map[string][]*harness.Client{}, acked: map[string][]byte{}}
	for i := range rooms {
		room := fmt.Sprintf("%s-%d", t.Name(), i)
		g.rooms = append(g.rooms, room)
		for j, kind := range []string{harness.Symphony, harness.Symphony, harness.Plain} {
			c := g.puppet.JoinSlowly(w.server, kind, fmt.Sprintf("%s-%d", room, j), room, 100)
			g.clients[room] = append(g.clients[room], c)
		}
	}
	for i, room := range g.rooms {
		for j, c := range g.clients[room] {
			c.Do("synced", nil, nil)
			c.Do("write", harness.Command{"seed": 100*i + j + 1, "pause": 200}, nil)
		}
	}
	return g
}

// closes are how often connections of these people have ended so far.
func (g *people) closes() (n int) {
	g.t.Helper()
	for _, room := range g.rooms {
		for _, c := range g.clients[room] {
			n += len(c.Status().Closes)
		}
	}
	return n
}

// told says how the connections ended, for messages of failed tests.
func (g *people) told() (text string) {
	for _, room := range g.rooms {
		for _, c := range g.clients[room] {
			if s := c.Status(); len(s.Closes) > 0 {
				text += fmt.Sprintf("\n%s: %+v", c.Name, s.Closes)
			}
		}
	}
	return text
}

// durableAgain waits until something that each symphony client wrote after now was acknowledged, and returns how long that took.
func (g *people) durableAgain(rooms ...string) time.Duration {
	g.t.Helper()
	began := time.Now()
	before := map[*harness.Client]int{}
	for _, room := range rooms {
		for _, c := range g.clients[room][:2] {
			s := c.Status()
			before[c] = s.Count + max(s.Sent-s.Durable, 0) // what is on its way was written before
		}
	}
	eventually(g.t, func() (bool, string) {
		text := ""
		for c, count := range before {
			if s := c.Status(); s.Count > count {
				delete(before, c)
			} else {
				text += fmt.Sprintf("\n%s: %+v", c.Name, s)
			}
		}
		return len(before) == 0, "nothing is acknowledged to" + text
	})
	return time.Since(began)
}

// verify ends the writing and compares: everything acknowledged is in the room, and all clients and the room have the same.
func (g *people) verify() (lost int) {
	g.t.Helper()
	for _, room := range g.rooms {
		for _, c := range g.clients[room] {
			c.Do("rest", nil, nil)
		}
	}
	for _, room := range g.rooms {
		harness.Converged(g.t, g.w.server, room, g.clients[room]...)
		for _, c := range g.clients[room][:2] {
			var told struct {
				Updates int
				Merged  []byte
			}
			c.Do("acknowledged", nil, &told)
			if told.Updates == 0 {
				g.t.Errorf("nothing was ever acknowledged to %s", c.Name)
				continue
			}
			g.count += told.Updates
			if !g.puppet.Contains(g.w.server.Update(room, "v1"), told.Merged) {
				lost++
				g.t.Errorf("room %s: updates that were acknowledged to %s are missing", room, c.Name)
			}
		}
	}
	return lost
}

// leave ends all connections.
func (g *people) leave() {
	g.t.Helper()
	for _, room := range g.rooms {
		for _, c := range g.clients[room] {
			c.Do("leave", nil, nil)
		}
	}
}
