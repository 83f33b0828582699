package postgres

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/symphony-rtc/symphony/internal/room"
	"github.com/symphony-rtc/symphony/internal/store"
	"github.com/symphony-rtc/symphony/internal/store/storetest"
)

// ledger remembers what was acknowledged.
type ledger struct {
	mu    sync.Mutex
	acked map[string]map[uint64]string // update by room and number
}

// writer is one opening of a room that notes in a ledger what it was told is durable.
type writer struct {
	*storetest.Recorder
	ledger *ledger
	room   string
	mu     sync.Mutex
	epoch  uint64
	done   uint64
}

func update(room string, epoch, seq uint64) string {
	return fmt.Sprintf("room %s epoch %d update %d", room, epoch, seq)
}

func (w *writer) Committed(seq uint64) {
	w.Recorder.Committed(seq)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.ledger.mu.Lock()
	defer w.ledger.mu.Unlock()
	for ; w.done < seq; w.done++ {
		w.ledger.acked[w.room][w.done+1] = update(w.room, w.epoch, w.done+1)
	}
}

// TestHostsFenceEachOther has three hosts open the same rooms again and again while all of them write as fast as they can: whatever was
// acknowledged to whomever is there when the next one opens the room, under its number.
func TestHostsFenceEachOther(t *testing.T) {
	url := database(t)
	hosts := []*DB{openDB(t, url, Options{}), openDB(t, url, Options{}), openDB(t, url, Options{})}
	l := &ledger{acked: make(map[string]map[uint64]string)}
	for i := range 4 {
		l.acked[fmt.Sprint(i)] = make(map[uint64]string)
	}
	var wg sync.WaitGroup
	for i := range 4 {
		id := fmt.Sprint(i)
		for _, db := range hosts {
			wg.Go(func() {
				for range 25 {
					if err := l.open(db, id); err != nil {
						t.Error(err)
						return
					}
				}
			})
		}
	}
	wg.Wait()
	for id := range l.acked {
		if l.newest(id) == 0 {
			t.Errorf("no update of room %s was acknowledged", id)
		}
		if err := l.check(hosts[0], id); err != nil {
			t.Error(err)
		}
	}
}

// open claims a room, looks whether everything is there, and writes until somebody else claims it or for a while.
func (l *ledger) open(db *DB, id string) error {
	w := &writer{Recorder: storetest.NewRecorder(), ledger: l, room: id}
	ctx := context.Background()
	acked := l.newest(id)
	c, info, err := db.Claim(ctx, id, w)
	if err != nil {
		return err
	}
	if info.LastSeq < acked {
		return fmt.Errorf("room %s: update %d was acknowledged, epoch %d is told that %d is the last", id, acked, info.Epoch, info.LastSeq)
	}
	w.mu.Lock()
	w.epoch, w.done = info.Epoch, info.LastSeq
	w.mu.Unlock()
	if err := l.check(db, id); err != nil {
		return fmt.Errorf("epoch %d: %w", info.Epoch, err)
	}
	through := info.LastSeq
	for n := rand.Uint64N(60); n > 0; n-- {
		through++
		c.Append(through, []byte(update(id, info.Epoch, through)))
	}
	if rand.IntN(2) == 0 { // else the next claim comes in the middle
		for deadline := time.Now().Add(patience); c.Backlog() > 0; time.Sleep(time.Millisecond) {
			if time.Now().After(deadline) {
				return fmt.Errorf("room %s: epoch %d waits for ever", id, info.Epoch)
			}
		}
		return c.Release(ctx)
	}
	return nil
}

// newest is the highest number that was acknowledged.
func (l *ledger) newest(id string) (seq uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for s := range l.acked[id] {
		seq = max(seq, s)
	}
	return seq
}

// check compares what is stored with what was acknowledged before.
func (l *ledger) check(db *DB, id string) error {
	l.mu.Lock()
	want := make(map[uint64]string, len(l.acked[id]))
	for seq, u := range l.acked[id] {
		want[seq] = u
	}
	l.mu.Unlock()
	_, updates, err := db.Load(context.Background(), id)
	if err != nil {
		return err
	}
	for seq, u := range want {
		if seq > uint64(len(updates)) {
			return fmt.Errorf("room %s: %q was acknowledged and is lost, there are %d updates", id, u, len(updates))
		}
		if got := string(updates[seq-1]); got != u {
			return fmt.Errorf("room %s: %q was acknowledged, and %q is stored", id, u, got)
		}
	}
	return nil
}

