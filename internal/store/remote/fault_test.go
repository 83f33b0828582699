package remote

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/symphony-rtc/symphony/internal/ipc"
	"github.com/symphony-rtc/symphony/internal/room"
	"github.com/symphony-rtc/symphony/internal/store"
	"github.com/symphony-rtc/symphony/internal/store/journal"
	"github.com/symphony-rtc/symphony/internal/store/storetest"
)

// counter is a store.Observer that counts commits.
type counter struct{ commits, updates, most atomic.Int64 }

func (c *counter) JournalCommit(_ time.Duration, updates, _ int, _ error) {
	c.commits.Add(1)
	c.updates.Add(int64(updates))
	c.most.Store(max(c.most.Load(), int64(updates)))
}
func (c *counter) SnapshotSaved(time.Duration, int, error) {}

// TestClientsShareCommits lets 20 processes' worth of connections append at the same time: their updates are in the same commits.
func TestClientsShareCommits(t *testing.T) {
	var observed counter
	s := supervise(t, t.TempDir(), journal.Options{Window: 50 * time.Millisecond, Observe: &observed})
	const clients, rooms, rounds = 20, 5, 10
	var wg sync.WaitGroup
	begin := make(chan struct{})
	for i := range clients {
		c := dial(t, s.address)
		for k := range rooms {
			claim, _, heard := claimRoom(t, c, fmt.Sprint(i, "/", k))
			wg.Go(func() {
				<-begin
				for seq := uint64(1); seq <= rounds; seq++ {
					claim.Append(seq, []byte("update"))
					heard.WaitCommitted(t, seq)
				}
				heard.Check(t)
			})
		}
	}
	close(begin)
	wg.Wait()
	total, commits := observed.updates.Load(), observed.commits.Load()
	t.Logf("%d updates of %d connections in %d commits, at most %d in one", total, clients, commits, observed.most.Load())
	if total != clients*rooms*rounds || commits*4 > total || observed.most.Load() <= rooms {
		t.Errorf("%d updates took %d commits", total, commits)
	}
}

// TestSupervisorGone ends the process that has the store: rooms hear of it, nothing blocks, and nobody pretends.
func TestSupervisorGone(t *testing.T) {
	s := supervise(t, t.TempDir(), journal.Options{Window: time.Hour, BatchBytes: 1 << 30})
	c, err := Dial(context.Background(), s.address)
	if err != nil {
		t.Fatal(err)
	}
	claim, _, heard := claimRoom(t, c, "room")
	claim.Append(1, []byte("update"))
	settled := c.Settled()
	if c.Err() != nil {
		t.Fatalf("Err is %v", c.Err())
	}
	s.stop()
	<-c.Done()
	if err := c.Err(); !errors.Is(err, ipc.ErrLost) {
		t.Errorf("Err is %v", err)
	}
	if err := heard.WaitDelayed(t, true); !errors.Is(err, ipc.ErrLost) {
		t.Errorf("Delayed said %v", err)
	}
	claim.Append(2, []byte("more"))
	if claim.Backlog() != 10 || c.Backlog() != 10 || claim.Durable() != 0 {
		t.Errorf("backlog %d and %d, durable %d", claim.Backlog(), c.Backlog(), claim.Durable())
	}
	if _, err := c.Room(context.Background(), "room"); !errors.Is(err, ipc.ErrLost) {
		t.Errorf("Room: %v", err)
	}
	if _, _, err := c.Claim(context.Background(), "other", heard); !errors.Is(err, ipc.ErrLost) {
		t.Errorf("Claim: %v", err)
	}
	if err := c.Close(); !errors.Is(err, ipc.ErrLost) || !strings.Contains(err.Error(), "10 bytes") {
		t.Errorf("Close: %v", err)
	}
	select {
	case <-settled:
		t.Error("settled, says nobody")
	default:
	}
	heard.Check(t)
}

// TestAfterClose uses a closed catalog.
func TestAfterClose(t *testing.T) {
	s := supervise(t, t.TempDir(), journal.Options{})
	c := dial(t, s.address)
	claim, _, heard := claimRoom(t, c, "room")
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	if _, _, err := c.Claim(context.Background(), "room", heard); !errors.Is(err, journal.ErrClosed) {
		t.Errorf("Claim: %v", err)
	}
	if _, err := claim.Point(context.Background(), store.Pointer{Key: "key", Bytes: 1}); !errors.Is(err, journal.ErrClosed) {
		t.Errorf("Point: %v", err)
	}
	if info, err := s.db.Room(context.Background(), "room"); err != nil || info.Active {
		t.Errorf("the room is %+v, %v", info, err)
	}
	if err := c.Close(); err != nil {
		t.Errorf("second Close: %v", err)
	}
}

