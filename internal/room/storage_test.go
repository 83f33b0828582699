package room

import (
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/symphony-rtc/symphony/protocol"
)

// storageStates returns the states that storage messages tell of.
func storageStates(frames [][]byte) (states []protocol.StorageState) {
	for _, frame := range frames {
		if frame[0] == byte(protocol.TypeStorage) {
			states = append(states, protocol.StorageState(frame[1]))
		}
	}
	return states
}

func wantStates(t *testing.T, who string, m *recorder, want ...protocol.StorageState) {
	t.Helper()
	got := storageStates(m.take())
	if len(got) != len(want) {
		t.Errorf("%s was told %v, want %v", who, got, want)
		return
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("%s was told %v, want %v", who, got, want)
		}
	}
}

func TestST_CHANGE(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := NewHost(newSlowStore(t), Options{})
		var a, plain, late recorder
		sa, sp := join(t, h, &a, JoinOptions{Symphony: true}), join(t, h, &plain, JoinOptions{})
		wantStates(t, "ST-FINE a new member", &a)
		sa.room.Delayed(errors.New("simulated"))
		sa.room.Delayed(errors.New("simulated again"))
		wantStates(t, "a member", &a, protocol.StorageDelayed)
		sl := join(t, h, &late, JoinOptions{Symphony: true})
		wantStates(t, "ST-GREETING who comes meanwhile", &late, protocol.StorageDelayed)
		sa.room.Delayed(nil)
		wantStates(t, "a member", &a, protocol.StorageFine)
		wantStates(t, "a plain client", &plain)
		for _, s := range []*Session{sa, sp, sl} {
			s.Leave()
		}
		mustClose(t, h)
	})
}

func TestST_FULL(t *testing.T) {
	for name, options := range map[string]Options{"of the room": {MaxBacklog: 3}, "of all rooms": {MaxWaiting: 3}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				store := newSlowStore(t)
				h := NewHost(store, options)
				var a, late recorder
				s := join(t, h, &a, JoinOptions{Symphony: true})
				for client := range byte(4) {
					if err := receive(s, updateMessage(letter(client))...); err != nil {
						t.Fatal(err)
					}
				}
				for range 2 {
					wantCode(t, receive(s, updateMessage(letter(9))...), protocol.CloseUnavailable)
				}
				wantCode(t, <-editing(h, letter(8)), protocol.CloseUnavailable)
				wantStates(t, "a member", &a, protocol.StorageFull)
				sl := join(t, h, &late, JoinOptions{Symphony: true})
				wantStates(t, "ST-GREETING who comes meanwhile", &late, protocol.StorageFull)
				if err := receive(sl, 0, 1, 2, 0, 0); err != nil {
					t.Errorf("sync step 2 that says nothing: %v", err)
				}
				commit := func(n int) {
					store.mu.Lock()
					defer store.mu.Unlock()
					store.sim.current.commit(n)
				}
				commit(2)
				time.Sleep(10 * time.Second)
				wantStates(t, "while more than half waits, a member", &a)
				commit(1)
				time.Sleep(10 * time.Second)
				wantStates(t, "a member", &a, protocol.StorageFine)
				if err := receive(s, updateMessage(letter(9))...); err != nil {
					t.Error(err)
				}
				s.Leave()
				sl.Leave()
				mustCommitAndClose(t, h)
			})
		})
	}
}

// visitLog is a Visits that remembers.
type visitLog struct {
	mu           sync.Mutex
	joined, left []Visit
}

func (l *visitLog) Joined(v Visit) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.joined = append(l.joined, v)
}

func (l *visitLog) Left(v Visit) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.left = append(l.left, v)
}

func TestVisits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		visits := &visitLog{}
		h := NewHost(newSlowStore(t), Options{Visits: visits})
		start := time.Now()
		leaves := join(t, h, &recorder{}, JoinOptions{Symphony: true})
		wrong := join(t, h, &recorder{}, JoinOptions{})
		evicted := join(t, h, &recorder{}, JoinOptions{})
		time.Sleep(time.Second)
		leaves.Leave()
		leaves.Leave()
		wantCode(t, receive(wrong, 9), protocol.CloseBadMessage)
		wrong.Leave()
		time.AfterFunc(time.Second, evicted.Leave)
		mustClose(t, h)
		if len(visits.joined) != 3 || len(visits.left) != 3 {
			t.Fatalf("%d joined, %d left", len(visits.joined), len(visits.left))
		}
		for i, left := range visits.left {
			joined := visits.joined[i]
			if !joined.Left.IsZero() || !joined.Joined.Equal(start) || joined.Room != "room" || joined.Epoch != 1 {
				t.Errorf("joined %+v", joined)
			}
			if left.Connection != joined.Connection || left.Left.Sub(start) < time.Second || left.Symphony != (i == 0) {
				t.Errorf("left %+v, joined %+v", left, joined)
			}
			if (left.Reason == "") != (i == 0) {
				t.Errorf("visit %d ended because %q", i, left.Reason)
			}
		}
		if visits.left[2].Reason != errShutdown.Reason {
			t.Errorf("evicted because %q", visits.left[2].Reason)
		}
	})
}
