package manage

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/symphony-rtc/symphony/crdt"
	"github.com/symphony-rtc/symphony/internal/room"
	"github.com/symphony-rtc/symphony/internal/store"
	"github.com/symphony-rtc/symphony/protocol"
)

func isClosed(err error, code protocol.CloseCode) bool {
	var closed *protocol.CloseError
	return errors.As(err, &closed) && closed.Code == code
}

// TestRevertTwice goes back to a version and back again, while somebody is there who keeps writing between.
func TestRevertTwice(t *testing.T) {
	w := newWorld(t)
	a, b := join(t, w.host, "demo", 1), join(t, w.host, "demo", 2)
	a.mustWrite(t, "a", "b")
	first := must(w.Keep(t.Context(), "demo", "first"))(t)
	if first.Label != "first" || first.Kind != store.VersionManual {
		t.Errorf("kept %+v", first)
	}
	b.mustWrite(t, "c")
	a.erase(t)
	w.wantKeys("demo", "c")

	before := must(w.Revert(t.Context(), "demo", first.Number))(t)
	w.wantKeys("demo", "a", "b")
	if before == 0 {
		t.Fatal("the state before was not kept")
	}
	if got := w.versionKeys("demo", before); len(got) != 1 || got["c"] == "" {
		t.Errorf("the state before is %v", got)
	}
	if again := must(w.Revert(t.Context(), "demo", first.Number))(t); again != 0 {
		t.Errorf("there was nothing to do, and yet version %d was kept", again)
	}
	b.mustWrite(t, "d") // an edit like any other: who is there goes on
	if _, err := w.Revert(t.Context(), "demo", before); err != nil {
		t.Fatal(err)
	}
	w.wantKeys("demo", "c")
	if a.code != 0 || b.code != 0 || w.host.Open()[0].Generation != 1 {
		t.Errorf("members were sent away: %d %d", a.code, b.code)
	}
	versions := must(w.store.Versions(t.Context(), "demo", 0, 100))(t)
	kinds := map[string]int{}
	for _, v := range versions {
		kinds[v.Kind]++
	}
	if kinds[store.VersionManual] != 1 || kinds[store.VersionReplaced] != 2 {
		t.Errorf("versions: %+v", versions)
	}
}

// edits calls f before each edit, as if somebody else were faster.
type edits struct {
	Rooms
	f func()
}

func (e edits) Edit(ctx context.Context, id string, edit func(*crdt.Doc, bool) ([]byte, error)) error {
	e.f()
	return e.Rooms.Edit(ctx, id, edit)
}

// TestRevertKeepsWhatComesBetween writes between the keeping of the state before and the edit.
func TestRevertKeepsWhatComesBetween(t *testing.T) {
	for _, writes := range []int{1, revertAttempts - 1, 100} {
		t.Run(fmt.Sprint(writes), func(t *testing.T) {
			w := newWorld(t)
			a := join(t, w.host, "demo", 1)
			a.mustWrite(t, "a")
			first := must(w.Keep(t.Context(), "demo", ""))(t)
			a.mustWrite(t, "b")
			wrote := 0
			busy := New(edits{w.host, func() {
				if wrote < writes {
					a.mustWrite(t, fmt.Sprint("between", wrote))
					wrote++
				}
			}}, w.store.Store)
			before := must(busy.Revert(t.Context(), "demo", first.Number))(t)
			w.wantKeys("demo", "a")
			want := []string{"a", "b"}
			for i := range min(wrote, revertAttempts-1) {
				want = append(want, fmt.Sprint("between", i))
			}
			slices.Sort(want)
			if got := slices.Sorted(maps.Keys(w.versionKeys("demo", before))); !slices.Equal(got, want) {
				t.Errorf("the state before has %v, want %v", got, want)
			}
			if n := len(must(w.store.Versions(t.Context(), "demo", 0, 100))(t)); n != 2 {
				t.Errorf("%d versions are left", n)
			}
		})
	}
}

// TestRestoreStartsOver replaces the document under its members.
func TestRestoreStartsOver(t *testing.T) {
	w := newWorld(t)
	a := join(t, w.host, "demo", 1)
	a.mustWrite(t, "a")
	first := must(w.Keep(t.Context(), "demo", ""))(t)
	a.mustWrite(t, "b")
	before := must(w.Restore(t.Context(), "demo", first.Number))(t)
	if a.code != protocol.CloseRestarting {
		t.Errorf("the member was closed with %d", a.code)
	}
	a.left.Wait()
	if err := a.write("late", "x"); err == nil {
		t.Error("a member of the old document could write")
	}
	w.wantKeys("demo", "a")
	again := join(t, w.host, "demo", 1)
	if again.generation(t) != 2 {
		t.Errorf("generation %d", again.generation(t))
	}
	again.clock = 1 // it has taken the version over
	again.mustWrite(t, "c")
	w.wantKeys("demo", "a", "c")

	// What was before belongs to another document: it comes back as a replacement only.
	if _, err := w.Revert(t.Context(), "demo", before); !errors.Is(err, ErrOtherGeneration) {
		t.Errorf("revert to another generation: %v", err)
	}
	if _, err := w.Restore(t.Context(), "demo", before); err != nil {
		t.Fatal(err)
	}
	w.wantKeys("demo", "a", "b")
	if g := join(t, w.host, "demo", 3).generation(t); g != 3 {
		t.Errorf("generation %d", g)
	}
}

