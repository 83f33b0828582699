package remote

import (
	"context"
	"sync"
	"testing"

	"github.com/symphony-rtc/symphony/internal/store/journal"
	"github.com/symphony-rtc/symphony/internal/store/storetest"
)

// sleeper is a room that does not return from Committed for long.
type sleeper struct {
	*storetest.Recorder
	asleep, wake chan struct{}
}

func (s *sleeper) Committed(seq uint64) {
	close(s.asleep)
	<-s.wake
	s.Recorder.Committed(seq)
}

// TestSlowProcessHoldsUpNobody has a process read nothing, with much on its way to it: others do not notice, and it gets
// everything once it reads.
func TestSlowProcessHoldsUpNobody(t *testing.T) {
	ctx := context.Background()
	s := supervise(t, t.TempDir(), journal.Options{})
	slow, other := dial(t, s.address), dial(t, s.address)
	big, _, heard := claimRoom(t, other, "big")
	big.Append(1, make([]byte, 2<<20))
	heard.WaitCommitted(t, 1)

	room := &sleeper{Recorder: storetest.NewRecorder(), asleep: make(chan struct{}), wake: make(chan struct{})}
	claim, _, err := slow.Claim(ctx, "slow", room)
	if err != nil {
		t.Fatal(err)
	}
	claim.Append(1, []byte("update"))
	<-room.asleep
	var loads sync.WaitGroup
	for range 40 {
		loads.Go(func() {
			if _, updates, err := slow.Load(ctx, "big"); err != nil || len(updates) == 0 || len(updates[0]) != 2<<20 {
				t.Errorf("Load: %d updates, %v", len(updates), err)
			}
		})
	}
	for seq := uint64(2); seq < 20; seq++ {
		big.Append(seq, []byte("update"))
		heard.WaitCommitted(t, seq)
		if _, err := other.Room(ctx, "big"); err != nil {
			t.Fatal(err)
		}
	}
	if _, _, err := other.Load(ctx, "slow"); err != nil {
		t.Fatal(err)
	}
	close(room.wake)
	room.WaitCommitted(t, 1)
	loads.Wait()
}
