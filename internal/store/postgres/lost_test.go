package postgres

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/symphony-rtc/symphony/internal/store"
	"github.com/symphony-rtc/symphony/test/services"
)

// patience is how long a test waits for something that must happen.
const patience = 30 * time.Second

// eventually waits until ok.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited %v for %s", patience, what)
		}
	}
}

// wantUpdates checks that a room has exactly these updates in its journal.
func wantUpdates(t testing.TB, db *DB, id string, want ...string) {
	t.Helper()
	info, updates, err := db.Load(context.Background(), id)
	if err != nil || len(updates) != len(want) || info.LastSeq != info.Through+uint64(len(want)) {
		t.Fatalf("room %q has %d updates after %d, the last is %d (%v); want %d", id, len(updates), info.Through, info.LastSeq, err, len(want))
	}
	for i, u := range updates {
		if string(u) != want[i] {
			t.Fatalf("room %q: update %d is %q, not %q", id, i+1, u, want[i])
		}
	}
}

// behind opens the database of a server through a proxy, and beside it without one.
func behind(t *testing.T) (p *proxy, through, beside *DB, s *services.PostgresServer) {
	t.Helper()
	s = server(t)
	name := s.NewDatabase(t)
	p = newProxy(t, s.Addr)
	beside = openDB(t, s.URL(name), Options{})
	through = openDB(t, s.URLVia(p.addr, name), Options{})
	return p, through, beside, s
}

// TestLostConnections cuts every connection again and again while rooms are written: nothing is lost or written twice.
func TestLostConnections(t *testing.T) {
	p, db, beside, _ := behind(t)
	c, heard := claimRoom(t, db, "room")
	var want []string
	for seq := uint64(1); seq <= 300; seq++ {
		want = append(want, fmt.Sprint("update ", seq))
		c.Append(seq, []byte(want[seq-1]))
		if seq%20 == 0 {
			p.cut(false)
		} else if seq%3 == 0 {
			heard.WaitCommitted(t, seq)
		}
	}
	heard.WaitCommitted(t, uint64(len(want)))
	heard.Check(t)
	wantUpdates(t, beside, "room", want...)
}

// TestLostCommitOfUpdates loses the answer to a commit that succeeded: the repetition notices.
func TestLostCommitOfUpdates(t *testing.T) {
	p, db, beside, _ := behind(t)
	a, heardA := claimRoom(t, db, "a")
	b, heardB := claimRoom(t, db, "b")
	a.Append(1, []byte("one"))
	heardA.WaitCommitted(t, 1)
	lost := p.loseAnswer("two, lost")
	a.Append(2, []byte("two, lost"))
	b.Append(1, []byte("first"))
	<-lost
	wantUpdates(t, beside, "a", "one", "two, lost")
	if durable := a.Durable(); durable != 1 {
		t.Fatalf("update %d is reported as durable without an answer from the server", durable)
	}
	a.Append(3, []byte("three"))
	heardA.WaitDelayed(t, true)
	p.allow()
	heardA.WaitCommitted(t, 3)
	heardB.WaitCommitted(t, 1)
	heardA.WaitDelayed(t, false)
	heardA.Check(t)
	wantUpdates(t, beside, "a", "one", "two, lost", "three")
	wantUpdates(t, beside, "b", "first")
}

