package member_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/symphony-rtc/symphony/internal/cluster"
	"github.com/symphony-rtc/symphony/internal/cluster/member"
	"github.com/symphony-rtc/symphony/internal/room"
	"github.com/symphony-rtc/symphony/protocol"
)

// A room that the registry has for a host which is full, because somebody named the host or a claim took effect that failed, could
// not be opened by anybody as long as that host lives.
func TestFullHostGivesUpARoomThatItDoesNotHave(t *testing.T) {
	w := newWorld(t)
	w.capacity = 1
	a, b := w.host("a", member.Options{}), w.host("b", member.Options{})
	w.mustJoin(a, "one")
	w.mustJoin(b, "two")
	if err := b.seat.Move(t.Context(), "two", "a"); err != nil {
		t.Fatal(err)
	}
	if owner := w.owner("two"); owner != "a" {
		t.Fatalf("the room belongs to %q", owner)
	}
	_, err := w.join(a, "two")
	w.wantCode(err, protocol.CloseFull)
	w.until("the full host gave the room up", func() bool { return w.owner("two") == "" })
	if owner := w.owner("one"); owner != "a" {
		t.Fatalf("the room that it has belongs to %q", owner)
	}
	c := w.host("c", member.Options{})
	w.mustJoin(c, "two")
	// Once more, of a room that another host has: nothing happens to it.
	_, err = w.join(a, "two")
	w.wantCode(err, protocol.CloseFull)
	w.mustJoin(c, "two")
	if owner := w.owner("two"); owner != "c" {
		t.Fatalf("the room belongs to %q", owner)
	}
}

// More rooms come than the host has places for, before it is registered: they wait for that.
func TestFullBeforeItJoined(t *testing.T) {
	w := newWorld(t)
	seat := member.New(w.registry, cluster.Host{ID: "a", Address: "a:1", Capacity: 1}, member.Options{})
	h := &host{seat: seat, id: "a", Host: room.NewHost(w.store, room.Options{Claims: seat, MaxRooms: 1})}
	joined := make(chan error, 2)
	for _, id := range []string{"one", "two"} {
		go func() {
			_, err := w.join(h, id)
			joined <- err
		}()
	}
	if err := seat.Join(t.Context(), h.Host); err != nil {
		t.Fatal(err)
	}
	first, second := <-joined, <-joined
	if first == nil {
		first, second = second, first
	}
	w.wantCode(first, protocol.CloseFull)
	if err := errors.Join(second, h.Close(t.Context()), seat.Leave(t.Context())); err != nil {
		t.Fatal(err)
	}
}

// A claim that failed may have taken effect. The room must not stay with a host that does not open it.
func TestClaimThatFailedButTookEffect(t *testing.T) {
	w := newWorld(t)
	r := &troubled{Registry: w.registry}
	w.through = r
	a := w.host("a", member.Options{})
	r.set(func() { r.claim = func(string) error { return errors.New("its answer got lost") } })
	_, err := w.join(a, "room")
	w.wantCode(err, protocol.CloseRestarting)
	w.until("the room is free", func() bool { return w.owner("room") == "" })
	r.set(func() { r.claim = nil })
	w.mustJoin(a, "room")
	if owner := w.owner("room"); owner != "a" {
		t.Fatalf("the room belongs to %q", owner)
	}
}

// Who could not reach a host makes the registry forget its claim and asks another host. That must have the room before the first one
// claims it again, else it goes on between the two for as long as the first cannot be reached.
func TestWhoCouldNotReachAHostGetsTheRoomOpenedElsewhere(t *testing.T) {
	w := newWorld(t)
	a, b := w.host("a", member.Options{}), w.host("b", member.Options{})
	for round := range 5 { // one of them is enough: this process may stand still
		id := fmt.Sprint("room ", round)
		g := w.mustJoin(a, id)
		if err := w.registry.Forget(t.Context(), id, "a"); err != nil {
			t.Fatal(err)
		}
		time.Sleep(20 * time.Millisecond) // as long as a proxy takes to ask another host
		if _, err := w.join(b, id); err != nil {
			continue
		}
		w.until("the host that cannot be reached drops the room", func() bool { return g.closed.Load() == uint32(protocol.CloseMoved) })
		if owner := w.owner(id); owner != "b" {
			t.Fatalf("the room belongs to %q", owner)
		}
		return
	}
	t.Fatal("the host takes its rooms back at once, each time")
}

