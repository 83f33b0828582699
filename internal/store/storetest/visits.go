package storetest

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/symphony-rtc/symphony/internal/store"
)

// visit makes one whose times survive storage, which counts milliseconds.
func (w *world) visit(id string, epoch uint64, connection string) store.Visit {
	return store.Visit{Room: id, Connection: connection, Epoch: epoch, Protocol: "symphony.v1", Joined: w.clock.now().Truncate(time.Millisecond)}
}

// visits lists the visits of a room, two at a time.
func (w *world) visits(id string) []store.Visit {
	w.t.Helper()
	var all []store.Visit
	for before := (time.Time{}); ; {
		list, err := w.s.Visits(context.Background(), id, before, 2)
		must(w.t, err)
		if len(list) == 0 {
			return all
		}
		all = append(all, list...)
		before = all[len(all)-1].Joined
	}
}

// counts waits for what is known about the members of a room.
func (w *world) counts(id string, members, most int, joins int64) {
	w.t.Helper()
	var got [3]int64
	want := [3]int64{int64(members), int64(most), joins}
	eventually(w.t, fmt.Sprint("members, most and joins of ", id, " to be ", want), func() bool {
		info, err := w.s.Room(context.Background(), id)
		must(w.t, err)
		got = [3]int64{int64(info.Members), int64(info.MostMembers), info.Joins}
		return got == want
	})
}

func testVisits(t *testing.T, w *world) {
	r := w.room("a")
	w.room("b")
	var want []store.Visit
	for i := range 5 {
		v := w.visit("a", 1, fmt.Sprint("1/", i))
		w.clock.advance(time.Second)
		w.s.Joined(v)
		want = append(want, v)
	}
	w.s.Joined(w.visit("b", 1, "1/0"))
	w.s.Joined(w.visit("none", 1, "1/0")) // nobody knows that room
	w.counts("a", 5, 5, 5)
	w.counts("b", 1, 1, 1)
	want[1].Left, want[1].Reason = w.clock.now().Truncate(time.Millisecond), "was asked to go: \x00"
	want[3].Left = want[1].Left
	w.s.Left(want[1])
	w.s.Left(want[3])
	w.counts("a", 3, 5, 5)
	short := w.visit("a", 1, "1/5") // comes and goes at once
	w.s.Joined(short)
	short.Left = short.Joined.Add(time.Millisecond)
	w.s.Left(short)
	w.counts("a", 3, 5, 6)
	want = append(want, short)
	slices.Reverse(want)
	if diff := cmp.Diff(want, w.visits("a")); diff != "" {
		t.Fatalf("visits (-want +got):\n%s", diff)
	}
	r.release()
	w.counts("a", 0, 5, 6) // nobody is in a room that is not open
	w.s.Joined(w.visit("a", 1, "late"))
	w.reopen() // writes what it has
	if got := w.visits("a"); len(got) != 7 || got[0].Connection != "late" {
		t.Fatalf("%d visits after closing, the newest %+v", len(got), got[0])
	}
	w.room("a") // its epoch is another one: who did not leave is not in it
	w.counts("a", 0, 5, 7)
	w.s.Joined(w.visit("a", 2, "2/0"))
	w.counts("a", 1, 5, 8)
}

func testForget(t *testing.T, w *world) {
	r := w.room("a")
	old, left, stays := w.visit("a", 1, "old"), w.visit("a", 1, "left"), w.visit("a", 1, "stays")
	old.Left = old.Joined.Add(time.Minute)
	for _, v := range []store.Visit{old, left, stays} {
		w.s.Joined(v)
	}
	w.counts("a", 2, 2, 3)
	names := func() (all []string) {
		for _, v := range w.visits("a") {
			all = append(all, v.Connection)
		}
		slices.Sort(all)
		return all
	}
	// The three began in one millisecond or so: list them at once.
	all := func() []string {
		list, err := w.s.Visits(context.Background(), "a", time.Time{}, 100)
		must(t, err)
		var names []string
		for _, v := range list {
			names = append(names, v.Connection)
		}
		slices.Sort(names)
		return names
	}
	w.clock.advance(31 * 24 * time.Hour)
	left.Left = w.clock.now().Truncate(time.Millisecond)
	w.s.Left(left)
	w.counts("a", 1, 2, 3)
	must(t, w.s.Tidy(context.Background()))
	if got := all(); !slices.Equal(got, []string{"left", "stays"}) {
		t.Fatalf("visits after a month: %v", got)
	}
	r.release()
	w.reopen()
	must(t, w.s.Tidy(context.Background())) // nobody can be in it any more
	if got := names(); !slices.Equal(got, []string{"left"}) {
		t.Fatalf("visits after the room was closed: %v", got)
	}
}
