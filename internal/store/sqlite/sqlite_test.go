package sqlite

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/symphony-rtc/symphony/internal/room"
	"github.com/symphony-rtc/symphony/internal/store"
	"github.com/symphony-rtc/symphony/internal/store/journal"
	"github.com/symphony-rtc/symphony/internal/store/storetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func openDB(t testing.TB, o journal.Options) *DB {
	t.Helper()
	db, err := Open(context.Background(), filepath.Join(t.TempDir(), "catalog.db"), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

// inCommit runs f with the committer's connection.
func inCommit(t *testing.T, db *DB, f func(w *conn) error) {
	t.Helper()
	err := db.do(context.Background(), true, func(w *conn, _ int64) (func(), error) { return nil, f(w) })
	if err != nil {
		t.Fatal(err)
	}
}

func claimRoom(t testing.TB, db *DB, id string) (store.Claim, *storetest.Recorder) {
	t.Helper()
	rec := storetest.NewRecorder()
	c, _, err := db.Claim(context.Background(), id, rec)
	if err != nil {
		t.Fatal(err)
	}
	return c, rec
}

// TestAppendAllocates counts allocations of Append once its buffers exist.
func TestAppendAllocates(t *testing.T) {
	db := openDB(t, journal.Options{Window: time.Hour, BatchBytes: 1 << 40})
	c, _ := claimRoom(t, db, "room")
	update := make([]byte, 50)
	seq := uint64(0)
	add := func() {
		seq++
		c.Append(seq, update)
	}
	if n := testing.AllocsPerRun(5000, add); n != 0 {
		t.Errorf("Append allocates %v times", n)
	}
}

// TestRetry lets commits fail with a file that may not grow: everybody concerned hears of it, nothing is lost, and
// what asks for an answer gets the error.
func TestRetry(t *testing.T) {
	db := openDB(t, journal.Options{})
	a, heardA := claimRoom(t, db, "a")
	b, heardB := claimRoom(t, db, "b")
	inCommit(t, db, func(w *conn) error {
		return w.query(`PRAGMA max_page_count = 1`, func([]driver.Value) error { return nil }) // stays at the present size
	})
	big := make([]byte, 100_000)
	a.Append(1, big)
	b.Append(1, []byte("small"))
	if err := heardA.WaitDelayed(t, true); !strings.Contains(err.Error(), "full") {
		t.Errorf("Delayed said %q", err)
	}
	heardB.WaitDelayed(t, true)
	if _, _, err := db.Claim(context.Background(), "c", heardA); err == nil || !strings.Contains(err.Error(), "free some space") {
		t.Errorf("Claim while commits fail: %v", err)
	}
	a.Append(2, []byte("more"))
	if a.Backlog() != len(big)+4 || a.Durable() != 0 {
		t.Errorf("backlog %d, durable %d", a.Backlog(), a.Durable())
	}
	settled := db.Settled()

	// The pragma belongs to the committer's connection, which is busy failing: only between attempts is it free.
	grow := func() error {
		return db.do(context.Background(), true, func(w *conn, _ int64) (func(), error) {
			return nil, w.query(`PRAGMA max_page_count = 1000000`, func([]driver.Value) error { return nil })
		})
	}
	for grow() != nil {
		time.Sleep(time.Millisecond) // its transaction failed, but the pragma holds for the next
	}
	heardA.WaitCommitted(t, 2)
	heardB.WaitCommitted(t, 1)
	heardA.WaitDelayed(t, false)
	heardB.WaitDelayed(t, false)
	<-settled
	heardA.Check(t)
	heardB.Check(t)
	if _, journal, err := db.Load(context.Background(), "a"); err != nil || len(journal) != 2 || len(journal[0]) != len(big) {
		t.Errorf("loaded %d updates, %v", len(journal), err)
	}
}

// TestBadOperation lets one operation of a commit fail: the others of that commit do not notice.
func TestBadOperation(t *testing.T) {
	db := openDB(t, journal.Options{})
	c, heard := claimRoom(t, db, "room")
	c.Append(1, []byte("x"))
	err := db.do(context.Background(), false, func(w *conn, _ int64) (func(), error) {
		_, err := w.exec(`INSERT INTO room (num) VALUES (1)`)
		return nil, err
	})
	if err == nil {
		t.Error("a statement that breaks a constraint succeeded")
	}
	heard.WaitCommitted(t, 1)
	heard.WaitDelayed(t, false)
}

// TestFenceInTheMiddle has fenced rooms among others in one row.
func TestFenceInTheMiddle(t *testing.T) {
	db := openDB(t, journal.Options{Window: 50 * time.Millisecond})
	const rooms = 32
	type opened struct {
		c store.Claim
		r *storetest.Recorder
	}
	var all []opened
	for i := range rooms {
		c, r := claimRoom(t, db, fmt.Sprint(i))
		all = append(all, opened{c, r})
	}
	for i := 0; i < rooms; i += 3 {
		claimRoom(t, db, fmt.Sprint(i))
	}
	for round := range 3 {
		for _, o := range all {
			o.c.Append(uint64(round+1), []byte("x"))
		}
		for i, o := range all {
			if i%3 == 0 {
				o.r.WaitFenced(t)
			} else {
				o.r.WaitCommitted(t, uint64(round+1))
			}
		}
	}
	for i, o := range all {
		o.r.Check(t)
		want := 3
		if i%3 == 0 {
			want = 0
		}
		if _, journal, err := db.Load(context.Background(), fmt.Sprint(i)); err != nil || len(journal) != want {
			t.Errorf("room %d has %d updates, want %d (%v)", i, len(journal), want, err)
		}
	}
}

// TestCoveredRowsGo saves rooms again and again: the table must not keep what snapshots cover.
func TestCoveredRowsGo(t *testing.T) {
	db := openDB(t, journal.Options{Window: time.Microsecond})
	const rooms, rounds = 100, 60
	claims := make([]store.Claim, rooms)
	heard := make([]*storetest.Recorder, rooms)
	for i := range rooms {
		claims[i], heard[i] = claimRoom(t, db, fmt.Sprint(i))
	}
	for round := uint64(1); round <= rounds; round++ {
		for _, c := range claims {
			c.Append(round, []byte("update"))
		}
		for _, r := range heard {
			r.WaitCommitted(t, round)
		}
		if round%20 > 0 {
			continue
		}
		for i, c := range claims {
			if _, err := c.Point(context.Background(), store.Pointer{Key: fmt.Sprint("key ", i, round), Bytes: 1, Through: round}); err != nil {
				t.Fatal(err)
			}
		}
	}
	for db.index.nextDead() != nil {
		inCommit(t, db, func(*conn) error { return nil })
	}
	rows := countRows(t, db)
	if rows >= segmentRows {
		t.Errorf("%d rows are left of %d that are all covered", rows, rooms*rounds)
	}
	path := filepath.Join(t.TempDir(), "copy.db")
	var file string
	if err := db.read.QueryRow(`SELECT file FROM pragma_database_list WHERE name = 'main'`).Scan(&file); err != nil {
		t.Fatal(err)
	}
	copier, err := sql.Open("sqlite", dsn(file))
	if err != nil {
		t.Fatal(err)
	}
	defer copier.Close()
	if _, err := copier.Exec(`VACUUM INTO ?`, path); err != nil {
		t.Fatal(err)
	}
	again, err := Open(context.Background(), path, journal.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	if rows := countRows(t, again); rows != 0 {
		t.Errorf("a start left %d covered rows", rows)
	}
	if info, err := again.Room(context.Background(), "7"); err != nil || info.LastSeq != rounds || info.JournalBytes != 0 {
		t.Errorf("after a start the room is %+v, %v", info, err)
	}
}

func countRows(t *testing.T, db *DB) int {
	t.Helper()
	var n int
	if err := db.read.QueryRow(`SELECT count(*) FROM journal`).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

// TestMissingRows takes rows away: the room is refused instead of coming back without them.
func TestMissingRows(t *testing.T) {
	for _, where := range []string{"n = 1", "n = 3", "n = 5", "n >= 3", "1"} {
		path := filepath.Join(t.TempDir(), "catalog.db")
		db, err := Open(context.Background(), path, journal.Options{Window: time.Microsecond})
		if err != nil {
			t.Fatal(err)
		}
		c, heard := claimRoom(t, db, "room")
		for seq := uint64(1); seq <= 5; seq++ {
			c.Append(seq, []byte("x"))
			heard.WaitCommitted(t, seq)
		}
		if err := c.Release(context.Background()); err != nil { // writes down that there are five
			t.Fatal(err)
		}
		inCommit(t, db, func(w *conn) error {
			_, err := w.exec(`DELETE FROM journal WHERE ` + where)
			return err
		})
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
		if db, err = Open(context.Background(), path, journal.Options{}); err != nil {
			t.Fatal(err)
		}
		if _, _, err := db.Claim(context.Background(), "room", heard); !errors.Is(err, room.ErrCorrupt) {
			t.Errorf("without rows %s: %v, want ErrCorrupt", where, err)
		}
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// TestWrongNumberPanics: a gap in the numbers would be an update that nobody ever gets.
func TestWrongNumberPanics(t *testing.T) {
	db := openDB(t, journal.Options{})
	c, _ := claimRoom(t, db, "room")
	defer func() {
		if recover() == nil {
			t.Error("update 2 was accepted as the first")
		}
	}()
	c.Append(2, []byte("x"))
}

// TestAfterClose uses a closed store.
func TestAfterClose(t *testing.T) {
	db := openDB(t, journal.Options{})
	c, heard := claimRoom(t, db, "room")
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if _, _, err := db.Claim(context.Background(), "room", heard); !errors.Is(err, journal.ErrClosed) {
		t.Errorf("Claim: %v", err)
	}
	if _, err := c.Point(context.Background(), store.Pointer{Key: "key", Bytes: 1}); !errors.Is(err, journal.ErrClosed) {
		t.Errorf("Point: %v", err)
	}
	if err := db.Close(); err != nil {
		t.Errorf("second Close: %v", err)
	}
}
