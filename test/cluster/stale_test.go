//go:build linux

package cluster

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	registry "github.com/symphony-rtc/symphony/internal/cluster"
	inetcd "github.com/symphony-rtc/symphony/internal/cluster/etcd"
	"github.com/symphony-rtc/symphony/test/network"
	"github.com/symphony-rtc/symphony/test/services"
)

// TestStaleMember cuts the leader of three members of etcd off from the other two, and from nobody else. Who asks it learns nothing that is
// not true any more, and can change nothing, until it is back with the others.
func TestStaleMember(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	n := network.New(t)
	var at []*network.Machine
	var places []network.Place
	for i := range 3 {
		m := n.Machine(fmt.Sprint("etcd", i+1))
		at, places = append(at, m), append(places, m.Place)
	}
	members := services.NewEtcdCluster(t, services.EtcdOptions{}, places...)
	leader, err := members.Leader()
	must(t, err)
	urls := members.URLs()
	open := func(timeout time.Duration, endpoints ...string) *inetcd.Registry {
		t.Helper()
		r, err := inetcd.Open(ctx, inetcd.Options{Endpoints: endpoints, TTL: time.Minute, Timeout: timeout})
		must(t, err)
		t.Cleanup(func() { must(t, r.Close()) })
		return r
	}
	all, stale := open(patience, urls...), open(time.Second, urls[leader])
	one, err := all.Join(ctx, registry.Host{ID: "one"})
	must(t, err)
	two, err := all.Join(ctx, registry.Host{ID: "two"})
	must(t, err)
	cutOff, err := stale.Join(ctx, registry.Host{ID: "cut off"})
	must(t, err)
	view := registry.NewView(ctx, stale)
	<-view.Synced()
	owner := func(r *inetcd.Registry, room string) string {
		h, err := r.Owner(ctx, room)
		switch {
		case errors.Is(err, registry.ErrFree):
			return "nobody"
		case err != nil:
			return ""
		}
		return h.ID
	}
	_, err = one.Claim(ctx, "room")
	must(t, err)
	if got := owner(stale, "room"); got != "one" {
		t.Fatalf("before the cut the room is %q's", got)
	}

	for i, m := range at {
		if i != leader {
			n.Part(at[leader], m)
		}
	}
	must(t, one.Release(ctx, "room", "two"))
	_, err = two.Claim(ctx, "other room")
	must(t, err)
	for began := time.Now(); time.Since(began) < 3*time.Second; {
		if got := owner(stale, "room"); got != "" {
			t.Fatalf("after %v the member that is cut off says that the room is %q's", time.Since(began), got)
		}
		if h, err := cutOff.Claim(ctx, "other room"); err == nil {
			t.Fatalf("a claim through the member that is cut off was answered: %+v", h)
		}
		short, cancel := context.WithTimeout(ctx, 200*time.Millisecond)
		if h, err := stale.Owner(short, "other room"); err == nil || errors.Is(err, registry.ErrFree) {
			t.Fatalf("the member that is cut off says that the other room is %q's, %v", h.ID, err)
		}
		cancel()
	}

	for i, m := range at {
		if i != leader {
			n.Join(at[leader], m)
		}
	}
	for began := time.Now(); ; time.Sleep(20 * time.Millisecond) {
		seen, _ := view.Owner("other room")
		got := []string{owner(stale, "room"), owner(stale, "other room"), seen.ID}
		if got[0] == "two" && got[1] == "two" && got[2] == "two" {
			break
		}
		if got[0] == "one" || got[1] == "cut off" {
			t.Fatalf("after the cut, asked through the member that was cut off: %q", got)
		}
		if time.Since(began) > patience {
			t.Fatalf("the member that was cut off does not catch up: %q", got)
		}
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
