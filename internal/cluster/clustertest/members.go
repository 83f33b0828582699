package clustertest

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/symphony-rtc/symphony/internal/cluster"
)

func testJoin(t *testing.T, b *Backend) {
	one := start(t, b, "one")
	r := open(t, b)
	if _, err := r.Join(t.Context(), aHost("one")); err == nil {
		t.Fatal("two hosts with the same id")
	}
	if _, err := r.Join(t.Context(), aHost("")); err == nil {
		t.Fatal("a host without an id")
	}
	claim(t, one, "room", "one") // unharmed
	two := join(t, one.Registry, aHost("two"))
	claim(t, two, "room", "one") // two hosts in one process
	if err := one.Leave(t.Context()); err != nil {
		t.Fatal(err)
	}
	claim(t, two, "room", "two")
	again := join(t, r, aHost("one")) // who has left may come back
	claim(t, again, "room", "two")
	claim(t, again, "other", "one")
	checkNoMember(t, one)
}

func testUpdate(t *testing.T, b *Backend) {
	one := start(t, b, "one")
	claim(t, one, "room", "one")
	f := follow(t, open(t, b))
	f.sync()
	want := one.host
	for i := range 3 {
		want.Rooms, want.Load, want.Draining = i+5, 0.25*float64(i), i == 2
		h := want
		h.ID, h.Address = "another", "10.0.0.1:1" // which stay
		if err := one.Update(t.Context(), h); err != nil {
			t.Fatal(err)
		}
		h, err := one.Owner(t.Context(), "room")
		if err != nil || !same(h, want) {
			t.Fatalf("%+v, %v, want %+v", h, err, want)
		}
		f.until(func() bool { return same(f.hosts["one"], want) })
	}
	if len(f.hosts) != 1 || f.rooms["room"] != "one" {
		t.Errorf("%v, %v", f.hosts, f.rooms)
	}
}

func testLeave(t *testing.T, b *Backend) {
	one, two := start(t, b, "one"), start(t, b, "two")
	f := follow(t, open(t, b))
	f.sync()
	claim(t, one, "a", "one")
	claim(t, one, "b", "one")
	claim(t, two, "c", "two")
	for range 2 { // idempotent
		if err := one.Leave(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	f.expect("claimed a by one", "claimed b by one", "claimed c by two", "gone one", "free a", "free b")
	checkNoMember(t, one)
	if !isOpen(one.Lost()) {
		t.Error("who leaves has lost nothing")
	}
	for room, want := range map[string]string{"a": "", "b": "", "c": "two", "late": ""} {
		checkOwner(t, two, room, want)
	}
	claim(t, two, "a", "two")
}

// testClose closes a registry: its hosts are gone as if their process had died, and nobody waits for ever.
func testClose(t *testing.T, b *Backend) {
	one, two := start(t, b, "one"), start(t, b, "two")
	claim(t, one, "room", "one")
	f := follow(t, two)
	f.sync()
	events := one.Watch(context.Background()) // ends with the registry
	for range 2 {
		if err := one.Close(); err != nil {
			t.Fatal(err)
		}
	}
	timeout := time.After(Patience)
	for open := true; open; {
		select {
		case _, open = <-events:
		case <-timeout:
			t.Fatal("the watch of a closed registry goes on")
		}
	}
	if _, err := one.Owner(t.Context(), "room"); err == nil || errors.Is(err, cluster.ErrFree) {
		t.Errorf("a closed registry answers: %v", err)
	}
	if _, err := one.Join(t.Context(), aHost("three")); err == nil {
		t.Error("a closed registry can be joined")
	}
	if _, err := one.Claim(t.Context(), "late"); err == nil {
		t.Error("a closed registry can be used")
	}
	f.until(func() bool { return len(f.hosts) == 1 && len(f.rooms) == 0 })
	claim(t, two, "room", "two")
}

// testContexts makes calls whose time is over.
func testContexts(t *testing.T, b *Backend) {
	one := start(t, b, "one")
	over, cancel := context.WithCancel(t.Context())
	cancel()
	_, claimErr := one.Claim(over, "room")
	_, ownerErr := one.Owner(over, "room")
	_, joinErr := one.Join(over, aHost("two"))
	for what, err := range map[string]error{"claim": claimErr, "owner": ownerErr, "join": joinErr,
		"forget": one.Forget(over, "room", "one"), "release": one.Release(over, "room", ""), "update": one.Update(over, one.host)} {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v, want context.Canceled", what, err)
		}
	}
	// The context of Join bounds no more than joining.
	ctx, cancel := context.WithCancel(t.Context())
	m, err := one.Join(ctx, aHost("three"))
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	claim(t, m, "room", "three")
	if !isOpen(m.Lost()) {
		t.Error("lost")
	}
}

func testFreeze(t *testing.T, b *Backend) {
	one, two := start(t, b, "one"), start(t, b, "two")
	f := follow(t, two)
	f.sync()
	claim(t, one, "a", "one")
	claim(t, one, "b", "one")
	claim(t, two, "c", "two")
	f.expect("claimed a by one", "claimed b by one", "claimed c by two")

	wake := b.Freeze(t, one.Registry, "one")
	awaitOwner(t, two, "a", "")
	claim(t, two, "b", "two")
	f.expect("gone one", "free a", "free b", "claimed b by two")
	wake()
	Await(t, "the host learns that its lease is over", one.Lost())
	Eventually(t, "claims of a host whose lease is over", func() error {
		if _, err := one.Claim(t.Context(), "d"); !errors.Is(err, cluster.ErrNoMember) {
			return fmt.Errorf("%v, want ErrNoMember", err)
		}
		return nil
	})
	checkNoMember(t, one)
	if err := one.Leave(t.Context()); err != nil {
		t.Errorf("leave what is over: %v", err)
	}
	for room, want := range map[string]string{"a": "", "b": "two", "c": "two", "d": ""} {
		checkOwner(t, two, room, want)
	}
	// It comes back under the same name, and claims what it still serves.
	again := join(t, one.Registry, one.host)
	claim(t, again, "a", "one")
	claim(t, again, "b", "two")
	f.expect("host one", "claimed a by one")
	if !isOpen(two.Lost()) || !isOpen(again.Lost()) {
		t.Error("somebody is lost who was not frozen")
	}
}

func testRestart(t *testing.T, b *Backend) {
	if b.Restart == nil {
		t.Skip("this registry has no server")
	}
	one, two := start(t, b, "one"), start(t, b, "two")
	f := follow(t, two)
	f.sync()
	claim(t, one, "a", "one")
	for i := range 3 {
		b.Restart(t)
		room := fmt.Sprint("after ", i)
		Eventually(t, "claim after the restart", func() error {
			_, err := one.Claim(t.Context(), room)
			return err
		})
		awaitOwner(t, two, room, "one")
		awaitOwner(t, two, "a", "one")
		f.until(func() bool { return f.rooms[room] == "one" })
	}
	f.equal([]string{"one", "two"}, map[string]string{"a": "one", "after 0": "one", "after 1": "one", "after 2": "one"})
	if !isOpen(one.Lost()) || !isOpen(two.Lost()) {
		t.Error("a host is lost because the server was away")
	}
	if err := two.Forget(t.Context(), "a", "one"); err != nil {
		t.Fatal(err)
	}
	if room := Await(t, "the news of a room taken", one.Taken()); room != "a" {
		t.Errorf("%q is taken, want a", room)
	}
}
