package manage

import (
	"errors"
	"os"
	"testing"

	"github.com/symphony-rtc/symphony/internal/room"
	"github.com/symphony-rtc/symphony/internal/store"
	"github.com/symphony-rtc/symphony/protocol"
)

// TestDelete deletes a room under its members, takes that back, and erases it for good.
func TestDelete(t *testing.T) {
	w := newWorld(t)
	a := join(t, w.host, "demo", 1)
	a.mustWrite(t, "a", "b")
	if err := w.Delete(t.Context(), "demo"); err != nil {
		t.Fatal(err)
	}
	if a.code != protocol.CloseDeleted {
		t.Errorf("the member was closed with %d", a.code)
	}
	if _, err := w.host.Join(t.Context(), "demo", &member{closed: make(chan struct{})}, room.JoinOptions{}); !isClosed(err, protocol.CloseDeleted) {
		t.Errorf("joining a deleted room: %v", err)
	}
	if info := must(w.store.Room(t.Context(), "demo"))(t); info.Deleted.IsZero() {
		t.Error("it is not marked")
	}
	if err := w.Delete(t.Context(), "demo"); err != nil {
		t.Errorf("deleting it again: %v", err)
	}
	w.wantKeys("demo", "a", "b") // whoever manages it can still see what it is

	if err := w.Undelete(t.Context(), "demo"); err != nil {
		t.Fatal(err)
	}
	b := join(t, w.host, "demo", 2)
	b.mustWrite(t, "c")
	w.wantKeys("demo", "a", "b", "c")
	kept := must(w.Keep(t.Context(), "demo", ""))(t)

	if err := w.Erase(t.Context(), "demo"); err != nil {
		t.Fatal(err)
	}
	if b.code != protocol.CloseDeleted {
		t.Errorf("the member was closed with %d", b.code)
	}
	if _, err := w.Document(t.Context(), "demo"); !errors.Is(err, store.ErrNoRoom) {
		t.Errorf("an erased room: %v", err)
	}
	eventually(t, "its objects are gone", func() bool {
		_, err := os.Stat(w.object(kept.Key))
		return errors.Is(err, os.ErrNotExist)
	})
	if g := join(t, w.host, "demo", 3).generation(t); g != 2 {
		t.Errorf("a new room of that id has generation %d, as if it were the old document", g)
	}
	for name, err := range map[string]error{
		"delete": w.Delete(t.Context(), "none"), "undelete": w.Undelete(t.Context(), "none"), "erase": w.Erase(t.Context(), "none"),
	} {
		if !errors.Is(err, store.ErrNoRoom) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestDeleteElsewhere deletes a room that another host has open: that one notices with its next write.
func TestDeleteElsewhere(t *testing.T) {
	w := newWorld(t)
	other := newHost(w.store)
	defer closeHost(t, other)
	a := join(t, other, "demo", 1)
	a.mustWrite(t, "a")
	if err := w.Delete(t.Context(), "demo"); err != nil {
		t.Fatal(err)
	}
	_ = a.write("late", "x") // the member may have been sent away already
	eventually(t, "the member is sent away", func() bool { a.mu.Lock(); defer a.mu.Unlock(); return a.code != 0 })
	a.leave()
	if _, err := other.Join(t.Context(), "demo", &member{closed: make(chan struct{})}, room.JoinOptions{}); !isClosed(err, protocol.CloseDeleted) {
		t.Errorf("joining a deleted room: %v", err)
	}
	if err := w.Undelete(t.Context(), "demo"); err != nil {
		t.Fatal(err)
	}
	if _, found := w.keys("demo")["late"]; found {
		t.Error("the deleted room was written to")
	}
}