// A host for one room that has none any more ends, also if it was asked for another one in that moment, and did not get it.
func TestOnceEndsAfterALostRace(t *testing.T) {
	w := newWorld(t)
	r := &troubled{Registry: w.registry}
	w.through = r
	a := w.host("a", member.Options{Once: true})
	w.through = nil
	b := w.host("b", member.Options{})
	w.mustJoin(b, "another")
	g := w.mustJoin(a, "room")
	claiming, lose := make(chan struct{}), make(chan struct{})
	r.set(func() {
		r.claim = func(string) error {
			close(claiming)
			<-lose
			return nil
		}
	})
	g.session.Leave()
	w.until("its room is gone", func() bool { return w.owner("room") == "" })
	lost := make(chan error, 1)
	go func() {
		_, err := w.join(a, "another")
		lost <- err
	}()
	<-claiming
	r.set(func() { r.claim = nil })
	time.Sleep(2 * member.Linger) // what is shown here is that it does not end while it claims, and does not forget to later
	select {
	case <-a.seat.Done():
		t.Fatal("done while it claims a room")
	default:
	}
	close(lose)
	w.wantCode(<-lost, protocol.CloseMoved)
	select {
	case <-a.seat.Done():
	case <-time.After(30 * time.Second):
		t.Fatal("it has no room and goes on")
	}
}

// A room that cannot be opened does not use up a host for one room.
func TestOnceGoesOnAfterARoomThatDidNotOpen(t *testing.T) {
	w := newWorld(t)
	first := make(chan struct{})
	a := w.host("a", member.Options{Once: true, OnFirst: func(context.Context) { close(first) }})
	b := w.host("b", member.Options{})
	g := w.mustJoin(b, "deleted")
	g.session.Leave()
	w.until("it is closed", func() bool { return w.owner("deleted") == "" })
	if err := w.store.Delete(t.Context(), "deleted"); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		_, err := w.join(a, "deleted")
		w.wantCode(err, protocol.CloseDeleted)
	}
	w.until("the claim is over", func() bool { return w.owner("deleted") == "" })
	time.Sleep(2 * member.Linger) // the time after which it would end, if it did
	select {
	case <-first:
		t.Fatal("the host counts as used")
	case <-a.seat.Done():
		t.Fatal("the host ends")
	default:
	}
	g = w.mustJoin(a, "room")
	<-first
	g.session.Leave()
	select {
	case <-a.seat.Done():
	case <-time.After(30 * time.Second):
		t.Fatal("the room has closed and the host goes on")
	}
}

// Leave while the host registers again: nothing of it stays in the registry.
func TestLeaveWhileItRegistersAgain(t *testing.T) {
	w := newWorld(t)
	r := &troubled{Registry: w.registry}
	seat := member.New(r, cluster.Host{ID: "a", Address: "a:1", Capacity: 1}, member.Options{})
	h := room.NewHost(w.store, room.Options{Claims: seat})
	if err := seat.Join(t.Context(), h); err != nil {
		t.Fatal(err)
	}
	joining, proceed := make(chan struct{}), make(chan struct{})
	r.set(func() {
		r.join = func() {
			close(joining)
			<-proceed
		}
	})
	w.registry.Expire("a")
	<-joining
	left := make(chan error, 1)
	go func() { left <- errors.Join(h.Close(t.Context()), seat.Leave(t.Context())) }()
	w.until("it is leaving", seat.Left)
	close(proceed)
	if err := <-left; err != nil {
		t.Fatal(err)
	}
	is, err := w.registry.Join(t.Context(), cluster.Host{ID: "a", Address: "a:1"})
	if err != nil {
		t.Fatal("the host is still registered:", err)
	}
	if err := is.Leave(t.Context()); err != nil {
		t.Fatal(err)
	}
}
