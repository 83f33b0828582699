package etcd_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/symphony-rtc/symphony/internal/cluster"
	"github.com/symphony-rtc/symphony/internal/cluster/clustertest"
	"github.com/symphony-rtc/symphony/internal/cluster/etcd"
	"github.com/symphony-rtc/symphony/test/services"
)

func join(t testing.TB, r cluster.Registry, id string) cluster.Membership {
	t.Helper()
	m, err := r.Join(t.Context(), cluster.Host{ID: id, Address: "127.0.0.1:1", Capacity: 5})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func claim(t testing.TB, m cluster.Membership, room, want string) {
	t.Helper()
	if h, err := m.Claim(t.Context(), room); err != nil || h.ID != want {
		t.Fatalf("claim %q: %q, %v, want %q", room, h.ID, err, want)
	}
}

func isOpen(c <-chan struct{}) bool {
	select {
	case <-c:
		return false
	default:
		return true
	}
}

func checkOwner(t testing.TB, r cluster.Registry, room, want string) {
	t.Helper()
	h, err := r.Owner(t.Context(), room)
	if errors.Is(err, cluster.ErrFree) {
		err = nil
	}
	if err != nil || h.ID != want {
		t.Fatalf("room %q is %q's (%v), want %q's", room, h.ID, err, want)
	}
}

// TestEtcdIsAwayForLong has no etcd for several times a lease. Nothing is lost: leases do not run out while nobody counts.
func TestEtcdIsAwayForLong(t *testing.T) {
	server := services.Etcd(t)
	r, err := etcd.Open(t.Context(), etcd.Options{Endpoints: []string{"http://" + server.Addr}, TTL: ttl, Timeout: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	m := join(t, r, "one")
	claim(t, m, "room", "one")
	view := cluster.NewView(t.Context(), r)
	clustertest.Await(t, "the view is in step", view.Synced())
	server.Kill()
	for end := time.Now().Add(2*ttl + time.Second); time.Now().Before(end); {
		if _, err := m.Claim(t.Context(), "while away"); err == nil || errors.Is(err, cluster.ErrNoMember) {
			t.Fatalf("claim without etcd: %v", err)
		}
		if !isOpen(m.Lost()) {
			t.Fatal("a host is lost although nobody could say so")
		}
	}
	if h, ok := view.Owner("room"); !ok || h.ID != "one" {
		t.Error("the view has forgotten what it knew")
	}
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	clustertest.Eventually(t, "claim", func() error {
		_, err := m.Claim(t.Context(), "afterwards")
		return err
	})
	checkOwner(t, r, "room", "one")
	clustertest.Eventually(t, "the view follows", func() error {
		if _, ok := view.Owner("afterwards"); !ok {
			return errors.New("it does not know of the new claim")
		}
		return nil
	})
	if !isOpen(m.Lost()) {
		t.Error("a host is lost that has its lease")
	}
}

// TestEtcdIsFrozen stops etcd's process for longer than a lease, and lets it go on. Then it may have ended the lease or not, but
// everybody agrees on it.
func TestEtcdIsFrozen(t *testing.T) {
	server := services.Etcd(t)
	r := open(t, server.Addr, newPrefix())
	view := cluster.NewView(t.Context(), r)
	for round := range 2 {
		id := fmt.Sprint("host ", round)
		m := join(t, r, id)
		claim(t, m, id, id)
		server.Pause()
		select {
		case <-m.Lost():
			t.Error("a host is lost although nobody could say so")
		case <-time.After(ttl + time.Second):
		}
		server.Resume()
		clustertest.Eventually(t, "claim or loss", func() error {
			_, err := m.Claim(t.Context(), id)
			if errors.Is(err, cluster.ErrNoMember) {
				err = nil
			}
			return err
		})
		clustertest.Eventually(t, "all agree", func() error {
			select {
			case <-m.Lost():
				t.Log("the lease has ended")
				m = join(t, r, id)
				claim(t, m, id, id)
			default:
			}
			h, err := r.Owner(t.Context(), id)
			if seen, _ := view.Owner(id); err != nil || h.ID != id || seen.ID != id {
				return fmt.Errorf("the room is %q's, %v, and in the view %q's", h.ID, err, seen.ID)
			}
			return nil
		})
	}
}

// TestCutForAMoment loses the connections of a host for less than a lease, again and again.
func TestCutForAMoment(t *testing.T) {
	server := services.Etcd(t)
	l, prefix := lay(t, listen(t), server.Addr), newPrefix()
	r, err := etcd.Open(t.Context(), etcd.Options{Endpoints: []string{"http://" + l.Addr}, Prefix: prefix, TTL: 10 * time.Second, Timeout: 20 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	other := open(t, server.Addr, prefix)
	m := join(t, r, "one")
	view := cluster.NewView(t.Context(), r)
	for i := range 10 {
		room := fmt.Sprint("room ", i)
		claim(t, m, room, "one")
		l.Cut()
		if err := other.Forget(t.Context(), room, "one"); err != nil { // which is not heard at once
			t.Fatal(err)
		}
		l.Mend()
		if got := clustertest.Await(t, "the news of a room taken", m.Taken()); got != room {
			t.Fatalf("%q was taken, want %q", got, room)
		}
		checkOwner(t, r, room, "")
	}
	claim(t, m, "last", "one")
	clustertest.Eventually(t, "the view follows", func() error {
		if _, ok := view.Owner("last"); !ok || view.Rooms("one") != 1 {
			return fmt.Errorf("%d rooms", view.Rooms("one"))
		}
		return nil
	})
	if !isOpen(m.Lost()) {
		t.Error("lost")
	}
	// Of what was heard, nothing stays in etcd.
	clustertest.Eventually(t, "the keys of rooms taken go", func() error {
		answer, err := other.Client().Get(t.Context(), prefix+"/taken/", clientv3.WithPrefix())
		if err == nil && len(answer.Kvs) > 0 {
			err = fmt.Errorf("%d are there", len(answer.Kvs))
		}
		return err
	})
}

// TestCompacted has etcd forget what happened while a watcher and a host were away.
func TestCompacted(t *testing.T) {
	server := services.Etcd(t)
	l, prefix := lay(t, listen(t), server.Addr), newPrefix()
	away, err := etcd.Open(t.Context(), etcd.Options{Endpoints: []string{"http://" + l.Addr}, Prefix: prefix, TTL: time.Minute, Timeout: 20 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	defer away.Close()
	r := open(t, server.Addr, prefix)
	one, two := join(t, away, "one"), join(t, r, "two")
	for _, room := range []string{"a", "b"} {
		claim(t, one, room, "one")
	}
	claim(t, two, "c", "two")
	resets := make(chan struct{}, 100)
	view := cluster.NewView(t.Context(), counted{away, resets})
	clustertest.Await(t, "the view is in step", view.Synced())

	l.Cut()
	if err := r.Forget(t.Context(), "a", "one"); err != nil {
		t.Fatal(err)
	}
	if err := two.Release(t.Context(), "c", ""); err != nil {
		t.Fatal(err)
	}
	claim(t, two, "d", "two")
	answer, err := r.Client().Get(t.Context(), prefix)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Client().Compact(t.Context(), answer.Header.Revision); err != nil {
		t.Fatal(err)
	}
	l.Mend()
	clustertest.Await(t, "the watch begins anew", resets)
	for room, want := range map[string]string{"a": "", "b": "one", "c": "", "d": "two"} {
		clustertest.Eventually(t, "the view of "+room, func() error {
			if h, ok := view.Owner(room); h.ID != want || ok != (want != "") {
				return fmt.Errorf("it is %q's, want %q's", h.ID, want)
			}
			return nil
		})
	}
	if room := clustertest.Await(t, "the news of a room taken", one.Taken()); room != "a" {
		t.Errorf("%q was taken, want a", room)
	}
	claim(t, two, "e", "two") // and it goes on
	clustertest.Eventually(t, "the view of e", func() error {
		if _, ok := view.Owner("e"); !ok {
			return errors.New("free")
		}
		return nil
	})
}

// counted passes on that a watch begins anew.
type counted struct {
	cluster.Registry
	resets chan<- struct{}
}

func (c counted) Watch(ctx context.Context) <-chan cluster.Event {
	events := make(chan cluster.Event)
	go func() { // ends with the view's context, as the channel that it reads does
		defer close(events)
		for e := range c.Registry.Watch(ctx) {
			if e.Kind == cluster.EventReset {
				c.resets <- struct{}{}
			}
			select {
			case events <- e:
			case <-ctx.Done():
			}
		}
	}()
	return events
}

// TestDataIsLost starts etcd without its data: hosts are lost, and who watches finds out and begins anew.
func TestDataIsLost(t *testing.T) {
	server := services.Etcd(t)
	r := open(t, server.Addr, newPrefix())
	m := join(t, r, "one")
	for i := range 50 { // the new history must not be as long as the old one soon
		claim(t, m, fmt.Sprint(i), "one")
	}
	view := cluster.NewView(t.Context(), r)
	clustertest.Await(t, "the view is in step", view.Synced())
	server.Kill()
	if err := os.RemoveAll(filepath.Join(server.Dir, "member")); err != nil {
		t.Fatal(err)
	}
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	clustertest.Await(t, "the host is lost", m.Lost())
	m = join(t, r, "two")
	claim(t, m, "new", "two")
	clustertest.Eventually(t, "the view follows the new history", func() error {
		if h, ok := view.Owner("new"); !ok || h.ID != "two" || view.Rooms("one") != 0 || len(view.Hosts()) != 1 {
			return fmt.Errorf("%+v, %v, hosts %v", h, ok, view.Hosts())
		}
		return nil
	})
}
