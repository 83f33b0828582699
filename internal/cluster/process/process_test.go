//go:build unix

package process_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/symphony-rtc/symphony/internal/cluster"
	"github.com/symphony-rtc/symphony/internal/cluster/memory"
	"github.com/symphony-rtc/symphony/internal/cluster/process"
	"github.com/symphony-rtc/symphony/internal/cluster/socket"
	"github.com/symphony-rtc/symphony/internal/ipc"
)

const patience = 30 * time.Second

func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for until := time.Now().Add(patience); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(until) {
			t.Fatalf("waited %v for %s", patience, what)
		}
	}
}

// entry is a line of the supervisor's log.
type entry struct {
	Msg, Host, Limit, Why, Err string
	Level                      string
	Pid                        int
}

// logbook keeps what the supervisor logs.
type logbook struct {
	mu    sync.Mutex
	lines bytes.Buffer
}

func (l *logbook) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.lines.Write(b)
}

func (l *logbook) entries(t testing.TB, msg string) (list []entry) {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	for line := range bytes.Lines(l.lines.Bytes()) {
		var e entry
		if err := json.Unmarshal(line, &e); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		if strings.Contains(e.Msg, msg) {
			list = append(list, e)
		}
	}
	return list
}

// world is a supervisor in this process.
type world struct {
	*process.Orchestrator
	t        testing.TB
	dir      string
	registry *memory.Registry
	log      *logbook
}

func newWorld(t testing.TB, role string, o process.Options, ttl time.Duration) *world {
	t.Helper()
	dir, remove, err := process.SocketDir()
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, dir: dir, registry: memory.New(), log: &logbook{}}
	log := slog.New(slog.NewJSONHandler(w.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	l, err := ipc.Listen(registrySocket(dir))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- socket.Serve(ctx, l, w.registry, ttl, log) }()
	o.Dir, o.Registry, o.Log = dir, w.registry, log
	if o.Command == nil {
		o.Command = command(role)
	}
	if w.Orchestrator, err = process.New(o); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := w.Close(); err != nil {
			t.Error(err)
		}
		cancel()
		if err := <-served; err != nil {
			t.Error(err)
		}
		w.registry.Close()
		remove()
		for _, e := range w.log.entries(t, "ready") {
			if e.Pid != 0 && lives(e.Pid) {
				t.Errorf("process %d lives on", e.Pid)
			}
		}
		if t.Failed() {
			t.Logf("log:\n%s", w.log.lines.String())
		}
	})
	return w
}

func (w *world) scale(free, total int) {
	w.t.Helper()
	if err := w.Scale(context.Background(), cluster.Want{Free: free, Total: total}); err != nil {
		w.t.Fatal(err)
	}
}

// hosts are those registered now, and which of them have rooms.
func (w *world) hosts() (all []string, busy map[string]bool) {
	w.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	busy = make(map[string]bool)
	for e := range w.registry.Watch(ctx) {
		switch e.Kind {
		case cluster.EventHost:
			all = append(all, e.Host.ID)
		case cluster.EventClaimed:
			busy[e.Host.ID] = true
		case cluster.EventSynced:
			return all, busy
		}
	}
	return all, busy
}

// await waits until so many hosts are there and so many of them have rooms.
func (w *world) await(all, busy int) []string {
	w.t.Helper()
	var list []string
	eventually(w.t, fmt.Sprintf("%d hosts, %d of them with rooms", all, busy), func() bool {
		var with map[string]bool
		list, with = w.hosts()
		return len(list) == all && len(with) == busy
	})
	return list
}