// odd is a catalog that fails as it is told.
type odd struct {
	store.Catalog
	err     error         // of Delete
	blocked chan struct{} // Undelete is in it
	updates [][]byte      // of Load
	events  room.JournalEvents
}

func (o *odd) Delete(context.Context, string) error { return o.err }

func (o *odd) Undelete(ctx context.Context, _ string) error {
	close(o.blocked)
	<-ctx.Done()
	return fmt.Errorf("undelete: %w", ctx.Err())
}

func (o *odd) Load(context.Context, string) (store.Room, [][]byte, error) {
	return store.Room{ID: "large"}, o.updates, nil
}

func (o *odd) Claim(_ context.Context, _ string, events room.JournalEvents) (store.Claim, store.Room, error) {
	o.events = events
	return stuckClaim{}, store.Room{}, nil
}

// stuckClaim is a claim whose commits fail.
type stuckClaim struct{ store.Claim }

func (stuckClaim) Append(uint64, []byte) {}
func (stuckClaim) Backlog() int          { return 5 }

func serveOdd(t *testing.T, o *odd) *Catalog {
	t.Helper()
	s := supervise(t, t.TempDir(), journal.Options{})
	o.Catalog = s.db
	l, err := ipc.Listen(s.address + "-odd")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(serve(t, l, o))
	return dial(t, s.address+"-odd")
}

// TestErrorsKeepTheirIdentity sends every error that somebody acts on.
func TestErrorsKeepTheirIdentity(t *testing.T) {
	o := &odd{}
	c := serveOdd(t, o)
	all := append([]error{context.Canceled, context.DeadlineExceeded, errors.ErrUnsupported}, known...)
	for _, want := range all {
		o.err = fmt.Errorf("delete the room %q: %w, which is bad", "x", want)
		err := c.Delete(context.Background(), "x")
		if err == nil || err.Error() != o.err.Error() {
			t.Errorf("%v became %v", o.err, err)
		}
		for _, other := range all {
			if errors.Is(err, other) != (other == want) {
				t.Errorf("errors.Is(%v, %v) is %v", err, other, other != want)
			}
		}
	}
	o.err = fmt.Errorf("%w, twice: %w", store.ErrQuarantined, room.ErrCorrupt)
	if err := c.Delete(context.Background(), "x"); !errors.Is(err, store.ErrQuarantined) || !errors.Is(err, room.ErrCorrupt) || store.Reason(err) != store.Reason(o.err) {
		t.Errorf("two errors became %v", err)
	}
	o.err = errors.New("")
	if err := c.Delete(context.Background(), "x"); err == nil {
		t.Error("an error without a text got lost")
	}
	o.err = nil
	if err := c.Delete(context.Background(), "x"); err != nil {
		t.Errorf("nothing became %v", err)
	}
}

// TestCancel ends the context of a call that is being answered.
func TestCancel(t *testing.T) {
	o := &odd{blocked: make(chan struct{})}
	c := serveOdd(t, o)
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		<-o.blocked
		cancel()
	}()
	if err := c.Undelete(ctx, "x"); !errors.Is(err, context.Canceled) || !strings.HasPrefix(err.Error(), "undelete") {
		t.Errorf("Undelete: %v", err)
	}
}

// TestLongAnswersLetOthersPass loads a lot, while small calls come and go.
func TestLongAnswersLetOthersPass(t *testing.T) {
	o := &odd{}
	for i := range 16 {
		o.updates = append(o.updates, bytes.Repeat([]byte{byte(i)}, 1<<20))
	}
	c := serveOdd(t, o)
	var loaded atomic.Bool
	var wg sync.WaitGroup
	for range 3 {
		wg.Go(func() {
			_, updates, err := c.Load(context.Background(), "large")
			if loaded.Store(true); err != nil || len(updates) != 16 {
				t.Errorf("Load: %d updates, %v", len(updates), err)
			}
			for i, u := range updates {
				if !bytes.Equal(u, o.updates[i]) {
					t.Errorf("update %d came otherwise", i)
				}
			}
		})
	}
	passed := 0
	for !loaded.Load() {
		if _, err := c.Versions(context.Background(), "none", 0, 1); err != nil {
			t.Fatal(err)
		}
		passed++
	}
	wg.Wait()
	t.Logf("%d calls were answered while the first of three times 16 MiB was on its way", passed)
	if passed < 5 {
		t.Errorf("only %d calls were answered meanwhile", passed)
	}
}

