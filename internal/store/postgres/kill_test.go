package postgres

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/symphony-rtc/symphony/internal/store"
	"github.com/symphony-rtc/symphony/internal/store/journal"
	"github.com/symphony-rtc/symphony/internal/store/storetest"
	"github.com/symphony-rtc/symphony/test/services"
)

// killRuns is the environment variable that says how often TestKillServer kills.
const killRuns = "SYMPHONY_TEST_POSTGRES_KILLS"

// TestKillServer kills the database server with everything it started, at random moments while eight rooms are written and
// saved, again and again on the same data. Hosts go on when it is back: nothing that was acknowledged is lost, and
// nothing is there twice. Half of the times the host is replaced by another one, too.
func TestKillServer(t *testing.T) {
	runs := 5
	if s := os.Getenv(killRuns); s != "" {
		n, err := strconv.Atoi(s)
		if err != nil {
			t.Fatalf("%s: %v", killRuns, err)
		}
		runs = n
	}
	p := services.Postgres(t)
	url := p.URL(p.NewDatabase(t))
	o := Options{Journal: journal.Options{Window: time.Millisecond}}
	db := openDB(t, url, o)
	const rooms = 8
	writers := make([]*survivor, rooms)
	for i := range writers {
		writers[i] = &survivor{id: fmt.Sprint("room ", i)}
		writers[i].claim(t, db)
	}
	for run := range runs {
		stop := make(chan struct{})
		var wg sync.WaitGroup
		for _, w := range writers {
			wg.Go(func() { w.write(stop) })
		}
		time.Sleep(time.Duration(rand.IntN(300)) * time.Millisecond)
		p.Kill()
		time.Sleep(time.Duration(rand.IntN(100)) * time.Millisecond)
		if err := p.Start(); err != nil {
			t.Fatal(err)
		}
		if run%2 == 0 { // go on for a while with the same claims
			time.Sleep(time.Duration(rand.IntN(200)) * time.Millisecond)
		}
		close(stop)
		wg.Wait()
		next := openDB(t, url, o)
		for _, w := range writers {
			if run%2 == 0 {
				w.heard.WaitCommitted(t, w.last)
				w.check(t, next, w.last)
			} else {
				w.check(t, next, w.heard.Durable())
				w.claim(t, next)
			}
			w.heard.Check(t)
		}
		if run%2 == 1 {
			if err := db.Close(); err != nil {
				t.Fatal(err)
			}
			db = next
		} else if err := next.Close(); err != nil {
			t.Fatal(err)
		}
	}
	total := uint64(0)
	for _, w := range writers {
		total += w.last
	}
	t.Logf("%d kills, %d updates, none lost", runs, total)
}

// survivor is a room that is written through kills of the server.
type survivor struct {
	id    string
	c     store.Claim
	heard *storetest.Recorder
	epoch uint64
	last  uint64 // newest update appended
	texts []string
}

// claim opens the room anew. What was appended and not acknowledged may be there or not.
func (s *survivor) claim(t *testing.T, db *DB) {
	t.Helper()
	s.heard = storetest.NewRecorder()
	c, info, err := db.Claim(context.Background(), s.id, s.heard)
	if err != nil {
		t.Fatal(err)
	}
	s.c, s.epoch, s.last = c, info.Epoch, info.LastSeq
	s.texts = s.texts[:info.LastSeq]
}

// write appends and saves until stop.
func (s *survivor) write(stop chan struct{}) {
	for n := 0; ; n++ {
		select {
		case <-stop:
			return
		case <-time.After(time.Duration(rand.IntN(1500)) * time.Microsecond):
		}
		s.last++
		s.texts = append(s.texts, update(s.id, s.epoch, s.last))
		s.c.Append(s.last, []byte(s.texts[s.last-1]))
		if n%50 == 49 {
			ctx, cancel := context.WithTimeout(context.Background(), patience)
			_ = point(ctx, s.c, fmt.Sprint("key ", s.last), s.heard.Durable()) // fails while there is no server
			cancel()
		}
	}
}

// check compares what is stored with what was written; durable was acknowledged.
func (s *survivor) check(t *testing.T, db *DB, durable uint64) {
	t.Helper()
	info, updates, err := db.Load(context.Background(), s.id)
	switch {
	case err != nil:
		t.Fatal(err)
	case info.LastSeq < durable:
		t.Fatalf("%s: update %d was acknowledged, the last one is %d", s.id, durable, info.LastSeq)
	case info.LastSeq > s.last:
		t.Fatalf("%s: the last update is %d, %d were written", s.id, info.LastSeq, s.last)
	case info.Through+uint64(len(updates)) != info.LastSeq:
		t.Fatalf("%s: a snapshot through %d and %d updates are not %d", s.id, info.Through, len(updates), info.LastSeq)
	}
	for i, u := range updates {
		if want := s.texts[info.Through+uint64(i)]; string(u) != want {
			t.Fatalf("%s: update %d is %q, not %q", s.id, info.Through+uint64(i)+1, u, want)
		}
	}
}

// TestFrozenServer lets the server hang: rooms hear of it, and everything arrives when it goes on.
func TestFrozenServer(t *testing.T) {
	p := services.Postgres(t)
	db := openDB(t, p.URL(p.NewDatabase(t)), Options{})
	c, heard := claimRoom(t, db, "room")
	c.Append(1, []byte("one"))
	heard.WaitCommitted(t, 1)
	p.Pause()
	c.Append(2, []byte("two"))
	ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
	defer cancel()
	if _, err := db.Room(ctx, "room"); err == nil {
		t.Error("a server that is stopped answers")
	}
	if durable := heard.Durable(); durable != 1 {
		t.Errorf("update %d is durable on a server that is stopped", durable)
	}
	p.Resume()
	heard.WaitCommitted(t, 2)
	wantUpdates(t, db, "room", "one", "two")
}
