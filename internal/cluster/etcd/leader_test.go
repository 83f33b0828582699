package etcd_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/symphony-rtc/symphony/internal/cluster"
	"github.com/symphony-rtc/symphony/internal/cluster/clustertest"
)

// TestLeaderFrozen stops the leader of three members for longer than a lease. Everybody goes on with the other two: no question takes until
// a connection to the frozen one is taken for dead (10 to 13 s), no lease ends, and watches follow.
//
// When the leader goes on, an etcd that is older than the fix of its issue 15247 has it end all leases that were renewed with the others.
// What happens then is in TestEtcdIsFrozen.
func TestLeaderFrozen(t *testing.T) {
	t.Parallel()
	const processes = 6 // the leader is the first choice of some
	c, prefix := three(t), newPrefix()
	members, views := make([]cluster.Membership, processes), make([]*cluster.View, processes)
	for i := range processes {
		r := openAt(t, prefix, c.URLs()...)
		members[i], views[i] = join(t, r, fmt.Sprint(i)), cluster.NewView(t.Context(), r)
		claim(t, members[i], fmt.Sprint("room ", i), fmt.Sprint(i))
		clustertest.Await(t, "the view is in step", views[i].Synced())
	}
	frozen := leader(t, c)
	frozen.Pause()
	defer frozen.Resume()
	began := time.Now()
	for round := 0; time.Since(began) < 2*ttl; round++ {
		var wg sync.WaitGroup
		for i, m := range members {
			wg.Go(func() {
				ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
				defer cancel()
				room := fmt.Sprint("round ", round, "/", i)
				asked := time.Now()
				if h, err := m.Claim(ctx, room); err != nil || h.ID != fmt.Sprint(i) {
					t.Errorf("claim by %d, for %v: %q, %v", i, time.Since(asked), h.ID, err)
				}
			})
		}
		wg.Wait()
		if round == 0 {
			t.Logf("the first claims took %v", time.Since(began))
		}
		for i, v := range views {
			clustertest.Eventually(t, fmt.Sprintf("view %d follows", i), func() error {
				for j := range processes {
					if h, _ := v.Owner(fmt.Sprint("round ", round, "/", j)); h.ID != fmt.Sprint(j) {
						return fmt.Errorf("the room of %d is %q's", j, h.ID)
					}
				}
				return nil
			})
		}
		if round == 0 {
			t.Logf("all watches followed after %v", time.Since(began))
		}
		time.Sleep(ttl / 10) // so that it is not a race for the disk
	}
	for i, m := range members {
		if !isOpen(m.Lost()) {
			t.Errorf("host %d is lost", i)
		}
	}
}

// TestMajorityLost kills two of three members. What is known stays known, no lease ends, and when the members are back all goes on.
func TestMajorityLost(t *testing.T) {
	t.Parallel()
	c, prefix := three(t), newPrefix()
	r := openAt(t, prefix, c.URLs()...)
	m := join(t, r, "one")
	claim(t, m, "room", "one")
	view := cluster.NewView(t.Context(), r)
	clustertest.Await(t, "the view is in step", view.Synced())
	leader(t, c).Kill()
	leader(t, c).Kill()
	for end := time.Now().Add(2 * ttl); time.Now().Before(end); {
		ctx, cancel := context.WithTimeout(t.Context(), ttl/3)
		if h, err := r.Owner(ctx, "room"); err == nil || errors.Is(err, cluster.ErrFree) {
			t.Fatalf("a member that has lost the others answers: %q, %v", h.ID, err)
		}
		cancel()
	}
	if h, ok := view.Owner("room"); !ok || h.ID != "one" {
		t.Error("the view has forgotten what it knew")
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	claim(t, m, "afterwards", "one")
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
