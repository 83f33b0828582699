package pool

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/symphony-rtc/symphony/internal/cluster"
	"github.com/symphony-rtc/symphony/internal/cluster/memory"
)

// starter is an orchestrator that registers hosts of one room some seconds after they were asked for.
type starter struct {
	registry cluster.Registry
	takes    time.Duration

	mu      sync.Mutex
	broken  error
	calls   []cluster.Want
	at      []time.Time
	members map[string]cluster.Membership // without a room
	started int
	group   sync.WaitGroup
}

func (s *starter) Scale(ctx context.Context, want cluster.Want) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls, s.at = append(s.calls, want), append(s.at, time.Now())
	if s.broken != nil {
		return s.broken
	}
	for id, m := range s.members {
		if len(s.members) <= want.Free || !want.Fewer {
			break
		}
		delete(s.members, id)
		if m == nil {
			continue // it has not started yet, and will not
		}
		if err := m.Leave(ctx); err != nil {
			return err
		}
	}
	for n := len(s.members); n < want.Free; n++ {
		s.started++
		id := fmt.Sprint("host-", s.started)
		s.members[id] = nil
		began := time.Now()
		s.group.Go(func() {
			time.Sleep(s.takes)
			s.mu.Lock()
			_, wanted := s.members[id]
			s.mu.Unlock()
			if !wanted {
				return
			}
			m, err := s.registry.Join(context.Background(), cluster.Host{ID: id, Address: id, Capacity: 1, Started: began})
			if err != nil {
				panic(err)
			}
			s.mu.Lock()
			defer s.mu.Unlock()
			s.members[id] = m
		})
	}
	return nil
}

// refill does what Kubernetes does by itself: it starts a host for each that was claimed.
func (s *starter) refill(t *testing.T) {
	s.mu.Lock()
	last, calls, at := s.calls[len(s.calls)-1], s.calls, s.at
	s.mu.Unlock()
	if err := s.Scale(context.Background(), last); err != nil {
		t.Fatal(err)
	}
	s.mu.Lock()
	s.calls, s.at = calls, at
	s.mu.Unlock()
}

// open opens a room on a free host, if there is one.
func (s *starter) open(room string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for id, m := range s.members {
		if m == nil {
			continue // not there yet
		}
		if _, err := m.Claim(context.Background(), room); err != nil {
			panic(err)
		}
		if err := m.Update(context.Background(), cluster.Host{ID: id, Address: id, Capacity: 1, Rooms: 1}); err != nil {
			panic(err)
		}
		delete(s.members, id)
		return true
	}
	return false
}

func (s *starter) free() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for _, m := range s.members {
		if m != nil {
			n++
		}
	}
	return n
}

func (s *starter) asked() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.calls)
}

// pool runs a Runner against a registry in a bubble of fake time.
func pool(t *testing.T, b Bounds, waiting func() int, test func(*testing.T, *starter, *Runner)) {
	synctest.Test(t, func(t *testing.T) {
		registry := memory.New()
		s := &starter{registry: registry, takes: 3 * time.Second, members: map[string]cluster.Membership{}}
		ctx, cancel := context.WithCancel(t.Context())
		view := cluster.NewView(ctx, registry)
		r := NewRunner(Options{View: view, Orchestrator: s, Bounds: b, Waiting: waiting})
		done := make(chan struct{})
		go func() { r.Run(ctx); close(done) }()
		defer func() {
			cancel()
			<-done
			<-view.Done()
			s.group.Wait()
			if err := registry.Close(); err != nil {
				t.Error(err)
			}
		}()
		test(t, s, r)
	})
}

func TestRunnerFillsThePoolAndRefillsIt(t *testing.T) {
	pool(t, Bounds{MinFree: 4}, nil, func(t *testing.T, s *starter, _ *Runner) {
		time.Sleep(4 * time.Second)
		if s.free() != 4 || s.asked() != 1 {
			t.Fatalf("%d hosts are free after %d calls", s.free(), s.asked())
		}
		for i := range 300 { // 2 a second need more than 4
			time.Sleep(500 * time.Millisecond)
			if !s.open(fmt.Sprint("room-", i)) && i > 30 {
				t.Fatalf("no host for room %d; asked %v", i, s.calls)
			}
			s.refill(t)
		}
		if calls := s.asked(); calls > 20 {
			t.Fatalf("%d calls: %v", calls, s.calls)
		}
		time.Sleep(20 * time.Minute)
		if s.free() != 4 {
			t.Fatalf("%d hosts are free when nobody comes; asked %v", s.free(), s.calls)
		}
	})
}