// TestClaimWhileAppendStalls stops a host's commit after it has passed the fence. Another host that claims the room waits
// for its outcome, and has the update if it was acknowledged.
func TestClaimWhileAppendStalls(t *testing.T) {
	ctx := context.Background()
	for _, how := range []string{"the commit succeeds", "the commit fails"} {
		t.Run(how, func(t *testing.T) {
			url := database(t)
			old, young := openDB(t, url, Options{}), openDB(t, url, Options{})
			c, heard := claimRoom(t, old, "room")
			other, heardOther := claimRoom(t, old, "other")
			c.Append(1, []byte("one"))
			heard.WaitCommitted(t, 1)

			// Somebody who is about to write the same key makes the insert wait, with the room's row locked.
			blocker, err := pgx.Connect(ctx, url)
			if err != nil {
				t.Fatal(err)
			}
			defer blocker.Close(ctx)
			if _, err := blocker.Exec(ctx, `BEGIN`); err != nil {
				t.Fatal(err)
			}
			if _, err := blocker.Exec(ctx, `INSERT INTO journal (room, first, last, epoch, millis, data) VALUES ($1, 2, 2, 99, 0, '')`,
				c.(*claim).Num); err != nil {
				t.Fatal(err)
			}
			c.Append(2, []byte("two"))
			waiting := func(n int) func() bool {
				return func() bool { return countWaiting(t, url) >= n }
			}
			eventually(t, "the commit to stall", waiting(1))

			var next store.Claim
			var got []string
			done := make(chan error, 1)
			go func() {
				var err error
				var info store.Room
				next, info, err = young.Claim(ctx, "room", storetest.NewRecorder())
				if err == nil {
					var updates [][]byte
					_, updates, err = young.Load(ctx, "room")
					if err == nil && info.LastSeq != uint64(len(updates)) {
						err = fmt.Errorf("Claim was told that update %d is the last, there are %d", info.LastSeq, len(updates))
					}
					for _, u := range updates {
						got = append(got, string(u))
					}
				}
				done <- err
			}()
			if how == "the commit succeeds" {
				eventually(t, "the claim to wait", func() bool { return waiting(2)() || len(done) > 0 })
				if _, err := blocker.Exec(ctx, `ROLLBACK`); err != nil {
					t.Fatal(err)
				}
			}
			if err := <-done; err != nil { // or the commit gives up after a while
				t.Fatal(err)
			}
			if _, err := blocker.Exec(ctx, `ROLLBACK`); err != nil {
				t.Fatal(err)
			}
			c.Append(3, []byte("three"))
			heard.WaitFenced(t)
			if acked := heard.Durable(); acked > uint64(len(got)) {
				t.Errorf("%d updates were acknowledged, the next host got %q", acked, got)
			}
			wantUpdates(t, young, "room", got...)
			other.Append(1, []byte("undisturbed"))
			heardOther.WaitCommitted(t, 1)
			if err := point(ctx, c, "key", 1); !errors.Is(err, room.ErrFenced) {
				t.Errorf("Point of an epoch that is over: %v", err)
			}
			if err := next.Release(ctx); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestOthersDoNotStallCommits: whoever holds a room's row, as a save or the recording of visits does for several round
// trips, does not make the updates of this room, and so of all rooms, wait.
func TestOthersDoNotStallCommits(t *testing.T) {
	ctx := context.Background()
	url := database(t)
	db := openDB(t, url, Options{})
	c, heard := claimRoom(t, db, "room")
	holder, err := pgx.Connect(ctx, url)
	if err != nil {
		t.Fatal(err)
	}
	defer holder.Close(ctx)
	if _, err := holder.Exec(ctx, `BEGIN`); err != nil {
		t.Fatal(err)
	}
	if _, err := holder.Exec(ctx, `UPDATE room SET members = members + 1`); err != nil {
		t.Fatal(err)
	}
	c.Append(1, []byte("x"))
	heard.WaitCommitted(t, 1)
	heard.WaitDelayed(t, false)
}

// countWaiting is how many sessions of a database wait for a lock.
func countWaiting(t *testing.T, url string) int {
	t.Helper()
	var n int
	ask(t, url, &n, `SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`)
	return n
}

// run runs a statement.
func run(t testing.TB, url, statement string) {
	t.Helper()
	ctx := context.Background()
	c, err := pgx.Connect(ctx, url)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close(ctx)
	if _, err := c.Exec(ctx, statement); err != nil {
		t.Fatal(err)
	}
}

// ask reads one value from a database.
func ask(t testing.TB, url string, value any, query string, args ...any) {
	t.Helper()
	ctx := context.Background()
	c, err := pgx.Connect(ctx, url)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close(ctx)
	if err := c.QueryRow(ctx, query, args...).Scan(value); err != nil {
		t.Fatal(err)
	}
}

// TestPlan: the statement of a commit reads no table whole, whatever the planner believes about sizes.
func TestPlan(t *testing.T) {
	url := database(t)
	db := openDB(t, url, Options{})
	claimRoom(t, db, "room")
	ctx := context.Background()
	c := &committer{config: db.committer.config, log: slog.New(slog.DiscardHandler)}
	if err := c.connect(ctx); err != nil {
		t.Fatal(err)
	}
	defer c.close()
	if _, err := c.conn.Exec(ctx, `ANALYZE fence`); err != nil {
		t.Fatal(err)
	}
	if _, err := c.conn.Exec(ctx, `PREPARE plan (bigint[], bigint[], bigint[], bigint[], bytea[], bigint) AS `+appendBlocks); err != nil {
		t.Fatal(err)
	}
	rows, err := c.conn.Query(ctx, `EXPLAIN EXECUTE plan ('{1,2}', '{1,1}', '{1,1}', '{1,1}', '{x,y}', 0)`, pgx.QueryExecModeSimpleProtocol)
	if err != nil {
		t.Fatal(err)
	}
	plan, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	indexed, hashed := false, false
	for _, line := range plan {
		t.Log(line)
		indexed = indexed || strings.Contains(line, "fence_pkey")
		hashed = hashed || strings.Contains(line, "Hash Join")
		if strings.Contains(line, "Seq Scan") || strings.Contains(line, "Nested Loop") {
			t.Errorf("the plan has: %s", line)
		}
	}
	if !indexed || !hashed {
		t.Error("the plan does not find rooms by their index, or does not match them by hash")
	}
}
