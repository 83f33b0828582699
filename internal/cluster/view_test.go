package cluster_test

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/symphony-rtc/symphony/internal/cluster"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// script is a registry whose watchers are told what a test says.
type script struct {
	cluster.Registry // nil: a View only watches
	events           chan cluster.Event
}

func (s *script) Watch(context.Context) <-chan cluster.Event { return s.events }

// story is a view of what a test tells.
type story struct {
	t    *testing.T
	view *cluster.View
	*script

	mu   sync.Mutex
	told []string // of hosts, by OnHost
}

func begin(t *testing.T) *story {
	s := &story{t: t, script: &script{events: make(chan cluster.Event)}}
	s.view = cluster.NewView(t.Context(), s.script)
	s.view.OnHost(func(h cluster.Host, gone bool) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.told = append(s.told, fmt.Sprintf("%s %s gone:%v", h.ID, h.Address, gone))
	})
	t.Cleanup(func() {
		close(s.events)
		<-s.view.Done()
	})
	return s
}

// tell passes events on, and returns when the view has followed them.
func (s *story) tell(events ...cluster.Event) {
	s.t.Helper()
	events = append(events, cluster.Event{}) // which means nothing; when it is taken, all before it is done
	for _, e := range events {
		select {
		case s.events <- e:
		case <-time.After(30 * time.Second):
			s.t.Fatal("the view does not follow")
		}
	}
}

func (s *story) owner(room, want string) {
	s.t.Helper()
	if h, ok := s.view.Owner(room); h.ID != want || ok != (want != "") {
		s.t.Errorf("room %q is %q's (%v), want %q's", room, h.ID, ok, want)
	}
}

// hosts checks what was told about hosts since the last call.
func (s *story) hosts(want ...string) {
	s.t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if !slices.Equal(s.told, want) {
		s.t.Errorf("told of hosts %q, want %q", s.told, want)
	}
	s.told = nil
}

func host(id string) cluster.Event {
	return cluster.Event{Kind: cluster.EventHost, Host: cluster.Host{ID: id, Address: "at " + id}}
}

func gone(id string) cluster.Event {
	return cluster.Event{Kind: cluster.EventHostGone, Host: cluster.Host{ID: id}}
}

func claimed(room, host string) cluster.Event {
	return cluster.Event{Kind: cluster.EventClaimed, Room: room, Host: cluster.Host{ID: host}}
}

func free(room string) cluster.Event { return cluster.Event{Kind: cluster.EventFree, Room: room} }

var (
	synced = cluster.Event{Kind: cluster.EventSynced}
	reset  = cluster.Event{Kind: cluster.EventReset}
)

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

func TestViewFollows(t *testing.T) {
	s := begin(t)
	s.tell(host("a"), host("b"), claimed("1", "a"))
	if isClosed(s.view.Synced()) {
		t.Error("synced before everything was told")
	}
	s.tell(synced)
	if !isClosed(s.view.Synced()) || s.view.Claims() != 0 {
		t.Errorf("not synced, or %d claims before there were any", s.view.Claims())
	}
	s.owner("1", "a")
	s.owner("2", "")
	s.tell(claimed("2", "b"), claimed("1", "b"))
	s.owner("1", "b")
	if s.view.Rooms("a") != 0 || s.view.Rooms("b") != 2 || s.view.Claims() != 2 {
		t.Errorf("rooms %d, %d; %d claims", s.view.Rooms("a"), s.view.Rooms("b"), s.view.Claims())
	}
	s.hosts("a at a gone:false", "b at b gone:false")
	s.tell(gone("b"))
	s.owner("1", "") // before it is told that it is free
	if h, ok := s.view.Host("b"); ok {
		t.Errorf("%+v", h)
	}
	s.tell(free("1"), free("2"), free("never was"), host("a"), gone("never was"))
	s.hosts("b at b gone:true") // and nothing of a, which is as it was
	if len(s.view.Hosts()) != 1 || s.view.Rooms("b") != 0 {
		t.Errorf("%v", s.view.Hosts())
	}
	late := make(map[string]bool)
	s.view.OnHost(func(h cluster.Host, gone bool) { late[h.ID] = gone })
	if !maps.Equal(late, map[string]bool{"a": false}) {
		t.Errorf("a late listener hears %v", late)
	}
}

