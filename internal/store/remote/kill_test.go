package remote

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"sync"
	"testing"
	"time"

	"github.com/symphony-rtc/symphony/internal/store/journal"
	"github.com/symphony-rtc/symphony/internal/store/storetest"
)

const killRooms = 8

// killUpdate is what the killed process writes as number seq of a room.
func killUpdate(room int, seq uint64) string { return fmt.Sprintf("room %d update %d", room, seq) }

// writeUntilKilled appends to some rooms as fast as it can with at most 1000 updates that are not durable, and prints room and
// number of what is.
func writeUntilKilled(address string) {
	c, err := Dial(context.Background(), address)
	if err != nil {
		panic(err)
	}
	var out sync.Mutex
	fmt.Println("ready")
	for i := range killRooms {
		go func() {
			events := &teller{Recorder: storetest.NewRecorder(), room: i, out: &out}
			claim, info, err := c.Claim(context.Background(), fmt.Sprint(i), events)
			if err != nil {
				panic(err)
			}
			for seq := info.LastSeq + 1; ; seq++ {
				claim.Append(seq, []byte(killUpdate(i, seq)))
				for seq > info.LastSeq+1000 && events.Durable()+1000 < seq {
					time.Sleep(100 * time.Microsecond)
				}
			}
		}()
	}
	<-c.Done()
	os.Exit(1)
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

// TestKill kills a process that writes to eight rooms, again and again, while the catalog lives on: what it was told is
// durable is there, nothing else is there than what it wrote, and nothing is left of it.
func TestKill(t *testing.T) {
	s := supervise(t, t.TempDir(), journal.Options{})
	var durable [killRooms]uint64
	for range 10 {
		killOnce(t, s.address, &durable)
		eventually(t, "the rooms of a dead process to be inactive", func() bool {
			list, err := s.db.Rooms(context.Background(), "", killRooms)
			if err != nil {
				t.Fatal(err)
			}
			for _, info := range list {
				if info.Active {
					return false
				}
			}
			return true
		})
		if n := s.db.Backlog(); n != 0 {
			t.Fatalf("backlog is %d", n)
		}
		for i, want := range durable {
			info, updates, err := s.db.Load(context.Background(), fmt.Sprint(i))
			if err != nil && want == 0 {
				continue // it was not claimed yet
			}
			if err != nil || info.LastSeq < want || uint64(len(updates)) != info.LastSeq {
				t.Fatalf("room %d: durable up to %d, there are %d of %d, %v", i, want, len(updates), info.LastSeq, err)
			}
			for k, u := range updates {
				if string(u) != killUpdate(i, uint64(k)+1) {
					t.Fatalf("room %d: update %d is %q", i, k+1, u)
				}
			}
			durable[i] = info.LastSeq
		}
	}
	total := uint64(0)
	for _, n := range durable {
		total += n
	}
	t.Logf("10 kills, %d updates, none lost", total)
}

// killOnce starts the writing process and kills it at a random moment. durable gets what it reported.
func killOnce(t *testing.T, address string, durable *[killRooms]uint64) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childRole+"=writer", childAddress+"="+address)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewReader(out)
	if line, err := lines.ReadString('\n'); line != "ready\n" {
		t.Fatalf("the process said %q, %v", line, err)
	}
	timer := time.AfterFunc(time.Duration(rand.IntN(200))*time.Millisecond, func() { cmd.Process.Kill() })
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
