package remote

import (
	"context"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/symphony-rtc/symphony/internal/store/journal"
	"github.com/symphony-rtc/symphony/internal/store/storetest"
)

// writeUntilKilled appends to some rooms as fast as it can with at most 1000 updates that are not durable, and prints room and
// number of what is.
func writeUntilKilled(address string) {
	c, err := Dial(context.Background(), address)
	if err != nil {
		panic(err)
	}
	fmt.Println("ready")
	for i := range storetest.KillRooms {
		go func() {
			events := storetest.NewTeller(i)
			claim, info, err := c.Claim(context.Background(), fmt.Sprint(i), events)
			if err != nil {
				panic(err)
			}
			for seq := info.LastSeq + 1; ; seq++ {
				claim.Append(seq, []byte(storetest.KillUpdate(i, seq)))
				for seq > info.LastSeq+1000 && events.Durable()+1000 < seq {
					time.Sleep(100 * time.Microsecond)
				}
			}
		}()
	}
	<-c.Done()
	os.Exit(1)
}

// TestKill kills a process that writes to eight rooms, again and again, while the catalog lives on: what it was told is
// durable is there, nothing else is there than what it wrote, and nothing is left of it.
func TestKill(t *testing.T) {
	s := supervise(t, t.TempDir(), journal.Options{})
	var durable [storetest.KillRooms]uint64
	for range 10 {
		storetest.KillOnce(t, &durable, 200*time.Millisecond, childRole+"=writer", childAddress+"="+s.address)
		eventually(t, "the rooms of a dead process to be inactive", func() bool {
			list, err := s.db.Rooms(context.Background(), "", storetest.KillRooms)
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
				if string(u) != storetest.KillUpdate(i, uint64(k)+1) {
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
