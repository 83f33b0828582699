package member_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/symphony-rtc/symphony/internal/cluster"
	"github.com/symphony-rtc/symphony/internal/cluster/member"
	"github.com/symphony-rtc/symphony/internal/room"
	"github.com/symphony-rtc/symphony/protocol"
)

// troubled is a registry whose calls can be made to fail, or to wait.
type troubled struct {
	cluster.Registry

	mu      sync.Mutex
	claim   func(room string) error   // what becomes of a claim after it took effect; may be nil
	release func(room string) error   // the same, before it takes effect
	update  func(ctx context.Context) // called before a host is updated; may be nil
	join    func()                    // called before a host joins; may be nil
}

func (r *troubled) Join(ctx context.Context, h cluster.Host) (cluster.Membership, error) {
	r.mu.Lock()
	join := r.join
	r.mu.Unlock()
	if join != nil {
		join()
	}
	is, err := r.Registry.Join(context.WithoutCancel(ctx), h)
	return &troubledMember{is, r}, err
}

func (r *troubled) set(change func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	change()
}

type troubledMember struct {
	cluster.Membership
	r *troubled
}

func (m *troubledMember) Claim(ctx context.Context, room string) (cluster.Host, error) {
	owner, err := m.Membership.Claim(ctx, room)
	m.r.mu.Lock()
	claim := m.r.claim
	m.r.mu.Unlock()
	if err == nil && claim != nil {
		if err := claim(room); err != nil {
			return cluster.Host{}, err
		}
	}
	return owner, err
}

func (m *troubledMember) Release(ctx context.Context, room, to string) error {
	m.r.mu.Lock()
	release := m.r.release
	m.r.mu.Unlock()
	if release != nil {
		if err := release(room); err != nil {
			return err
		}
	}
	return m.Membership.Release(ctx, room, to)
}

// A room is closed and opened again while the registry is away. The host ends all the same when it is told to, and a move does not
// wait for longer than who asked for it.
func TestNothingWaitsForEverForTheRegistry(t *testing.T) {
	w := newWorld(t)
	r := &troubled{Registry: w.registry}
	seat := member.New(r, cluster.Host{ID: "a", Address: "a:1", Capacity: 100}, member.Options{})
	a := &host{seat: seat, id: "a", Host: room.NewHost(w.store, room.Options{Claims: seat, Grace: time.Millisecond})}
	if err := seat.Join(t.Context(), a.Host); err != nil {
		t.Fatal(err)
	}
	releasing := make(chan string, 100)
	r.set(func() {
		r.release = func(room string) error {
			select {
			case releasing <- room:
			default:
			}
			return errors.New("the registry does not answer")
		}
	})
	w.mustJoin(a, "moves")
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	if err := seat.Move(ctx, "moves", ""); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("the move ended with %v", err)
	}
	w.mustJoin(a, "room").session.Leave()
	for <-releasing != "room" {
	}
	ending := seat.Calling("room")
	joined := make(chan error, 1)
	go func() {
		_, err := w.join(a, "room")
		joined <- err
	}()
	w.until("somebody waits for the room", func() bool { return seat.Calling("room") != ending })
	closed := make(chan error, 1)
	go func() {
		ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
		defer cancel()
		closed <- errors.Join(a.Close(ctx), seat.Leave(ctx))
	}()
	select {
	case err := <-closed:
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("the host ended with %v", err)
		}
	case <-time.After(30 * time.Second):
		t.Fatal("the host does not end")
	}
	var why *protocol.CloseError
	if err := <-joined; !errors.As(err, &why) {
		t.Errorf("who waited was told %v", err)
	}
}

// As many rooms are claimed again at a time as a registry that has just come back can bear, however many are open.
func TestRoomsAreClaimedAgainFewAtATime(t *testing.T) {
	w := newWorld(t)
	r := &troubled{Registry: w.registry}
	w.through, w.capacity = r, 1000
	a := w.host("a", member.Options{})
	const rooms = 4 * member.Reclaimers
	for i := range rooms {
		w.mustJoin(a, fmt.Sprint("room ", i))
	}
	var mu sync.Mutex
	now, most, all := 0, 0, 0
	r.set(func() {
		r.claim = func(string) error {
			mu.Lock()
			now++
			most = max(most, now)
			mu.Unlock()
			time.Sleep(5 * time.Millisecond)
			mu.Lock()
			defer mu.Unlock()
			now--
			all++
			return nil
		}
	})
	w.registry.Expire("a")
	w.until("all rooms are claimed again", func() bool {
		mu.Lock()
		defer mu.Unlock()
		return all == rooms
	})
	if most > member.Reclaimers {
		t.Errorf("%d claims at a time", most)
	}
}