// tell gives a child a command and returns its answer.
func (w *world) tell(id, line string) string {
	w.t.Helper()
	conn, err := net.Dial("unix", strings.TrimPrefix(process.Address(w.dir, id), "unix:"))
	if err != nil {
		w.t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprintln(conn, line)
	answer, _ := bufio.NewReader(conn).ReadString('\n')
	return strings.TrimSpace(answer)
}

// pid returns the process of a host.
func (w *world) pid(id string) int {
	w.t.Helper()
	pid := 0
	eventually(w.t, "the log of "+id, func() bool {
		for _, e := range w.log.entries(w.t, "ready") {
			if e.Host == id && e.Pid != 0 {
				pid = e.Pid
			}
		}
		return pid != 0
	})
	return pid
}

// lives reports whether a process is there and no zombie.
func lives(pid int) bool {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return false
	}
	_, after, _ := strings.Cut(string(b), ") ")
	return !strings.HasPrefix(after, "Z") && !strings.HasPrefix(after, "X")
}

// TestFree keeps so many children without a room, and passes on what they log.
func TestFree(t *testing.T) {
	w := newWorld(t, "child", process.Options{}, time.Minute)
	w.scale(2, 0)
	first := w.await(2, 0)
	if answer := w.tell(first[0], "claim room"); answer != "ok" {
		t.Fatal(answer)
	}
	w.await(3, 1) // another one for that
	if answer := w.tell(first[1], "claim other"); answer != "ok" {
		t.Fatal(answer)
	}
	w.await(4, 2)
	w.tell(first[0], "exit") // its room has closed
	w.await(3, 1)
	w.scale(0, 0)
	rest := w.await(1, 1) // only those that nobody uses are ended
	if rest[0] != first[1] {
		t.Errorf("%q is left, want %q", rest[0], first[1])
	}
	w.scale(1, 0)
	w.await(2, 1)
	if crashed := w.log.entries(t, "crashed"); len(crashed) > 0 {
		t.Errorf("crashed: %+v", crashed)
	}
	if e := w.log.entries(t, "goodbye"); len(e) != 2 || e[0].Level != "INFO" || e[0].Host == "" {
		t.Errorf("children that ended logged %+v", e)
	}
}

// TestUnused: a child whose room could not be opened is free again, so none too many are left when that goes on for long.
func TestUnused(t *testing.T) {
	w := newWorld(t, "child", process.Options{Unused: 300 * time.Millisecond}, time.Minute)
	w.scale(1, 0)
	for range 3 {
		id := w.await(1, 0)[0]
		for _, line := range []string{"claim room", "rooms 1"} {
			if answer := w.tell(id, line); answer != "ok" {
				t.Fatal(answer)
			}
		}
		w.await(2, 1)
		for _, line := range []string{"release room", "rooms 0"} {
			if answer := w.tell(id, line); answer != "ok" {
				t.Fatal(answer)
			}
		}
		w.await(1, 0) // one of the two is too many
	}
	if crashed := w.log.entries(t, "crashed"); len(crashed) > 0 {
		t.Errorf("crashed: %+v", crashed)
	}
}

// TestTotal keeps so many children with or without rooms, and ends those that are missed least.
func TestTotal(t *testing.T) {
	w := newWorld(t, "child", process.Options{Capacity: 10, Most: 3}, time.Minute)
	w.scale(0, 4) // one more than may be
	all := w.await(3, 0)
	w.tell(all[2], "claim room")
	w.await(3, 1)
	w.tell(all[0], "crash")
	eventually(t, "another in its place", func() bool {
		list, _ := w.hosts()
		return len(list) == 3 && list[0] != all[0] && list[1] != all[0] && list[2] != all[0]
	})
	if e := w.log.entries(t, "crashed"); len(e) != 1 || e[0].Host != all[0] || e[0].Err != "exit status 2" {
		t.Errorf("crashes: %+v", e)
	}
	w.scale(0, 0)
	w.await(0, 0)
}

