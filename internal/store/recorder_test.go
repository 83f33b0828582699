package store

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"time"
)

// slowVisits takes visits, but not while storage is down.
type slowVisits struct {
	mu    sync.Mutex
	down  bool
	tried chan struct{}
	got   []Visit
}

func (s *slowVisits) record(_ context.Context, visits []Visit) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	select {
	case s.tried <- struct{}{}:
	default:
	}
	if s.down {
		return errors.New("simulated: storage is down")
	}
	s.got = append(s.got, visits...)
	return nil
}

// TestRecorderIsBounded keeps storage down while more visits come than are kept: the newest are written in order
// once it is back, and closing waits for them.
func TestRecorderIsBounded(t *testing.T) {
	s := &slowVisits{down: true, tried: make(chan struct{}, 1)}
	r := newRecorder(s.record, slog.New(slog.DiscardHandler))
	const all = visitsKept + 3*visitsSlack
	for i := range all {
		if i == 100 {
			select {
			case <-s.tried: // with the first hundred
			case <-time.After(30 * time.Second):
				t.Fatal("nobody tried to write visits")
			}
		}
		r.add(Visit{Connection: fmt.Sprint(i)})
	}
	s.mu.Lock()
	s.down = false
	s.mu.Unlock()
	r.close()
	if n := len(s.got); n < visitsKept || n > visitsKept+visitsSlack+visitsAtOnce {
		t.Fatalf("%d visits were written, want the newest %d and few more", n, visitsKept)
	}
	for i, v := range s.got {
		if want := all - len(s.got) + i; v.Connection != fmt.Sprint(want) {
			t.Fatalf("visit %d is %s, want %d", i, v.Connection, want)
		}
	}
}
