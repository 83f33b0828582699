package clustertest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/symphony-rtc/symphony/internal/cluster"
)

func testWatch(t *testing.T, b *Backend) {
	one, two := start(t, b, "one"), start(t, b, "two")
	claim(t, one, "a", "one")
	claim(t, two, "b", "two")
	ctx, cancel := context.WithCancel(t.Context())
	events := one.Watch(ctx)
	f := &follower{t: t, events: events, hosts: make(map[string]cluster.Host), rooms: make(map[string]string)}
	f.sync()
	if len(f.log) != 0 || len(f.rooms) != 2 || f.rooms["a"] != "one" || f.rooms["b"] != "two" {
		t.Fatalf("told before the watch was in step: %v, %v; after: %v", f.hosts, f.rooms, f.log)
	}
	for _, p := range []*process{one, two} {
		if h := f.hosts[p.host.ID]; !same(h, p.host) {
			t.Errorf("host %+v, want %+v", h, p.host)
		}
	}
	claim(t, one, "c", "one")
	claim(t, one, "b", "two") // changes nothing
	release(t, two, "b", "")
	claim(t, one, "b", "one")
	release(t, one, "b", "two")
	release(t, one, "b", "") // changes nothing
	three := join(t, two.Registry, aHost("three"))
	claim(t, three, "d", "three")
	release(t, one, "a", "three")
	if err := three.Leave(t.Context()); err != nil {
		t.Fatal(err)
	}
	claim(t, two, "a", "two")
	f.expect("claimed c by one", "free b", "claimed b by one", "claimed b by two", "host three", "claimed d by three",
		"claimed a by three", "gone three", "free a", "free d", "claimed a by two")
	cancel()
	timeout := time.After(Patience)
	for {
		select {
		case e, ok := <-events:
			if !ok {
				return
			}
			t.Errorf("told after the end: %+v", e)
		case <-timeout:
			t.Fatal("the channel of a watch that has ended stays open")
		}
	}
}

// testWatchTwice compares what two watchers are told.
func testWatchTwice(t *testing.T, b *Backend) {
	one, two := start(t, b, "one"), start(t, b, "two")
	f, g := follow(t, one), follow(t, two)
	f.sync()
	g.sync()
	var wg sync.WaitGroup
	for i, p := range []*process{one, two, one, two} {
		wg.Go(func() { churn(t, p, 50, uint64(i)) })
	}
	wg.Wait()
	claim(t, one, "the end", "one")
	end := func(f *follower) func() bool { return func() bool { return f.rooms["the end"] == "one" } }
	f.until(end(f))
	g.until(end(g))
	if !slices.Equal(f.log, g.log) {
		t.Errorf("two watchers were told of the same changes differently:\n%q\n%q", f.log, g.log)
	}
	if !f.agrees(g) {
		t.Errorf("%v %v\n%v %v", f.hosts, f.rooms, g.hosts, g.rooms)
	}
}

// churn claims and releases a few rooms, in an order that depends on the seed.
func churn(t testing.TB, m *process, turns int, seed uint64) {
	random := rand.New(rand.NewPCG(2, seed))
	for range turns {
		room := fmt.Sprint("room ", random.IntN(5))
		_, err := m.Claim(t.Context(), room)
		if err == nil && random.IntN(3) > 0 {
			err = m.Release(t.Context(), room, "")
		}
		if err != nil {
			t.Error(err)
			return
		}
	}
}

// testWatchGone ends hosts without a word.
func testWatchGone(t *testing.T, b *Backend) {
	r := open(t, b)
	f := follow(t, r)
	f.sync()
	for i := range 3 {
		id := fmt.Sprint("host ", i)
		m := start(t, b, id)
		claim(t, m, "a", id)
		claim(t, m, "b", id)
		if err := m.Close(); err != nil {
			t.Fatal(err)
		}
		f.expect("host "+id, "claimed a by "+id, "claimed b by "+id, "gone "+id, "free a", "free b")
	}
}

// testWatchNotRead has a watcher that reads nothing while a lot happens. It is told in the end how things are.
func testWatchNotRead(t *testing.T, b *Backend) {
	one, two := start(t, b, "one"), start(t, b, "two")
	slow, fast := follow(t, two), follow(t, two) // through the same registry
	fast.sync()
	rooms, workers := b.many(8000), 20
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			for i := w; i < rooms; i += workers {
				room := fmt.Sprint("room ", i)
				if _, err := one.Claim(t.Context(), room); err != nil {
					t.Error(err)
					return
				}
				if i%4 != 0 {
					if err := one.Release(t.Context(), room, ""); err != nil {
						t.Error(err)
						return
					}
				}
			}
		})
	}
	fast.until(func() bool { return len(fast.log) == rooms+rooms*3/4 })
	wg.Wait()
	if !isOpen(one.Lost()) || !isOpen(two.Lost()) {
		t.Error("a host is lost")
	}
	slow.until(func() bool { return slow.agrees(fast) })
}

// testWatchWhileBusy begins watching in the middle of changes. The follower finds what is told twice or left out.
func testWatchWhileBusy(t *testing.T, b *Backend) {
	members := []*process{start(t, b, "one"), start(t, b, "two"), start(t, b, "three")}
	var busy sync.WaitGroup
	done := make(chan struct{})
	for i, m := range members {
		busy.Go(func() {
			for seed := uint64(i); ; seed += 10 {
				select {
				case <-done:
					return
				default:
					churn(t, m, 5, seed)
				}
			}
		})
	}
	var followers []*follower
	for i := range 30 {
		f := follow(t, members[i%len(members)])
		f.sync()
		f.until(func() bool { return len(f.log) > 20 })
		followers = append(followers, f)
	}
	close(done)
	busy.Wait()
	want := make(map[string]string)
	for i := range 5 {
		room := fmt.Sprint("room ", i)
		id, err := owner(t.Context(), members[0], room)
		if err != nil {
			t.Fatal(err)
		}
		if id != "" {
			want[room] = id
		}
	}
	for _, f := range followers {
		f.equal([]string{"one", "two", "three"}, want)
	}
}

// testView keeps a View beside a busy registry.
func testView(t *testing.T, b *Backend) {
	one, two := start(t, b, "one"), start(t, b, "two")
	claim(t, one, "before", "one")
	ctx, cancel := context.WithCancel(t.Context())
	view := cluster.NewView(ctx, open(t, b))
	Await(t, "the view is in step", view.Synced())
	if h, ok := view.Owner("before"); !ok || !same(h, one.host) {
		t.Errorf("%+v, %v", h, ok)
	}
	var wg sync.WaitGroup
	for i, p := range []*process{one, two} {
		wg.Go(func() { churn(t, p, 100, uint64(i)) })
	}
	wg.Wait()
	for i := range 5 {
		room := fmt.Sprint("room ", i)
		id, err := owner(t.Context(), one, room)
		if err != nil {
			t.Fatal(err)
		}
		Eventually(t, "view of "+room, func() error {
			if h, ok := view.Owner(room); h.ID != id || ok != (id != "") {
				return fmt.Errorf("%q, %v, want %q", h.ID, ok, id)
			}
			return nil
		})
	}
	changed, stop := view.Changed("before")
	defer stop()
	if err := one.Leave(t.Context()); err != nil {
		t.Fatal(err)
	}
	Await(t, "the view tells of a change", changed)
	Eventually(t, "the view forgets", func() error {
		if n := len(view.Hosts()) + view.Rooms("one"); n != 1 {
			return fmt.Errorf("%v", view.Hosts())
		}
		return nil
	})
	cancel()
	Await(t, "the end of the view", view.Done())
}
