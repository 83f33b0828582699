package storetest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/symphony-rtc/symphony/internal/room"
	"github.com/symphony-rtc/symphony/internal/store"
)

func testMany(t *testing.T, w *world) {
	const rooms, updates = 200, 30
	var wg sync.WaitGroup
	for i := range rooms {
		wg.Go(func() {
			r := OpenRoom(t, w.s, name(i))
			for u := range updates {
				r.Write(fmt.Sprint(i, "/", u))
				if u == 20 {
					r.Sync()
					r.save(uint64(u+1), fmt.Sprint("snapshot ", i))
				}
			}
			r.Sync()
			r.Check(t)
			r.release()
		})
	}
	wg.Wait()
	w.reopen()
	for i := range rooms {
		var want []string
		for u := 21; u < updates; u++ {
			want = append(want, fmt.Sprint(i, "/", u))
		}
		same(t, w.room(name(i)).stored, 2, updates, fmt.Sprint("snapshot ", i), want...)
	}
}

func testOpenRace(t *testing.T, w *world) {
	const openers = 16
	var mu sync.Mutex
	epochs := make(map[uint64]bool)
	var newest *opened
	var wg sync.WaitGroup
	for range openers {
		wg.Go(func() {
			rec := NewRecorder()
			h, stored, err := w.s.Open(context.Background(), "a", rec)
			mu.Lock()
			defer mu.Unlock()
			if errors.Is(err, room.ErrFenced) {
				return // another was faster: allowed
			}
			if err != nil {
				t.Errorf("Open: %v", err)
				return
			}
			if epochs[stored.Epoch] {
				t.Errorf("epoch %d was given twice", stored.Epoch)
			}
			epochs[stored.Epoch] = true
			if newest == nil || stored.Epoch > newest.stored.Epoch {
				newest = &opened{Recorder: rec, Handle: h, t: t, stored: stored, next: 1}
			}
		})
	}
	wg.Wait()
	if newest == nil || newest.stored.Epoch != openers {
		t.Fatalf("after %d openings the newest handle is %+v", openers, newest)
	}
	newest.Write("mine")
	newest.Sync()
}

func testReadWhileWriting(t *testing.T, w *world) {
	r := w.room("a")
	ctx, stop := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	for range 3 {
		wg.Go(func() {
			last := uint64(0)
			for ctx.Err() == nil {
				stored, err := w.s.Read(context.Background(), "a")
				if err != nil {
					t.Errorf("Read: %v", err)
					return
				}
				through := uint64(0)
				if stored.Snapshot != nil {
					fmt.Sscan(string(stored.Snapshot), &through)
				}
				if through+uint64(len(stored.Journal)) != stored.LastSeq || stored.LastSeq < last {
					t.Errorf("read a snapshot through %d and %d updates, LastSeq %d after %d", through, len(stored.Journal), stored.LastSeq, last)
					return
				}
				for i, u := range stored.Journal {
					if string(u) != fmt.Sprint(through+uint64(i)+1) {
						t.Errorf("update %d read as %q", through+uint64(i)+1, u)
						return
					}
				}
				last = stored.LastSeq
			}
		})
	}
	for i := uint64(1); i <= 200; i++ {
		r.Write(fmt.Sprint(i))
		if i%4 == 0 {
			r.Sync()
			r.save(i, fmt.Sprint(i))
		}
	}
	stop()
	wg.Wait()
	if info, err := w.s.Room(context.Background(), "a"); err != nil || info.Epoch != 1 {
		t.Fatalf("reading changed the room: %+v, %v", info, err)
	}
}

