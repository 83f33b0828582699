// Package crash kills the real server at random moments under the writes of real clients and looks whether anything that
// was acknowledged is missing afterwards.
package crash

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/symphony-rtc/symphony/test/harness"
)

func TestMain(m *testing.M) { harness.Main(m) }

// The rounds after which rooms are made anew, so that documents stay small enough for many rounds.
const roomLife = 15

// TestKilledServerLosesNothing kills the server with SIGKILL SYMPHONY_CRASH_RUNS times (25 by default, 5 with -short):
// while clients write, while it starts, while rooms are stored and closed. SYMPHONY_CRASH_SEED repeats the schedule, as far
// as processes repeat anything.
func TestKilledServerLosesNothing(t *testing.T) {
	runs := number(t, "SYMPHONY_CRASH_RUNS", 25)
	if testing.Short() {
		runs = min(runs, 5)
	}
	seed := number(t, "SYMPHONY_CRASH_SEED", int(time.Now().UnixNano()&0xffffff))
	t.Logf("seed %d", seed)

	// Snapshots and closings have to be as frequent as kills for these to hit them.
	s := harness.NewServer(t, "--room-snapshot=100ms", "--room-grace=50ms")
	w := &world{t: t, s: s, r: rand.New(rand.NewPCG(uint64(seed), 0))}
	w.puppets = []*harness.Puppet{harness.StartPuppet(t), harness.StartPuppet(t)}
	s.Start()
	for run := range runs {
		if run%roomLife == 0 {
			w.newRooms(run)
		}
		w.killOnce()
		if (run+1)%roomLife == 0 || run == runs-1 {
			w.settle()
		}
	}
	t.Logf("kills: %d under writes, %d of them while ending, %d while starting; %d checks without clients; %d acknowledged updates checked; "+
		"%d rooms stored as snapshots; losses: %d", runs, w.endKills, w.startKills, w.checks, w.acknowledged, w.snapshots(), w.losses)
	if w.acknowledged == 0 || runs >= 20 && w.snapshots() == 0 {
		t.Error("nothing was acknowledged, or no snapshot stored: the test proves nothing")
	}
}

// world is the clients and what they were promised.
type world struct {
	t       *testing.T
	s       *harness.Server
	r       *rand.Rand
	puppets []*harness.Puppet
	rooms   []*room

	startKills, endKills, checks, acknowledged, losses int
}

type room struct {
	id      string
	clients []*harness.Client
	kinds   []string
	acked   []byte // every acknowledged update, merged; nil before the first
}

// newRooms replaces the rooms: in each two symphony clients, which know what is durable, and a plain one.
func (w *world) newRooms(run int) {
	w.t.Helper()
	for _, rm := range w.rooms {
		for _, c := range rm.clients {
			c.Do("leave", nil, nil)
		}
	}
	w.rooms = nil
	for i := range 2 {
		rm := &room{id: fmt.Sprintf("crash-%d-%d", run, i), kinds: []string{harness.Symphony, harness.Symphony, harness.Plain}}
		for j, kind := range rm.kinds {
			p := w.puppets[j%len(w.puppets)]
			rm.clients = append(rm.clients, p.JoinLater(w.s, kind, fmt.Sprintf("%s-%d", rm.id, j), rm.id, true))
		}
		w.rooms = append(w.rooms, rm)
	}
	w.eachClient(func(c *harness.Client) {
		c.Do("write", harness.Command{"seed": run, "pause": 8}, nil)
	})
}

func (w *world) eachClient(f func(c *harness.Client)) {
	for _, rm := range w.rooms {
		for _, c := range rm.clients {
			f(c)
		}
	}
}

// killOnce lets the server run for a random time, kills it, and starts it again; in half of the rounds it then looks
// into the server before any client can send anything again.
func (w *world) killOnce() {
	w.t.Helper()
	w.s.WaitReady()
	if w.r.IntN(2) == 0 { // else the kill may hit the loading of rooms
		for _, rm := range w.rooms {
			rm.clients[0].Do("synced", nil, nil)
		}
	}
	time.Sleep(w.upTo(400 * time.Millisecond))
	var left []*harness.Client
	if w.r.IntN(3) == 0 { // a room whose members leave is stored and closed
		left = w.rooms[w.r.IntN(len(w.rooms))].clients
		for _, c := range left {
			c.Do("disconnect", nil, nil)
		}
		time.Sleep(w.upTo(120 * time.Millisecond))
	}
	if w.r.IntN(4) == 0 { // killed while it ends
		w.s.AskToEnd()
		time.Sleep(w.upTo(50 * time.Millisecond))
		w.endKills++
	}
	w.s.Kill()

	check := w.r.IntN(2) == 0
	if check {
		w.eachClient(func(c *harness.Client) { c.Do("disconnect", nil, nil) })
	}
	w.collect()
	for w.r.IntN(4) == 0 {
		w.s.Start()
		time.Sleep(w.upTo(60 * time.Millisecond))
		w.s.Kill()
		w.startKills++
	}
	w.s.Start()
	if check {
		w.s.WaitReady()
		w.verify()
		w.eachClient(func(c *harness.Client) { c.Do("connect", nil, nil) })
		return
	}
	for _, c := range left {
		c.Do("connect", nil, nil)
	}
}

func (w *world) upTo(d time.Duration) time.Duration { return time.Duration(w.r.Int64N(int64(d))) }

// collect asks the symphony clients what was acknowledged since.
func (w *world) collect() {
	w.t.Helper()
	for _, rm := range w.rooms {
		for i, c := range rm.clients {
			if rm.kinds[i] != harness.Symphony {
				continue
			}
			var told struct {
				Updates int
				Merged  []byte
			}
			c.Do("acknowledged", nil, &told)
			w.acknowledged += told.Updates
			if told.Updates == 0 {
				continue
			}
			if rm.acked == nil {
				rm.acked = told.Merged
				continue
			}
			var merged []byte
			w.puppets[0].Do(harness.Command{"do": "merge", "updates": [][]byte{rm.acked, told.Merged}}, &merged)
			rm.acked = merged
		}
	}
}

// snapshots counts what the store keeps: one object per room that was ever stored as a whole.
func (w *world) snapshots() int {
	objects, err := filepath.Glob(filepath.Join(w.s.Data, "snapshots", "*", "[^.]*"))
	if err != nil {
		w.t.Fatal(err)
	}
	return len(objects)
}

// verify compares what was acknowledged with what the server has.
func (w *world) verify() {
	w.t.Helper()
	w.checks++
	for _, rm := range w.rooms {
		if rm.acked == nil {
			continue
		}
		if !w.puppets[0].Contains(w.s.Update(rm.id, "v1"), rm.acked) {
			w.losses++
			w.t.Errorf("room %s: acknowledged updates are missing after a kill", rm.id)
		}
	}
}

// settle lets the clients reconnect by themselves and waits until all have the same.
func (w *world) settle() {
	w.t.Helper()
	w.s.WaitReady()
	w.eachClient(func(c *harness.Client) { c.Do("rest", nil, nil) })
	for _, rm := range w.rooms {
		harness.Converged(w.t, w.s, rm.id, rm.clients...)
	}
	w.collect()
	w.verify()
}

func number(t *testing.T, env string, otherwise int) int {
	t.Helper()
	text := os.Getenv(env)
	if text == "" {
		return otherwise
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatalf("%s=%q is not a number", env, text)
	}
	return n
}