// TestCrashLoop starts what cannot work: it is tried again, ever more seldom, and the reason is in the log.
func TestCrashLoop(t *testing.T) {
	w := newWorld(t, "broken", process.Options{RetryMin: 200 * time.Millisecond, RetryMax: time.Hour, Starting: 1}, time.Minute)
	began := time.Now()
	w.scale(5, 0)
	eventually(t, "some attempts", func() bool { return len(w.log.entries(t, "crashed")) >= 4 })
	t.Logf("4 attempts took %v", time.Since(began))
	if e := w.log.entries(t, "no such thing"); len(e) < 4 || e[0].Host == "" || e[0].Level != "WARN" {
		t.Errorf("the log says %+v", e)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if n := len(w.log.entries(t, "crashed")); n > 30 {
		t.Errorf("%d attempts", n)
	}
	if err := w.Scale(context.Background(), cluster.Want{}); err == nil {
		t.Error("a closed supervisor can be used")
	}
}

// TestNoProgram cannot start anything.
func TestNoProgram(t *testing.T) {
	w := newWorld(t, "", process.Options{Command: func(string, string) *exec.Cmd { return exec.Command("/does/not/exist") }}, time.Minute)
	w.scale(1, 0)
	eventually(t, "attempts", func() bool { return len(w.log.entries(t, "cannot be started")) >= 2 })
}

// TestFrozen stops a child: it loses its lease, another takes its place, and when it does not come back it is killed.
func TestFrozen(t *testing.T) {
	w := newWorld(t, "child", process.Options{Capacity: 2, Patience: 3 * time.Second}, 2*time.Second)
	w.scale(0, 2)
	all := w.await(2, 0)
	w.tell(all[0], "claim room")
	frozen := w.pid(all[0])
	if err := syscall.Kill(frozen, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	eventually(t, "another in its place", func() bool {
		list, busy := w.hosts()
		return len(list) == 2 && list[0] != all[0] && list[1] != all[0] && len(busy) == 0
	})
	eventually(t, "the end of the frozen one", func() bool { return !lives(frozen) })
	eventually(t, "the log", func() bool {
		e := w.log.entries(t, "is killed")
		return len(e) == 1 && e[0].Host == all[0] && e[0].Why == "it gives no sign of life"
	})
}

// TestDeaf closes the supervisor while a child does not do as it is told, and one is stopped.
func TestDeaf(t *testing.T) {
	w := newWorld(t, "deaf", process.Options{Grace: time.Second}, time.Minute)
	w.scale(2, 0)
	all := w.await(2, 0)
	pids := []int{w.pid(all[0]), w.pid(all[1])}
	if err := syscall.Kill(pids[1], syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	for _, pid := range pids {
		if lives(pid) {
			t.Errorf("process %d lives on", pid)
		}
	}
	if e := w.log.entries(t, "is killed"); len(e) != 2 {
		t.Errorf("killed: %+v", e)
	}
	if e := w.log.entries(t, "does not listen"); len(e) != 1 {
		t.Errorf("asked: %+v", e)
	}
	left, err := os.ReadDir(w.dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range left {
		if strings.HasSuffix(f.Name(), ".sock") {
			t.Errorf("%s is left", f.Name())
		}
	}
}

// TestSupervisorKilled kills the supervisor: no child outlives it.
func TestSupervisorKilled(t *testing.T) {
	dir, remove, err := process.SocketDir()
	if err != nil {
		t.Fatal(err)
	}
	defer remove()
	cmd := command("supervisor")("", dir)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		cmd.Process.Kill()
		cmd.Wait()
	}()
	var pids []int
	for lines := bufio.NewScanner(out); len(pids) < 3 && lines.Scan(); {
		var e entry
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			t.Fatalf("%v: %s", err, lines.Bytes())
		}
		if e.Msg == "ready" {
			pids = append(pids, e.Pid)
		}
	}
	if len(pids) != 3 {
		t.Fatalf("the supervisor ended with only %v", pids)
	}
	// One of them cannot notice anything by itself.
	if err := syscall.Kill(pids[0], syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	for _, pid := range pids {
		eventually(t, "the end of process "+strconv.Itoa(pid), func() bool { return !lives(pid) })
	}
}
