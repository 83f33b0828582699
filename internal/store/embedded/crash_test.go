package embedded

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/symphony-rtc/symphony/internal/store/storetest"
)

// Environment of the test binary when it plays the process that is killed, and how often the crash test runs.
const (
	crashDir  = "SYMPHONY_TEST_CRASH_DIR"
	crashRuns = "SYMPHONY_TEST_CRASH_RUNS"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(crashDir); dir != "" {
		writeUntilKilled(dir)
	}
	os.Exit(m.Run())
}

// update is what the killed process writes as number seq of a room.
func crashUpdate(room int, seq uint64) []byte {
	return fmt.Appendf(nil, "room %d update %d", room, seq)
}

const crashRooms = 8

// writeUntilKilled appends to some rooms and saves now and then. For every durable update it prints room and number.
func writeUntilKilled(dir string) {
	s, err := Open(dir, Options{Window: time.Millisecond})
	if err != nil {
		fmt.Println("error", err)
		os.Exit(1)
	}
	var out sync.Mutex
	fmt.Println("ready")
	for i := range crashRooms {
		go func() {
			events := &teller{Recorder: storetest.NewRecorder(), room: i, out: &out}
			h, stored, err := s.Open(context.Background(), fmt.Sprint(i), events)
			if err != nil {
				fmt.Println("error", err)
				os.Exit(1)
			}
			for seq := stored.LastSeq + 1; ; seq++ {
				h.Append(seq, crashUpdate(i, seq))
				if rand.IntN(20) > 0 {
					continue
				}
				for events.Durable() < seq {
					time.Sleep(100 * time.Microsecond)
				}
				if rand.IntN(4) == 0 {
					if err := h.Save(context.Background(), seq, fmt.Append(nil, seq)); err != nil {
						fmt.Println("error", err)
						os.Exit(1)
					}
				}
			}
		}()
	}
	select {}
}

// teller prints what is durable.
type teller struct {
	*storetest.Recorder
	room int
	out  *sync.Mutex
}

func (e *teller) Committed(seq uint64) {
	e.out.Lock()
	fmt.Println("durable", e.room, seq)
	e.out.Unlock()
	e.Recorder.Committed(seq)
}

// TestKill kills a process that writes to eight rooms, again and again on one directory, and looks each time whether
// everything is there that was reported as durable, and nothing that was never written.
func TestKill(t *testing.T) {
	runs := 20
	if s := os.Getenv(crashRuns); s != "" {
		n, err := strconv.Atoi(s)
		if err != nil {
			t.Fatalf("%s: %v", crashRuns, err)
		}
		runs = n
	}
	dir := t.TempDir()
	var durable [crashRooms]uint64
	for range runs {
		killOnce(t, dir, &durable)
		s := openDir(t, dir)
		for i := range crashRooms {
			stored, err := s.Read(context.Background(), fmt.Sprint(i))
			if err != nil && durable[i] > 0 {
				t.Fatalf("room %d, durable up to %d: %v", i, durable[i], err)
			}
			if stored.LastSeq < durable[i] {
				t.Fatalf("room %d: update %d was durable, the last one is %d", i, durable[i], stored.LastSeq)
			}
			through := uint64(0)
			if stored.Snapshot != nil {
				if through, err = strconv.ParseUint(string(stored.Snapshot), 10, 64); err != nil {
					t.Fatalf("room %d: snapshot: %v", i, err)
				}
			}
			if through+uint64(len(stored.Journal)) != stored.LastSeq {
				t.Fatalf("room %d: snapshot through %d and %d updates are not %d", i, through, len(stored.Journal), stored.LastSeq)
			}
			for k, u := range stored.Journal {
				if want := crashUpdate(i, through+1+uint64(k)); string(u) != string(want) {
					t.Fatalf("room %d: update is %q, not %q", i, u, want)
				}
			}
			if info, err := s.Room(context.Background(), fmt.Sprint(i)); err == nil && info.Active {
				t.Fatalf("room %d is active though its process is dead", i)
			}
			durable[i] = stored.LastSeq
		}
		want := 0 // the newest and the previous of each room
		for i := range crashRooms {
			info, err := s.Room(context.Background(), fmt.Sprint(i))
			if err == nil && info.SnapshotKey != "" {
				want++
			}
			if err == nil && info.PreviousKey != "" {
				want++
			}
		}
		if objects := countObjects(t, s); objects != want {
			t.Fatalf("%d snapshot objects, %d are in use: orphans were not removed", objects, want)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	total := uint64(0)
	for _, n := range durable {
		total += n
	}
	t.Logf("%d kills, %d updates, none lost", runs, total)
}

func countObjects(t *testing.T, s *Store) int {
	t.Helper()
	n := 0
	err := s.objects.List(context.Background(), func(string) error {
		n++
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// killOnce starts the writing process and kills it at a random moment. durable gets what it reported.
func killOnce(t *testing.T, dir string, durable *[crashRooms]uint64) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), crashDir+"="+dir)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewReader(out)
	first, err := lines.ReadString('\n')
	if err != nil || first != "ready\n" {
		t.Fatalf("the process said %q, %v", first, err)
	}
	timer := time.AfterFunc(time.Duration(rand.IntN(150))*time.Millisecond, func() { cmd.Process.Kill() })
	defer timer.Stop()
	for {
		line, err := lines.ReadString('\n')
		if err != nil { // a line that was cut off reports nothing
			break
		}
		var i int
		var seq uint64
		if _, err := fmt.Sscanf(line, "durable %d %d", &i, &seq); err != nil {
			t.Fatalf("the process said %q", line)
		}
		durable[i] = max(durable[i], seq)
	}
	io.Copy(io.Discard, lines)
	cmd.Wait() // it was killed: an error
}