// TestLostCommitBeforeTheFence loses the answer to a commit that succeeded, after which another host opens the rooms. What the
// server has of this host counts; what another host wrote under the same numbers does not.
func TestLostCommitBeforeTheFence(t *testing.T) {
	p, db, beside, _ := behind(t)
	c, heard := claimRoom(t, db, "stored")
	lost := p.loseAnswer("stored before")
	c.Append(1, []byte("stored before"))
	<-lost
	d, heardD := claimRoom(t, beside, "stored")
	d.Append(2, []byte("of the next host"))
	heardD.WaitCommitted(t, 2)
	p.allow()
	heard.WaitCommitted(t, 1)
	c.Append(2, []byte("too late"))
	heard.WaitFenced(t)
	if durable := c.Durable(); durable != 1 {
		t.Errorf("%d updates are durable, want 1", durable)
	}
	heard.Check(t)

	c, heard = claimRoom(t, db, "refused")
	p.cut(true)
	c.Append(1, []byte("same size a"))
	heard.WaitDelayed(t, true)
	d, heardD = claimRoom(t, beside, "refused")
	d.Append(1, []byte("same size b"))
	heardD.WaitCommitted(t, 1)
	p.allow()
	heard.WaitFenced(t)
	if durable := heard.Durable(); durable != 0 {
		t.Errorf("update %d is durable, which is another host's", durable)
	}
	heard.Check(t)
	wantUpdates(t, beside, "stored", "stored before", "of the next host")
	wantUpdates(t, beside, "refused", "same size b")
}

// TestEpochGivenTwice: a database that was restored from a backup below running hosts gives epochs again. Two hosts with the same epoch
// do not take each other's updates for their own, and no other room suffers.
func TestEpochGivenTwice(t *testing.T) {
	url := database(t)
	a, b := openDB(t, url, Options{}), openDB(t, url, Options{})
	first, heardFirst := claimRoom(t, a, "room")
	other, heardOther := claimRoom(t, a, "other")
	// As after the restoration of what was before the first claim.
	run(t, url, `DELETE FROM room WHERE id = 'room'`)
	run(t, url, `SELECT setval('room_num', 1, false)`)
	second, heardSecond := claimRoom(t, b, "room")
	if first.(*claim).Epoch != second.(*claim).Epoch {
		t.Fatal("the epochs differ")
	}
	second.Append(1, []byte("one"))
	heardSecond.WaitCommitted(t, 1)
	first.Append(1, []byte("two"))
	other.Append(1, []byte("other"))
	heardFirst.WaitFenced(t)
	heardOther.WaitCommitted(t, 1)
	wantUpdates(t, b, "room", "one")
}

func settled(db *DB) bool {
	select {
	case <-db.Settled():
		return true
	default:
		return false
	}
}

// TestLostCommitOfPoint loses the answer to a commit that points to a snapshot: it is in doubt until the room's row has been
// locked again.
func TestLostCommitOfPoint(t *testing.T) {
	p, db, beside, _ := behind(t)
	ctx := context.Background()
	c, heard := claimRoom(t, db, "room")
	c.Append(1, []byte("x"))
	heard.WaitCommitted(t, 1)
	lost := p.loseAnswer("commit\x00") // the whole statement
	if err := point(ctx, c, "key 1", 1); !isUncertain(err) {
		t.Fatalf("Point without an answer: %v", err)
	}
	<-lost
	if settled(db) {
		t.Error("nothing is in doubt")
	}
	if info, err := beside.Room(ctx, "room"); err != nil || info.SnapshotKey != "key 1" {
		t.Errorf("the room is %+v, %v", info, err)
	}
	wait := db.Settled()
	if err := point(ctx, c, "key 2", 1); err == nil || isUncertain(err) {
		t.Errorf("Point without a server: %v", err)
	}
	p.allow()
	eventually(t, "a Point that succeeds", func() bool { return point(ctx, c, "key 3", 1) == nil })
	select {
	case <-wait:
	case <-time.After(patience):
		t.Error("still in doubt")
	}
	if !settled(db) {
		t.Error("still in doubt")
	}
	if info, err := beside.Room(ctx, "room"); err != nil || info.SnapshotKey != "key 3" {
		t.Errorf("the room is %+v, %v", info, err)
	}
}

func point(ctx context.Context, c store.Claim, key string, through uint64) error {
	_, err := c.Point(ctx, store.Pointer{Key: key, Bytes: 1, Through: through})
	return err
}
