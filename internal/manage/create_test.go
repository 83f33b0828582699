package manage

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/symphony-rtc/symphony/crdt"
	"github.com/symphony-rtc/symphony/internal/room"
)

// marks counts the first contents in a room: keys that begin with "mark".
func marks(keys map[string]string) (n int) {
	for key := range keys {
		if strings.HasPrefix(key, "mark") {
			n++
		}
	}
	return n
}

// TestCreateOnce lets creators and members with initial content race: one content becomes the room's, whoever's it is.
func TestCreateOnce(t *testing.T) {
	for round := range 5 {
		w := newWorld(t)
		var created, refused atomic.Int64
		var all sync.WaitGroup
		for i := range 100 {
			all.Go(func() {
				content := setKey(uint64(1000+i), 0, fmt.Sprint("mark", i), "x")
				switch err := w.Create(context.Background(), "demo", content); {
				case err == nil:
					created.Add(1)
				case errors.Is(err, ErrExists):
					refused.Add(1)
				default:
					t.Error(err)
				}
			})
		}
		for i := range 20 {
			m := join(t, w.host, "demo", uint64(5000+i))
			all.Go(func() {
				if err := m.propose(setKey(m.client, 0, fmt.Sprint("mark of member ", i), "x")); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		keys := w.keys("demo")
		if marks(keys) != 1 || len(keys) != 1 {
			t.Fatalf("round %d: contents %v", round, keys)
		}
		if n := created.Load(); n > 1 || n+refused.Load() != 100 || (n == 1) != (strings.HasPrefix(only(keys), "mark of") == false) {
			t.Fatalf("round %d: %d created, %d refused, the content is %q", round, n, refused.Load(), only(keys))
		}
	}
}

func only(keys map[string]string) string {
	for key := range keys {
		return key
	}
	return ""
}

// TestCreateAmongWriters lets creators race with members who write: at most one content is taken, and every write is there.
func TestCreateAmongWriters(t *testing.T) {
	w := newWorld(t)
	var created atomic.Int64
	var all sync.WaitGroup
	for i := range 100 {
		all.Go(func() {
			switch err := w.Create(context.Background(), "demo", setKey(uint64(1000+i), 0, fmt.Sprint("mark", i), "x")); {
			case err == nil:
				created.Add(1)
			case !errors.Is(err, ErrExists):
				t.Error(err)
			}
		})
	}
	for i := range 20 {
		m := join(t, w.host, "demo", uint64(5000+i))
		all.Go(func() {
			for n := range 20 {
				if err := m.write(fmt.Sprintf("member %d write %d", i, n), "x"); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	keys := w.keys("demo")
	if n := marks(keys); n > 1 || n != int(created.Load()) || len(keys) != 20*20+n {
		t.Errorf("%d contents of %d creators, %d keys", n, created.Load(), len(keys))
	}
}

// TestCreatedIsThereAfterwards creates a room, ends everything without storing a snapshot of it, and finds it.
func TestCreatedIsThereAfterwards(t *testing.T) {
	w := newWorld(t)
	if err := w.Create(t.Context(), "demo", setKey(1, 0, "a", "value of a")); err != nil {
		t.Fatal(err)
	}
	stored := must(w.store.Read(t.Context(), "demo"))(t)
	if doc := must(stored.Document())(t); keysOf(t, doc)["a"] == "" {
		t.Error("what was created is not durable")
	}
	w.stop()
	w.start()
	w.wantKeys("demo", "a")
	if err := w.Create(t.Context(), "demo", setKey(2, 0, "b", "x")); !errors.Is(err, ErrExists) {
		t.Errorf("created again: %v", err)
	}
}

func TestCreateEmpty(t *testing.T) {
	w := newWorld(t)
	for range 2 { // there is nothing of the first that the second could spoil
		if err := w.Create(t.Context(), "demo", nil); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Create(t.Context(), "demo", []byte{0, 0}); err != nil {
		t.Errorf("an update that says nothing: %v", err)
	}
	if err := w.Create(t.Context(), "demo", setKey(1, 0, "a", "value of a")); err != nil {
		t.Errorf("content for a room that nobody wrote to: %v", err)
	}
	if err := w.Create(t.Context(), "demo", nil); !errors.Is(err, ErrExists) {
		t.Errorf("a room with content was created: %v", err)
	}
	w.wantKeys("demo", "a")
}

func TestCreateRefusesWhatIsNoDocument(t *testing.T) {
	w := newWorld(t)
	for name, c := range map[string]struct {
		content []byte
		want    error
	}{
		"nonsense":   {[]byte("nonsense"), crdt.ErrMalformed},
		"incomplete": {setKey(1, 5, "a", "x"), ErrIncomplete},
	} {
		if err := w.Create(t.Context(), "demo", c.content); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := w.Create(t.Context(), "demo", setKey(1, 0, "a", "value of a")); err != nil {
		t.Fatal(err)
	}
	if err := w.Delete(t.Context(), "demo"); err != nil {
		t.Fatal(err)
	}
	if err := w.Create(t.Context(), "demo", setKey(1, 0, "a", "x")); !isClosed(err, 4410) {
		t.Errorf("a deleted room: %v", err)
	}
	if err := w.Create(t.Context(), "damaged", setKey(1, 0, "a", "x")); err != nil {
		t.Fatal(err)
	}
	w.stop()
	w.start()
	w.damage("damaged")
	if err := w.Create(t.Context(), "damaged", setKey(1, 0, "a", "x")); !errors.Is(err, room.ErrQuarantined) {
		t.Errorf("a damaged room: %v", err)
	}
}
