// Package isolation tests `symphony serve --cluster-isolation process` with real clients: the processes of rooms are killed under
// them, and so is the supervisor.
package isolation

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/symphony-rtc/symphony/test/harness"
)

func TestMain(m *testing.M) { harness.Main(m) }

const rooms = 3

// start starts a supervisor with settings and returns it once it is ready.
func start(t *testing.T, flags ...string) *harness.Server {
	t.Helper()
	if runtime.GOOS != "linux" {
		t.Skip("it finds the processes of rooms in /proc")
	}
	s := harness.NewServer(t, append([]string{"--cluster-isolation", "process"}, flags...)...)
	s.Command = "serve"
	s.Start()
	s.WaitReady()
	return s
}

// host is the process that serves a room.
type host struct {
	id  string
	pid int
}

// hosts lists the processes that have registered.
func hosts(t *testing.T, s *harness.Server) []host {
	t.Helper()
	var body struct {
		Hosts []struct {
			ID    string
			Rooms int
		}
	}
	if err := json.Unmarshal(s.Get("/v1/hosts"), &body); err != nil {
		t.Fatal(err)
	}
	var list []host
	for _, h := range body.Hosts {
		if h.Rooms > 0 {
			list = append(list, host{h.ID, processOf(t, h.ID)})
		}
	}
	return list
}

// processOf finds the process that was told to be a host; 0 if it has ended.
func processOf(t *testing.T, id string) int {
	t.Helper()
	files, err := filepath.Glob("/proc/[0-9]*/environ")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		environ, err := os.ReadFile(file)
		if err == nil && strings.Contains(string(environ), "SYMPHONY_CLUSTER_ID="+id+"\x00") {
			pid, err := strconv.Atoi(filepath.Base(filepath.Dir(file)))
			if err != nil {
				t.Fatal(err)
			}
			return pid
		}
	}
	return 0
}

// people are the clients of all rooms, writing.
func people(t *testing.T, p *harness.Puppet, s *harness.Server) map[string][]*harness.Client {
	t.Helper()
	all := map[string][]*harness.Client{}
	for r := range rooms {
		room := fmt.Sprintf("room %d/..", r)
		for i, kind := range []string{harness.Symphony, harness.Plain, harness.Npm} {
			c := p.Join(s, kind, fmt.Sprintf("%s of room %d", kind, r), room)
			c.Do("write", harness.Command{"seed": 10*r + i, "pause": 20}, nil)
			all[room] = append(all[room], c)
		}
	}
	return all
}

// settle lets clients finish and looks whether all have the same, and the server too.
func settle(t *testing.T, s *harness.Server, all map[string][]*harness.Client) {
	t.Helper()
	for room, clients := range all {
		for _, c := range clients {
			c.Do("rest", nil, nil)
		}
		for _, c := range clients {
			if c.Status().Sent > 0 {
				c.Do("durable", nil, nil)
			}
		}
		if harness.Converged(t, s, room, clients...); t.Failed() {
			t.Fatalf("room %q", room)
		}
	}
}

// TestRoomsOutliveTheirProcesses kills the process of every room under its writers, some times: nobody is disconnected, and nothing
// that was acknowledged is missing.
func TestRoomsOutliveTheirProcesses(t *testing.T) {
	s := start(t)
	p := harness.StartPuppet(t)
	all := people(t, p, s)
	for range 3 {
		var was []host
		harness.Eventually(t, "each room has a process", func() bool { was = hosts(t, s); return len(was) == rooms })
		for _, h := range was {
			if h.pid != 0 {
				if err := syscall.Kill(h.pid, syscall.SIGKILL); err != nil {
					t.Fatal(err)
				}
			}
		}
		harness.Eventually(t, "other processes serve the rooms", func() bool {
			now := hosts(t, s)
			for _, a := range was {
				for _, b := range now {
					if a.id == b.id {
						return false
					}
				}
			}
			return len(now) == rooms
		})
		for _, clients := range all { // each says something that the new process has made durable
			for _, c := range clients {
				if before := c.Status().Count; c.Status().Sent > 0 {
					harness.Eventually(t, "more becomes durable", func() bool { return c.Status().Count > before })
				}
			}
		}
	}
	settle(t, s, all)
	promised := promises(all)
	for _, clients := range all {
		for _, c := range clients {
			if lost := c.Status().Lost; lost != 0 {
				t.Errorf("%s lost its connection %d times", c.Name, lost)
			}
		}
	}
	kept(t, p, s, promised)

	// An orderly end: what is left behind is only what is stored.
	if code := s.Terminate(); code != 0 {
		t.Errorf("the supervisor ended with %d", code)
	}
	s.Start()
	s.WaitReady()
	kept(t, p, s, promised)
}

// TestSupervisorKilled kills the supervisor under writers: its processes end with it, and what was acknowledged is there when it is started again.
func TestSupervisorKilled(t *testing.T) {
	s := start(t, "--cluster-capacity", "2")
	p := harness.StartPuppet(t)
	all := people(t, p, s)
	for range 3 {
		was := hosts(t, s)
		s.Kill()
		for _, h := range was {
			harness.Eventually(t, "the processes of rooms are gone", func() bool { return processOf(t, h.id) == 0 })
		}
		s.Start()
		s.WaitReady()
		harness.Eventually(t, "the rooms are served again", func() bool { return len(hosts(t, s)) == (rooms+1)/2 })
	}
	settle(t, s, all)
	kept(t, p, s, promises(all))
}

// promises collects what the clients of each room were told is durable.
func promises(all map[string][]*harness.Client) map[string]*harness.Promises {
	list := map[string]*harness.Promises{}
	for room, clients := range all {
		list[room] = &harness.Promises{}
		for _, c := range clients {
			if c.Status().Sent > 0 {
				list[room].Collect(c)
			}
		}
	}
	return list
}

// kept checks that the server has all of it.
func kept(t *testing.T, p *harness.Puppet, s *harness.Server, promised map[string]*harness.Promises) {
	t.Helper()
	for room, promises := range promised {
		if !promises.Any() {
			t.Errorf("nobody in room %q was told that anything is durable: the test proves nothing", room)
		} else if !promises.Kept(p, s.Update(room, "v1")) {
			t.Errorf("room %q: what was acknowledged is not there", room)
		}
	}
}
