package embedded

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
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

// writeUntilKilled appends to some rooms and saves now and then. For every durable update it prints room and number.
func writeUntilKilled(dir string) {
	s, err := Open(dir, Options{Window: time.Millisecond})
	if err != nil {
		fmt.Println("error", err)
		os.Exit(1)
	}
	fmt.Println("ready")
	for i := range storetest.KillRooms {
		go func() {
			events := storetest.NewTeller(i)
			h, stored, err := s.Open(context.Background(), fmt.Sprint(i), events)
			if err != nil {
				fmt.Println("error", err)
				os.Exit(1)
			}
			for seq := stored.LastSeq + 1; ; seq++ {
				h.Append(seq, []byte(storetest.KillUpdate(i, seq)))
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
	var durable [storetest.KillRooms]uint64
	for range runs {
		storetest.KillOnce(t, &durable, 150*time.Millisecond, crashDir+"="+dir)
		s := openDir(t, dir)
		for i := range storetest.KillRooms {
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
				if want := storetest.KillUpdate(i, through+1+uint64(k)); string(u) != want {
					t.Fatalf("room %d: update is %q, not %q", i, u, want)
				}
			}
			if info, err := s.Room(context.Background(), fmt.Sprint(i)); err == nil && info.Active {
				t.Fatalf("room %d is active though its process is dead", i)
			}
			durable[i] = stored.LastSeq
		}
		want := 0 // the newest and the previous of each room
		for i := range storetest.KillRooms {
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
