package clustertest

import (
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/symphony-rtc/symphony/internal/cluster"
)

// follower is a watcher that puts together what it is told, and finds fault with what cannot follow from what was told
// before: a gap, something told twice or out of order. It reads only while one of its methods runs.
type follower struct {
	t      testing.TB
	events <-chan cluster.Event
	hosts  map[string]cluster.Host
	rooms  map[string]string // room -> id of its host
	synced bool
	resets int
	log    []string // what happened since the first EventSynced and was not expected yet
}

// follow begins to watch. The watch ends with the test.
func follow(t testing.TB, r cluster.Registry) *follower {
	return &follower{t: t, events: r.Watch(t.Context()), hosts: make(map[string]cluster.Host), rooms: make(map[string]string)}
}

func (f *follower) apply(e cluster.Event) {
	f.t.Helper()
	news := ""
	owner, claimed := f.rooms[e.Room]
	_, known := f.hosts[e.Host.ID]
	wrong := false
	switch e.Kind {
	case cluster.EventHost:
		news = "host " + e.Host.ID
		f.hosts[e.Host.ID] = e.Host
	case cluster.EventHostGone:
		news = "gone " + e.Host.ID
		wrong = !known
		delete(f.hosts, e.Host.ID)
	case cluster.EventClaimed:
		news = "claimed " + e.Room + " by " + e.Host.ID
		wrong = !known || claimed && owner == e.Host.ID
		f.rooms[e.Room] = e.Host.ID
	case cluster.EventFree:
		news = "free " + e.Room
		wrong = !claimed
		delete(f.rooms, e.Room)
	case cluster.EventSynced:
		wrong = f.synced
		f.synced = true
	case cluster.EventReset:
		f.synced = false
		f.resets++
		clear(f.hosts)
		clear(f.rooms)
	default:
		f.t.Fatalf("unknown event %+v", e)
	}
	if wrong {
		f.t.Fatalf("%+v does not follow from what was told before: the room was %q's, the host was known: %v", e, owner, known)
	}
	if f.synced && news != "" {
		f.log = append(f.log, news)
	}
}

// next waits for one event, and reports whether one came within Patience.
func (f *follower) next(timeout <-chan time.Time) bool {
	f.t.Helper()
	select {
	case e, ok := <-f.events:
		if !ok {
			f.t.Fatal("the watch has ended")
		}
		f.apply(e)
		return true
	case <-timeout:
		return false
	}
}

// until reads until a condition on what was told holds.
func (f *follower) until(condition func() bool) {
	f.t.Helper()
	for timeout := time.After(Patience); !condition(); {
		if !f.next(timeout) {
			f.t.Fatalf("what is waited for is not told. Last: %q; %d hosts, %d rooms", f.log[max(0, len(f.log)-10):], len(f.hosts), len(f.rooms))
		}
	}
}

func (f *follower) sync() {
	f.t.Helper()
	f.until(func() bool { return f.synced })
}

// expect compares what happens next with what should.
func (f *follower) expect(want ...string) {
	f.t.Helper()
	f.until(func() bool { return len(f.log) >= len(want) })
	if got := f.log[:len(want)]; !slices.Equal(got, want) {
		f.t.Fatalf("told: %q\nwant: %q", got, want)
	}
	f.log = f.log[len(want):]
}

// equal waits until what was told is all hosts and rooms that there should be.
func (f *follower) equal(hosts []string, rooms map[string]string) {
	f.t.Helper()
	f.until(func() bool {
		return f.synced && maps.Equal(f.rooms, rooms) && len(f.hosts) == len(hosts) &&
			!slices.ContainsFunc(hosts, func(id string) bool { return f.hosts[id].ID != id })
	})
}

// agrees reports whether two followers know of the same.
func (f *follower) agrees(other *follower) bool {
	return maps.Equal(f.rooms, other.rooms) && maps.EqualFunc(f.hosts, other.hosts, same)
}