func testList(t *testing.T, w *world) {
	ctx := context.Background()
	if list, err := w.s.Rooms(ctx, "", 10); err != nil || len(list) != 0 {
		t.Fatalf("an empty store lists %v, %v", list, err)
	}
	for i := range 25 {
		w.room(name(i))
	}
	w.room("room-0003\x00")
	var got []string
	for after := ""; ; {
		list, err := w.s.Rooms(ctx, after, 7)
		if err != nil {
			t.Fatal(err)
		}
		if len(list) > 7 {
			t.Fatalf("asked for 7 rooms, got %d", len(list))
		}
		if len(list) == 0 {
			break
		}
		for _, r := range list {
			got = append(got, r.ID)
		}
		after = got[len(got)-1]
	}
	var want []string
	for i := range 25 {
		want = append(want, name(i))
		if i == 3 {
			want = append(want, "room-0003\x00")
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatalf("list (-want +got):\n%s", diff)
	}
}

func testInfo(t *testing.T, w *world) {
	ctx := context.Background()
	if _, err := w.s.Room(ctx, "a"); !errors.Is(err, store.ErrNoRoom) {
		t.Fatalf("Room of nothing: %v", err)
	}
	if _, err := w.s.Read(ctx, "a"); !errors.Is(err, store.ErrNoRoom) {
		t.Fatalf("Read of nothing: %v", err)
	}
	r := w.room("a")
	info, err := w.s.Room(ctx, "a")
	if err != nil || !info.Active || info.Epoch != 1 || info.Generation != 1 || info.Bytes() != 0 || !info.Updated.IsZero() || info.Created.IsZero() {
		t.Fatalf("a new room: %+v, %v", info, err)
	}
	r.Write("0123456789")
	r.Sync()
	info, err = w.s.Room(ctx, "a")
	if err != nil || info.LastSeq != 1 || info.JournalBytes < 10 || info.Updated.Before(info.Created) {
		t.Fatalf("a room with an update: %+v, %v", info, err)
	}
	r.save(1, "a snapshot of some length")
	saved, err := w.s.Room(ctx, "a")
	if err != nil || saved.LastSeq != 1 || saved.Through != 1 || saved.JournalBytes != 0 || saved.SnapshotBytes < 25 || !saved.Updated.Equal(info.Updated) {
		t.Fatalf("a room with a snapshot: %+v, %v", saved, err)
	}
	w.reopen() // without Release, as after a crash
	again, err := w.s.Room(ctx, "a")
	if err != nil || again.Active || again.Epoch != 1 || !again.Created.Equal(info.Created) {
		t.Fatalf("a room whose process is gone: %+v, %v", again, err)
	}
	stored, err := w.s.Read(ctx, "a")
	if err != nil {
		t.Fatal(err)
	}
	same(t, stored, 1, 1, "a snapshot of some length")
}

func testContext(t *testing.T, w *world) {
	r := w.room("a")
	r.Write("one")
	r.Sync()
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, _, err := w.s.Open(ctx, "b", NewRecorder()); !errors.Is(err, context.Canceled) {
		t.Errorf("Open: %v", err)
	}
	if err := r.Save(ctx, 1, []byte("x")); !errors.Is(err, context.Canceled) {
		t.Errorf("Save: %v", err)
	}
	if _, err := w.s.Read(ctx, "a"); !errors.Is(err, context.Canceled) {
		t.Errorf("Read: %v", err)
	}
	if _, err := w.s.Rooms(ctx, "", 1); !errors.Is(err, context.Canceled) {
		t.Errorf("Rooms: %v", err)
	}
	r.save(1, "fine")
	r.release()
	same(t, w.room("a").stored, 2, 1, "fine")
}

func testClose(t *testing.T, w *world) {
	const rooms = 20
	for i := range rooms {
		w.room(name(i)).Write("one", "two", "three")
	}
	w.reopen() // at once
	for i := range rooms {
		same(t, w.room(name(i)).stored, 2, 3, "", "one", "two", "three")
	}
}

// testModel plays a random history of openings, writes, saves, releases and restarts against a model.
func testModel(t *testing.T, w *world) {
	seed := rand.Uint64()
	rnd := rand.New(rand.NewPCG(seed, 0))
	t.Logf("seed %d", seed)
	type model struct {
		*opened
		epoch, through uint64
		snapshot       string
		all            []string // every update ever written
	}
	rooms := make([]*model, 5)
	for i := range rooms {
		rooms[i] = &model{}
	}
	open := func(i int) {
		m := rooms[i]
		if m.opened != nil {
			m.Sync()
		}
		m.opened = w.room(name(i))
		m.epoch++
		same(t, m.stored, m.epoch, uint64(len(m.all)), m.snapshot, m.all[m.through:]...)
	}
	for step := range 400 {
		i := rnd.IntN(len(rooms))
		m := rooms[i]
		if m.opened == nil {
			open(i)
		}
		switch rnd.IntN(12) {
		case 0:
			open(i) // without releasing
		case 1:
			m.Sync()
			m.release()
			m.opened = nil
		case 2, 3:
			m.Sync()
			m.through += uint64(rnd.IntN(int(uint64(len(m.all)) - m.through + 1)))
			m.snapshot = fmt.Sprint("snapshot at step ", step)
			m.save(m.through, m.snapshot)
		case 4:
			if rnd.IntN(8) > 0 {
				break
			}
			w.reopen()
			for _, m := range rooms {
				m.opened = nil
			}
		default:
			for range rnd.IntN(5) {
				u := fmt.Sprint("update at step ", step)
				m.all = append(m.all, u)
				m.Write(u)
			}
		}
	}
}