// When leases end because the registry stood still, hosts come back and claim what they have. That uses up no hosts.
func TestViewDoesNotCountWhatIsClaimedAgain(t *testing.T) {
	s := begin(t)
	s.tell(host("a"), claimed("1", "a"), synced, claimed("2", "a"), host("b"), claimed("3", "b"))
	if n := s.view.Claims(); n != 2 {
		t.Fatalf("%d claims", n)
	}
	s.tell(gone("a"), free("1"), free("2"), gone("b"), free("3"))
	s.tell(host("a"), claimed("1", "a"), host("b"), claimed("2", "a"), claimed("3", "b"))
	if n := s.view.Claims(); n != 2 {
		t.Errorf("%d claims after all was claimed again", n)
	}
	s.tell(claimed("4", "a"), claimed("5", "b"), claimed("2", "b"))
	if n := s.view.Claims(); n != 5 {
		t.Errorf("%d claims", n)
	}
	s.tell(gone("a"), free("1"), free("4"), reset, host("c"), synced) // and the same when all is told anew
	s.tell(host("b"), claimed("2", "b"), claimed("3", "b"), claimed("5", "b"), host("a"), claimed("1", "a"), claimed("4", "c"))
	if n := s.view.Claims(); n != 6 {
		t.Errorf("%d claims", n)
	}
}

func TestViewAfterReset(t *testing.T) {
	s := begin(t)
	s.tell(host("a"), host("b"), host("c"), claimed("1", "a"), claimed("2", "a"), claimed("3", "b"), claimed("4", "c"), synced)
	s.hosts("a at a gone:false", "b at b gone:false", "c at c gone:false")
	kept, stop := s.view.Changed("1")
	defer stop()
	vanished, stop := s.view.Changed("2")
	defer stop()
	moved, stop := s.view.Changed("3")
	defer stop()
	s.tell(reset)
	s.owner("1", "a") // old news is better than none
	// A first attempt to tell everything anew ends in the middle. Of what it told, 2 is not true any more.
	s.tell(host("a"), claimed("1", "a"), claimed("2", "a"), reset, host("a"), host("d"))
	if isClosed(vanished) {
		t.Error("a room that may be where it was is told to have changed")
	}
	s.tell(claimed("1", "a"), claimed("3", "a"), claimed("5", "d"))
	s.hosts("d at d gone:false")
	s.tell(synced)
	for room, want := range map[string]string{"1": "a", "2": "", "3": "a", "4": "", "5": "d"} {
		s.owner(room, want)
	}
	if isClosed(kept) || !isClosed(vanished) || !isClosed(moved) {
		t.Errorf("changed: %v %v %v, want false, true, true", isClosed(kept), isClosed(vanished), isClosed(moved))
	}
	if n := s.view.Claims(); n != 2 { // of 3 and 5
		t.Errorf("%d claims, want 2", n)
	}
	slices.Sort(s.told)
	s.hosts("b at b gone:true", "c at c gone:true")
}

func TestViewChanged(t *testing.T) {
	s := begin(t)
	s.tell(host("a"), host("b"), claimed("1", "a"), claimed("2", "a"), claimed("3", "b"), synced)
	for _, step := range []struct {
		what   string
		events []cluster.Event
		want   string // the rooms of 1 to 4 that have changed
	}{
		{"another room", []cluster.Event{claimed("x", "a"), free("x")}, ""},
		{"told again", []cluster.Event{claimed("1", "a")}, ""},
		{"load", []cluster.Event{{Kind: cluster.EventHost, Host: cluster.Host{ID: "a", Address: "at a", Load: 0.5, Rooms: 3}}}, ""},
		{"drains", []cluster.Event{{Kind: cluster.EventHost, Host: cluster.Host{ID: "a", Address: "at a", Draining: true}}}, "12"},
		{"drains on", []cluster.Event{{Kind: cluster.EventHost, Host: cluster.Host{ID: "a", Address: "at a", Draining: true, Rooms: 2}}}, ""},
		{"handed over", []cluster.Event{claimed("1", "b")}, "1"},
		{"freed", []cluster.Event{free("2")}, "2"},
		{"free is freed", []cluster.Event{free("2")}, ""},
		{"claimed", []cluster.Event{claimed("4", "a"), claimed("2", "a")}, "24"},
		{"a host comes", []cluster.Event{host("c")}, ""},
		{"a host goes", []cluster.Event{gone("b")}, "13"},
		{"and its rooms are free", []cluster.Event{free("1"), free("3")}, "13"},
	} {
		var changed []<-chan struct{}
		var cancels []func()
		for _, room := range []string{"1", "2", "3", "4", "1"} {
			c, cancel := s.view.Changed(room)
			changed, cancels = append(changed, c), append(cancels, cancel)
		}
		cancels[4]() // does not end the waiting of the other who waits for 1
		cancels[4]()
		s.tell(step.events...)
		got := ""
		for i, c := range changed[:4] {
			if isClosed(c) {
				got += fmt.Sprint(i + 1)
			}
			cancels[i]()
			cancels[i]()
		}
		if got != step.want {
			t.Errorf("%s: rooms %q have changed, want %q", step.what, got, step.want)
		}
	}
	if n := cluster.Waiters(s.view); n != 0 {
		t.Errorf("%d are still waiting", n)
	}
}