// A host that leaves while a room is being handed over waits for that: when it has left, the room would be anybody's.
func TestLeaveWhileARoomIsHandedOver(t *testing.T) {
	w := newWorld(t)
	b := w.host("b", member.Options{})
	r := &troubled{Registry: w.registry}
	seat := member.New(r, cluster.Host{ID: "a", Address: "a:1", Capacity: 100}, member.Options{})
	a := &host{seat: seat, id: "a", Host: room.NewHost(w.store, room.Options{Claims: seat})}
	if err := seat.Join(t.Context(), a.Host); err != nil {
		t.Fatal(err)
	}
	w.mustJoin(a, "room")
	releasing, proceed := make(chan struct{}), make(chan struct{})
	r.set(func() {
		r.release = func(string) error {
			close(releasing)
			<-proceed
			return nil
		}
	})
	ended := make(chan error, 2)
	go func() { ended <- seat.Move(t.Context(), "room", b.id) }()
	<-releasing
	go func() { ended <- errors.Join(a.Close(t.Context()), seat.Leave(t.Context())) }()
	w.until("it is leaving", seat.Left)
	close(proceed)
	if err := errors.Join(<-ended, <-ended); err != nil {
		t.Fatal(err)
	}
	if owner := w.owner("room"); owner != "b" {
		t.Fatalf("the room belongs to %q", owner)
	}
}

func (m *troubledMember) Update(ctx context.Context, h cluster.Host) error {
	m.r.mu.Lock()
	update := m.r.update
	m.r.mu.Unlock()
	if update != nil {
		update(ctx)
	}
	return m.Membership.Update(ctx, h)
}

// While the registry is away a drain does not spend its time on telling it.
func TestDrainWithoutTheRegistry(t *testing.T) {
	w := newWorld(t)
	r := &troubled{Registry: w.registry}
	w.through = r
	a := w.host("a", member.Options{})
	g := w.mustJoin(a, "room")
	r.set(func() {
		r.update = func(ctx context.Context) { <-ctx.Done() }
	})
	ctx, cancel := context.WithTimeout(t.Context(), 9*time.Second)
	defer cancel()
	if err := a.seat.Drain(ctx); err != nil {
		t.Fatal(err)
	}
	if code := g.closed.Load(); code != uint32(protocol.CloseMoved) {
		t.Errorf("the member was closed with %d", code)
	}
}

// Who asks for a room in the moment in which the host was taken for dead, and has not heard of that yet, gets it.
func TestRoomIsClaimedInTheMomentOfALoss(t *testing.T) {
	w := newWorld(t)
	a := w.host("a", member.Options{})
	for round := range 30 {
		w.until("the host is registered", func() bool { return w.registry.Expire("a") })
		w.mustJoin(a, fmt.Sprint("room ", round))
	}
}

// A claim that failed is ended; but not if the room was claimed again before that.
func TestFailedClaimThatWasMadeAgain(t *testing.T) {
	w := newWorld(t)
	r := &troubled{Registry: w.registry}
	w.through = r
	a := w.host("a", member.Options{})
	claiming, fail := make(chan struct{}), make(chan struct{})
	r.set(func() {
		r.claim = func(string) error {
			close(claiming)
			<-fail
			return errors.New("its answer got lost")
		}
	})
	results := make(chan error, 2)
	claim := func() { results <- a.seat.Claim(t.Context(), "room") }
	go claim()
	<-claiming
	r.set(func() { r.claim = nil })
	first := a.seat.Calling("room")
	go claim()
	w.until("the second claim waits", func() bool { return a.seat.Calling("room") != first })
	close(fail)
	if one, other := <-results, <-results; (one == nil) == (other == nil) {
		t.Fatalf("the claims ended with %v and %v", one, other)
	}
	w.until("everything about the room is over", func() bool { return a.seat.Calling("room") == nil })
	if owner := w.owner("room"); owner != "a" {
		t.Errorf("the room belongs to %q", owner)
	}
}