// TestDelayed passes on that commits fail, and that they work again, and does not wait for them when closing.
func TestDelayed(t *testing.T) {
	o := &odd{}
	c := serveOdd(t, o)
	claim, _, heard := claimRoom(t, c, "room")
	claim.Append(1, []byte("12345"))
	o.events.Delayed(errors.New("the disk is full"))
	if err := heard.WaitDelayed(t, true); err.Error() != "the disk is full" {
		t.Errorf("Delayed said %v", err)
	}
	if err := claim.Release(context.Background()); err == nil || !strings.Contains(err.Error(), "5 bytes") {
		t.Errorf("Release: %v", err)
	}
	o.events.Delayed(nil)
	heard.WaitDelayed(t, false)
	o.events.Delayed(errors.New("the disk is full"))
	heard.WaitDelayed(t, true)
	if err := c.Close(); err == nil || !strings.Contains(err.Error(), "the disk is full") {
		t.Errorf("Close: %v", err)
	}
	heard.Check(t)
}

// TestNewsOfASlowClientStaySmall lets very much happen to a client that does not read.
func TestNewsOfASlowClientStaySmall(t *testing.T) {
	s := &session{claims: make(map[uint64]*heldClaim)}
	c := &heldClaim{s: s, num: 7, listed: true} // listed, so that nobody is woken
	s.news = append(s.news, c)
	for i := range uint64(100_000) {
		c.Delayed(io.ErrShortWrite)
		c.Delayed(nil)
		c.Committed(i + 1)
	}
	c.Delayed(io.ErrShortWrite)
	c.Fenced()
	out := s.Fill(nil)
	if len(s.news) != 0 || len(out) > 200 {
		t.Fatalf("%d bytes, %d claims have more", len(out), len(s.news))
	}
	if more := s.Fill(nil); len(more) > 0 {
		t.Fatalf("told twice: %d bytes", len(more))
	}
}