// TestViewAtRandom compares a view with a model after every event, many thousands of them.
func TestViewAtRandom(t *testing.T) {
	for seed := range uint64(20) {
		random := rand.New(rand.NewPCG(7, seed))
		s := begin(t)
		s.tell(synced)
		hosts, rooms := make(map[string]bool), make(map[string]string)
		pick := func() (room, host string) {
			return fmt.Sprint(random.IntN(12)), string(rune('a' + random.IntN(5)))
		}
		for range 400 {
			room, id := pick()
			waiting, stop := s.view.Changed(room)
			before, had := rooms[room]
			up := hosts[before]
			var events []cluster.Event
			switch n := random.IntN(20); {
			case n < 4:
				hosts[id] = true
				events = append(events, host(id))
			case n < 6 && hosts[id]:
				delete(hosts, id)
				events = append(events, gone(id))
				for room, host := range rooms {
					if host == id {
						delete(rooms, room)
						events = append(events, free(room))
					}
				}
			case n < 13 && hosts[id]:
				rooms[room] = id
				events = append(events, claimed(room, id))
			case n < 18:
				delete(rooms, room)
				events = append(events, free(room))
			case n >= 18:
				events = append(events, reset)
				for n == 19 { // begun and not finished, with what is not true in the end
					other, owner := pick()
					events = append(events, host(owner), claimed(other, owner), reset)
					n = 18 + random.IntN(2)
					up, had = false, true // too much may have happened to the room to say whether it changed
					before = "?"
				}
				for range 1 + random.IntN(3) {
					other, _ := pick()
					delete(rooms, other)
				}
				for id := range hosts {
					events = append(events, host(id))
				}
				for room, host := range rooms {
					events = append(events, claimed(room, host))
				}
				events = append(events, synced)
			}
			s.tell(events...)
			if after, has := rooms[room]; before != "?" && isClosed(waiting) != (before != after || had != has || had && up != hosts[after]) {
				t.Fatalf("seed %d: %v: changed is %v", seed, events, isClosed(waiting))
			}
			stop()
			count := make(map[string]int)
			for i := range 12 {
				room := fmt.Sprint(i)
				s.owner(room, rooms[room])
				if rooms[room] != "" {
					count[rooms[room]]++
				}
			}
			for _, id := range strings.Split("abcde", "") {
				if s.view.Rooms(id) != count[id] {
					t.Errorf("host %s has %d rooms, want %d", id, s.view.Rooms(id), count[id])
				}
			}
			if len(s.view.Hosts()) != len(hosts) {
				t.Errorf("%d hosts, want %d", len(s.view.Hosts()), len(hosts))
			}
			if t.Failed() {
				t.Fatalf("seed %d, after %v", seed, events)
			}
		}
		if n := cluster.Waiters(s.view); n != 0 {
			t.Errorf("%d are still waiting", n)
		}
	}
}

// BenchmarkViewRoom measures what a room costs in memory, and an event in time.
func BenchmarkViewRoom(b *testing.B) {
	s := &script{events: make(chan cluster.Event, 1000)}
	v := cluster.NewView(b.Context(), s)
	for i := range 1000 {
		s.events <- host(fmt.Sprint("host-", i))
	}
	s.events <- synced
	<-v.Synced()
	const rooms = 1_000_000
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	b.ResetTimer()
	for range b.N {
		for i := range rooms {
			s.events <- claimed(fmt.Sprintf("room-%016d", i), fmt.Sprint("host-", i%1000))
		}
	}
	close(s.events)
	<-v.Done()
	b.StopTimer()
	runtime.GC()
	runtime.ReadMemStats(&after)
	b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/rooms, "B/room")
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*rooms), "ns/event")
	runtime.KeepAlive(v)
}
