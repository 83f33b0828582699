package clustertest

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/symphony-rtc/symphony/internal/cluster"
)

func testClaim(t *testing.T, b *Backend) {
	one, two := start(t, b, "one"), start(t, b, "two")
	checkOwner(t, one, "room", "")
	claim(t, one, "room", "one")
	claim(t, one, "room", "one") // it had it
	claim(t, two, "room", "one")
	claim(t, two, "other", "two")

	// Claim and Owner tell all about the owner.
	for what, get := range map[string]func() (cluster.Host, error){
		"claim, as the winner": func() (cluster.Host, error) { return one.Claim(t.Context(), "room") },
		"claim, as the loser":  func() (cluster.Host, error) { return two.Claim(t.Context(), "room") },
		"owner":                func() (cluster.Host, error) { return two.Owner(t.Context(), "room") },
	} {
		if h, err := get(); err != nil || !same(h, one.host) {
			t.Errorf("%s: %+v, %v, want %+v", what, h, err, one.host)
		}
	}
	if _, err := one.Claim(t.Context(), ""); err == nil {
		t.Error("a room without an id can be claimed")
	}
}

// same compares hosts. Times are the same if they are the same instant.
func same(a, b cluster.Host) bool {
	if !a.Started.Equal(b.Started) {
		return false
	}
	a.Started, b.Started = time.Time{}, time.Time{}
	return a == b
}

// testIDs claims rooms with names that have a meaning elsewhere, that are the beginning of each other or look like other keys.
func testIDs(t *testing.T, b *Backend) {
	odd := []string{"a", "aa", "a/", "a/a", "/", "//", "/a", ".", "..", "../..", "../hosts/x", "\x00", "a\x00", "\x00a", "%2F", "a%2Fb", "a/b", " ", "a b",
		"\n", "\u202e", "é", "e\u0301", "🎻", "\U0010FFFF", "rooms/", "hosts/host", "taken/", "*", "?", "\"", "\\", "0", "null", "\x7f",
		strings.Repeat("x", 255), strings.Repeat("x", 254), strings.Repeat("🎻", 63) + "abc", strings.Repeat("\x00", 255)}
	hosts := []string{"a", "a/", "a/a", "..", "h\x00", strings.Repeat("h", 255)}
	var members []*process
	for _, id := range hosts {
		members = append(members, start(t, b, id))
	}
	want := make(map[string]string)
	for i, room := range odd {
		m := members[i%len(members)]
		claim(t, m, room, m.host.ID)
		want[room] = m.host.ID
	}
	r := open(t, b)
	check := func() {
		t.Helper()
		for _, room := range odd {
			checkOwner(t, r, room, want[room])
		}
		f := follow(t, r)
		f.sync()
		f.equal(hosts, want)
	}
	check()
	for i, room := range odd { // each is let go without harm to the others
		if i%2 == 0 {
			if err := r.Forget(t.Context(), room, want[room]); err != nil {
				t.Fatal(err)
			}
			if got := Await(t, "the news of a room taken", members[i%len(members)].Taken()); got != room {
				t.Fatalf("%q is taken, want %q", got, room)
			}
			delete(want, room)
		}
	}
	check()
	if err := members[0].Leave(t.Context()); err != nil {
		t.Fatal(err)
	}
	for room, host := range want {
		if host == hosts[0] {
			delete(want, room)
		}
	}
	hosts = hosts[1:]
	check()
}

func testRelease(t *testing.T, b *Backend) {
	one, two := start(t, b, "one"), start(t, b, "two")
	claim(t, one, "room", "one")
	release(t, two, "room", "") // which it does not have
	release(t, two, "nobody's", "")
	release(t, two, "nobody's", "one")
	checkOwner(t, two, "room", "one")
	checkOwner(t, two, "nobody's", "")
	release(t, one, "room", "one") // to itself
	checkOwner(t, two, "room", "one")
	release(t, one, "room", "")
	checkOwner(t, two, "room", "")
	release(t, one, "room", "")
	claim(t, two, "room", "two")
	release(t, one, "room", "")
	checkOwner(t, one, "room", "two")
}

func testHandOver(t *testing.T, b *Backend) {
	one, two := start(t, b, "one"), start(t, b, "two")
	f := follow(t, open(t, b))
	f.sync()
	claim(t, one, "room", "one")
	release(t, two, "room", "two") // which it does not have
	checkOwner(t, one, "room", "one")
	release(t, one, "room", "two")
	checkOwner(t, one, "room", "two")
	claim(t, two, "room", "two")
	claim(t, one, "room", "two")
	claim(t, one, "other", "one")
	f.expect(
		"claimed room by one",
		"claimed room by two", // and free at no time
		"claimed other by one",
	)
	// The room's fate is the successor's.
	if err := one.Leave(t.Context()); err != nil {
		t.Fatal(err)
	}
	checkOwner(t, two, "room", "two")
	if err := two.Leave(t.Context()); err != nil {
		t.Fatal(err)
	}
	checkOwner(t, two, "room", "")
}