// rawConn is a connection past its hello, made by hand.
func rawConn(t *testing.T, address string, hello bool) net.Conn {
	t.Helper()
	conn, err := net.Dial("unix", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if hello {
		// What the server says is what we have to say, too: header and text.
		mine := make([]byte, 4096)
		n, err := conn.Read(mine)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := conn.Write(mine[:n]); err != nil {
			t.Fatal(err)
		}
	}
	return conn
}

// TestMalformed sends what nobody of us sends: that connection ends, and no other.
func TestMalformed(t *testing.T) {
	s := supervise(t, t.TempDir(), journal.Options{})
	good := dial(t, s.address)
	claim, _, heard := claimRoom(t, good, "room")
	garbage := bytes.Repeat([]byte{0xEE}, 64)
	for name, bad := range map[string]struct {
		hello bool
		bytes []byte
	}{
		"no hello":           {false, garbage},
		"a browser":          {false, []byte("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")},
		"garbage":            {true, garbage},
		"a very long frame":  {true, []byte{0xFF, 0xFF, 0xFF, 0x3F, 2, 100, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1}},
		"an unknown call":    {true, []byte{0, 0, 0, 0, 3, 99, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0}},
		"an unknown post":    {true, []byte{0, 0, 0, 0, 2, 99, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}},
		"a call of nonsense": {true, append([]byte{4, 0, 0, 0, 3, opRepair, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0}, 0xFF, 0xFF, 0xFF, 0xFF)},
		"no claim":           {true, []byte{8, 0, 0, 0, 2, postAppend, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0}},
		"an answer":          {true, []byte{0, 0, 0, 0, 5, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0}},
		"cut off":            {true, []byte{8, 0, 0, 0, 3, opLoad}},
	} {
		conn := rawConn(t, s.address, bad.hello)
		if _, err := conn.Write(bad.bytes); err != nil {
			t.Fatal(err)
		}
		if strings.HasPrefix(name, "cut") || strings.HasPrefix(name, "a very") {
			conn.(*net.UnixConn).CloseWrite()
		}
		conn.SetReadDeadline(time.Now().Add(30 * time.Second))
		if _, err := io.Copy(io.Discard, conn); errors.Is(err, context.DeadlineExceeded) || err != nil && strings.Contains(err.Error(), "timeout") {
			t.Errorf("%s: the connection is not ended: %v", name, err)
		}
	}
	claim.Append(1, []byte("update"))
	heard.WaitCommitted(t, 1)
}

// TestWrongNumber: a gap would be an update that nobody ever gets. At the process that makes it, it panics; at the one that has the
// store it ends a connection.
func TestWrongNumber(t *testing.T) {
	s := supervise(t, t.TempDir(), journal.Options{})
	c := dial(t, s.address)
	claim, _, heard := claimRoom(t, c, "room")
	func() {
		defer func() {
			if recover() == nil {
				t.Error("update 2 was accepted as the first")
			}
		}()
		claim.Append(2, []byte("x"))
	}()
	c.client.Post(postAppend, 1, []byte{2, 0, 0, 0, 0, 0, 0, 0}, []byte("x"))
	heard.WaitDelayed(t, true)
	if info, err := s.db.Room(context.Background(), "room"); err != nil || info.LastSeq != 0 {
		t.Errorf("the room is %+v, %v", info, err)
	}
}

// TestWrongDurable: nobody is told that something is durable which cannot be.
func TestWrongDurable(t *testing.T) {
	s := supervise(t, t.TempDir(), journal.Options{})
	c := dial(t, s.address)
	made, _, heard := claimRoom(t, c, "room")
	made.Append(1, []byte("x"))
	heard.WaitCommitted(t, 1)
	r := made.(*claim)
	for _, seq := range []uint64{0, 1, 2, 1 << 63} {
		if err := r.committed(seq); err == nil {
			t.Errorf("update %d is believed to be durable", seq)
		}
	}
	made.Append(2, []byte("y"))
	heard.WaitCommitted(t, 2)
}

// TestFencedAcrossConnections: whoever claims last writes, from wherever.
func TestFencedAcrossConnections(t *testing.T) {
	s := supervise(t, t.TempDir(), journal.Options{})
	a, b := dial(t, s.address), dial(t, s.address)
	old, _, heardOld := claimRoom(t, a, "room")
	old.Append(1, []byte("one"))
	heardOld.WaitCommitted(t, 1)
	young, info, heardYoung := claimRoom(t, b, "room")
	if info.Epoch != 2 || info.LastSeq != 1 {
		t.Fatalf("claimed %+v", info)
	}
	old.Append(2, []byte("never"))
	heardOld.WaitFenced(t)
	if _, err := old.Point(context.Background(), store.Pointer{Key: "a/b", Bytes: 1, Through: 1}); !errors.Is(err, room.ErrFenced) {
		t.Errorf("Point of the old: %v", err)
	}
	young.Append(2, []byte("two"))
	heardYoung.WaitCommitted(t, 2)
	a.Close()
	direct, _, heardDirect := claimRoom(t, s.db, "room") // by the process itself
	young.Append(3, []byte("never"))
	heardYoung.WaitFenced(t)
	direct.Append(3, []byte("three"))
	heardDirect.WaitCommitted(t, 3)
	if n := a.Backlog() + b.Backlog(); n != 0 {
		t.Errorf("backlog is %d", n)
	}
	for _, r := range []*storetest.Recorder{heardOld, heardYoung, heardDirect} {
		r.Check(t)
	}
	if len(b.claims) != 0 {
		t.Errorf("%d claims are remembered", len(b.claims))
	}
}

// TestAppendAllocates counts allocations of Append once its buffers exist.
func TestAppendAllocates(t *testing.T) {
	s := supervise(t, t.TempDir(), journal.Options{})
	claim, _, heard := claimRoom(t, dial(t, s.address), "room")
	update := make([]byte, 50)
	seq := uint64(0)
	add := func() {
		seq++
		claim.Append(seq, update)
		if seq%100 == 0 {
			heard.WaitCommitted(t, seq)
		}
	}
	if n := testing.AllocsPerRun(5000, add); n > 1 {
		t.Errorf("Append allocates %v times", n)
	}
}

// TestSizes compares sizes with a plain list.
func TestSizes(t *testing.T) {
	var s sizes
	var plain []int
	for i := range 10_000 {
		if i%7 < 4 || len(plain) == 0 {
			s.add(i)
			plain = append(plain, i)
		} else {
			n := i % (len(plain) + 1)
			want := 0
			for _, size := range plain[:n] {
				want += size
			}
			plain = plain[n:]
			if got := s.remove(n); got != want {
				t.Fatalf("step %d: removed %d, want %d", i, got, want)
			}
		}
		sum := 0
		for _, size := range plain {
			sum += size
		}
		if s.sum != sum {
			t.Fatalf("step %d: sum %d, want %d", i, s.sum, sum)
		}
	}
}