func TestNeedActsAtOnce(t *testing.T) {
	waits := 0
	pool(t, Bounds{MinFree: 1}, func() int { return waits }, func(t *testing.T, s *starter, r *Runner) {
		time.Sleep(4500 * time.Millisecond)
		if s.free() != 1 || !s.open("a") {
			t.Fatal("no host")
		}
		synctest.Wait()
		waits = 7
		began, before := time.Now(), s.asked()
		for range 100 {
			r.Need()
		}
		time.Sleep(2 * breath)
		synctest.Wait()
		if s.asked() != before+1 || s.at[before].Sub(began) > breath || s.calls[before].Free < 8 {
			t.Fatalf("asked %v at %v", s.calls[before:], s.at[before:])
		}
		waits = 0
	})
}

func TestRunnerTriesAgainWithPauses(t *testing.T) {
	pool(t, Bounds{MinFree: 2}, nil, func(t *testing.T, s *starter, r *Runner) {
		s.mu.Lock()
		s.broken = errors.New("no rights")
		s.mu.Unlock()
		for range 600 { // need is no reason to hammer
			time.Sleep(100 * time.Millisecond)
			r.Need()
		}
		if n := s.asked(); n < 8 || n > 12 {
			t.Fatalf("%d calls in a minute, at %v", n, s.at)
		}
		s.mu.Lock()
		s.broken = nil
		s.mu.Unlock()
		time.Sleep(40 * time.Second)
		if s.free() < 2 {
			t.Fatalf("%d hosts are free", s.free())
		}
	})
}

func TestFoldKeepsSums(t *testing.T) {
	f := fold{hosts: map[string]cluster.Host{}}
	f.change(cluster.Host{ID: "a", Rooms: 3, Load: 0.5}, false)
	f.change(cluster.Host{ID: "b", Load: 0.2}, false)
	f.change(cluster.Host{ID: "c", Rooms: 2, Draining: true}, false)
	if f.sum != (Seen{Hosts: 3, Draining: 1, Free: 1, Rooms: 3, Load: 0.7}) {
		t.Fatalf("%+v", f.sum)
	}
	f.change(cluster.Host{ID: "a", Rooms: 1, Draining: true}, false)
	f.change(cluster.Host{ID: "b"}, true)
	f.change(cluster.Host{ID: "nobody"}, true)
	if s := f.sum; s.Hosts != 2 || s.Draining != 2 || s.Free != 0 || s.Rooms != 0 || s.Load > 1e-9 {
		t.Fatalf("%+v", s)
	}
	f.learn(cluster.Host{Started: begin}, begin.Add(8*time.Second))
	f.asked = begin
	f.learn(cluster.Host{Started: begin.Add(15 * time.Second)}, begin.Add(16*time.Second))
	f.learn(cluster.Host{Started: begin.Add(-time.Hour)}, begin)
	f.learn(cluster.Host{Started: begin.Add(time.Hour)}, begin) // a clock that is ahead
	if f.learnt != 10*time.Second {
		t.Fatalf("learnt %v", f.learnt)
	}
}

// quiet is a View of which nothing comes.
type quiet struct{}

func (quiet) Synced() <-chan struct{}                { return nil }
func (quiet) OnHost(func(h cluster.Host, gone bool)) {}
func (quiet) Claims() uint64                         { return 0 }

// Rooms that wait and for which there is a free host already need no other one.
func TestWhoWaitsForAFreeHostNeedsNoOther(t *testing.T) {
	waiting := 0
	r := NewRunner(Options{View: quiet{}, Bounds: Bounds{MinFree: 3}, Waiting: func() int { return waiting }})
	for _, id := range []string{"a", "b", "c"} {
		r.hear(cluster.Host{ID: id}, false)
	}
	for i, x := range []struct {
		waiting int
		needed  bool
		free    int
	}{{0, false, 3}, {2, false, 3}, {3, false, 3}, {4, false, 4}, {7, false, 7}, {2, true, 7}} {
		waiting = x.waiting
		if want, _ := r.look(begin.Add(time.Duration(i)*time.Second), x.needed); want.Free != x.free {
			t.Errorf("with %d waiting it wants %d free hosts, not %d", x.waiting, want.Free, x.free)
		}
	}
}