// TestReplaceNothing replaces the document of a room that never was.
func TestReplaceNothing(t *testing.T) {
	w := newWorld(t)
	doc := crdt.NewDoc(crdt.Options{})
	if _, err := doc.ApplyUpdate(setKey(1, 0, "a", "value of a")); err != nil {
		t.Fatal(err)
	}
	if before := must(w.Replace(t.Context(), "new", doc, ""))(t); before != 0 {
		t.Errorf("nothing was kept as version %d", before)
	}
	w.wantKeys("new", "a")
	if _, err := w.Restore(t.Context(), "new", 7); !errors.Is(err, store.ErrNoVersion) {
		t.Errorf("no such version: %v", err)
	}
}

// TestReplaceKeepsTheJournal replaces a document of which a crash left no snapshot.
func TestReplaceKeepsTheJournal(t *testing.T) {
	w := newWorld(t)
	h, _, err := w.store.Claim(t.Context(), "demo", nobody{})
	if err != nil {
		t.Fatal(err)
	}
	h.Append(1, setKey(1, 0, "a", "value of a"))
	eventually(t, "the update is durable", func() bool { return h.Backlog() == 0 })
	before := must(w.Replace(t.Context(), "demo", crdt.NewDoc(crdt.Options{}), "all gone"))(t)
	w.wantKeys("demo")
	if got := w.versionKeys("demo", before); got["a"] == "" {
		t.Errorf("the state before is %v", got)
	}
}

// TestKeepTakesTheJournal keeps a room that a crash left.
func TestKeepTakesTheJournal(t *testing.T) {
	w := newWorld(t)
	h, _, err := w.store.Claim(t.Context(), "demo", nobody{})
	if err != nil {
		t.Fatal(err)
	}
	h.Append(1, setKey(1, 0, "a", "value of a"))
	eventually(t, "the update is durable", func() bool { return h.Backlog() == 0 })
	if err := h.Release(t.Context()); err != nil {
		t.Fatal(err)
	}
	v := must(w.Keep(t.Context(), "demo", ""))(t)
	if got := w.versionKeys("demo", v.Number); got["a"] == "" {
		t.Errorf("kept %v", got)
	}
	if _, err := w.Keep(t.Context(), "none", ""); !errors.Is(err, store.ErrNoRoom) {
		t.Errorf("a room that is not there: %v", err)
	}
	join(t, w.host, "blank", 1)
	if _, err := w.Keep(t.Context(), "blank", ""); !errors.Is(err, store.ErrNoVersion) {
		t.Errorf("a room that nobody wrote to: %v", err)
	}
}

// TestOtherHost replaces and reverts a room whose members are on another host, and take it back at once.
func TestOtherHost(t *testing.T) {
	for round := range 10 {
		w := newWorld(t)
		other := newHost(w.store)
		a := join(t, other, "demo", 1)
		a.mustWrite(t, "a")
		if err := other.Flush(t.Context(), "demo"); err != nil {
			t.Fatal(err)
		}
		first := must(w.Keep(t.Context(), "demo", ""))(t)
		a.mustWrite(t, "b")
		eventually(t, "the update is durable", func() bool { info, _ := other.Info("demo"); return info.Durable == 2 })

		stop := make(chan struct{})
		back := make(chan error, 1)
		go func() { // the members reconnect to that host whenever they are sent away
			for {
				m := &member{client: 9, closed: make(chan struct{})}
				session, err := other.Join(context.Background(), "demo", m, room.JoinOptions{})
				if err == nil {
					select {
					case <-m.closed:
						session.Leave()
						continue
					case <-stop:
						session.Leave()
					}
				}
				back <- err
				return
			}
		}()
		want := uint64(1)
		if round%2 == 0 {
			want = 2
			before := must(w.Restore(t.Context(), "demo", first.Number))(t)
			if got := w.versionKeys("demo", before); len(got) != 2 {
				t.Errorf("the state before is %v", got)
			}
		} else if before := must(w.Revert(t.Context(), "demo", first.Number))(t); len(w.versionKeys("demo", before)) != 2 {
			t.Errorf("the state before is %v", w.versionKeys("demo", before))
		}
		close(stop)
		if err := <-back; err != nil {
			t.Error(err)
		}
		closeHost(t, other)
		closeHost(t, w.host)
		stored := must(w.store.Read(t.Context(), "demo"))(t)
		if doc := must(stored.Document())(t); len(keysOf(t, doc)) != 1 || stored.Generation != want {
			t.Errorf("round %d: generation %d, %v", round, stored.Generation, keysOf(t, doc))
		}
	}
}