func testHandOverToNobody(t *testing.T, b *Backend) {
	one, two := start(t, b, "one"), start(t, b, "two")
	claim(t, one, "a", "one")
	claim(t, one, "b", "one")
	if err := two.Leave(t.Context()); err != nil {
		t.Fatal(err)
	}
	release(t, one, "a", "two")
	release(t, one, "b", "never was")
	checkOwner(t, one, "a", "")
	checkOwner(t, one, "b", "")
}

func testForget(t *testing.T, b *Backend) {
	one, two := start(t, b, "one"), start(t, b, "two")
	f := follow(t, open(t, b))
	f.sync()
	claim(t, one, "room", "one")
	claim(t, one, "kept", "one")
	for _, host := range []string{"two", "never was", ""} { // who do not have it
		if err := two.Forget(t.Context(), "room", host); err != nil {
			t.Fatal(err)
		}
	}
	if err := two.Forget(t.Context(), "nobody's", "one"); err != nil {
		t.Fatal(err)
	}
	checkOwner(t, one, "room", "one")
	if err := two.Forget(t.Context(), "room", "one"); err != nil {
		t.Fatal(err)
	}
	checkOwner(t, one, "room", "")
	if room := Await(t, "the news of a room taken", one.Taken()); room != "room" {
		t.Fatalf("%q was taken, want room", room)
	}
	claim(t, two, "room", "two")
	if err := one.Forget(t.Context(), "room", "one"); err != nil {
		t.Fatal(err)
	}
	checkOwner(t, one, "room", "two")
	checkOwner(t, one, "kept", "one")

	// The same room again, and several at a time.
	release(t, two, "room", "")
	claim(t, one, "room", "one")
	for _, room := range []string{"room", "kept"} {
		if err := one.Forget(t.Context(), room, "one"); err != nil {
			t.Fatal(err)
		}
	}
	got := map[string]bool{Await(t, "the first of two rooms", one.Taken()): true, Await(t, "the second", one.Taken()): true}
	if !got["room"] || !got["kept"] {
		t.Fatalf("taken: %v", got)
	}
	if !isOpen(one.Lost()) || !isOpen(two.Taken()) {
		t.Error("more was told than happened")
	}
	f.expect("claimed room by one", "claimed kept by one", "free room", "claimed room by two", "free room", "claimed room by one", "free room", "free kept")
}

// testManyRooms only has to end.
func testManyRooms(t *testing.T, b *Backend) {
	rooms, workers := b.many(10_000), 50
	hosts := []*process{start(t, b, "0"), start(t, b, "1"), start(t, b, "2")}
	f := follow(t, open(t, b))
	f.sync()
	each := func(do func(ctx context.Context, m *process, room string) error) {
		t.Helper()
		var wg sync.WaitGroup
		for w := range workers {
			wg.Go(func() {
				for i := w; i < rooms; i += workers {
					if err := do(t.Context(), hosts[i%len(hosts)], fmt.Sprint("room/", i)); err != nil {
						t.Error(err)
						return
					}
				}
			})
		}
		wg.Wait()
	}
	began := time.Now()
	each(func(ctx context.Context, m *process, room string) error {
		_, err := m.Claim(ctx, room)
		return err
	})
	t.Logf("%d claims by %d at a time: %v", rooms, workers, time.Since(began))
	f.until(func() bool { return len(f.rooms) == rooms })
	began = time.Now()
	late := follow(t, open(t, b))
	late.sync()
	t.Logf("all of them told to a new watcher: %v", time.Since(began))
	if len(late.rooms) != rooms {
		t.Fatalf("a new watcher hears of %d rooms, want %d", len(late.rooms), rooms)
	}
	if err := hosts[0].Leave(t.Context()); err != nil {
		t.Fatal(err)
	}
	left := rooms - (rooms+2)/3
	f.until(func() bool { return len(f.rooms) == left })
	late.until(func() bool { return len(late.rooms) == left })
	began = time.Now()
	hosts = hosts[1:]
	each(func(ctx context.Context, m *process, room string) error { return m.Release(ctx, room, "") })
	t.Logf("%d releases, half of them of others' rooms: %v", rooms, time.Since(began))
}
