// Package clustertest has the suites that every implementation of the ports of package cluster passes.
package clustertest

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/symphony-rtc/symphony/internal/cluster"
)

// Backend is an empty registry under test: what the suite has to do to it that the port has no words for.
type Backend struct {
	// Open returns the registry as one more process has it. Close may be called by the suite, and more than once.
	Open func(t testing.TB) cluster.Registry

	// Freeze makes a registry that Open returned stand still as if its process was stopped, until the lease of the host that
	// joined there has run out. wake lets it go on.
	Freeze func(t testing.TB, r cluster.Registry, host string) (wake func())

	// Restart ends the server that has the registry, and starts it again with what it had. nil if there is no server.
	Restart func(t testing.TB)

	// Rounds is how many rooms are raced for; 0 is 2000. Short tests do a twentieth.
	Rounds int

	// Fewer divides how many rooms the tests with many of them take; 0 is 1.
	Fewer int
}

func (b *Backend) many(rooms int) int { return rooms / max(b.Fewer, 1) }

// Patience bounds everything that is waited for: far more than it takes on a slow machine.
const Patience = 30 * time.Second

// TestRegistry holds an implementation of cluster.Registry to its word. newBackend returns an empty registry each time.
func TestRegistry(t *testing.T, newBackend func(t testing.TB) *Backend) {
	for name, test := range map[string]func(*testing.T, *Backend){
		"Claim":            testClaim,
		"Ids":              testIDs,
		"Release":          testRelease,
		"HandOver":         testHandOver,
		"HandOverToNobody": testHandOverToNobody,
		"Forget":           testForget,
		"Join":             testJoin,
		"Update":           testUpdate,
		"Leave":            testLeave,
		"Close":            testClose,
		"Contexts":         testContexts,
		"ManyRooms":        testManyRooms,
		"RaceForRooms":     testRaceForRooms,
		"OneAtATime":       testOneAtATime,
		"Linearizable":     testLinearizable,
		"Watch":            testWatch,
		"WatchTwice":       testWatchTwice,
		"WatchGone":        testWatchGone,
		"WatchNotRead":     testWatchNotRead,
		"WatchWhileBusy":   testWatchWhileBusy,
		"Freeze":           testFreeze,
		"Restart":          testRestart,
		"View":             testView,
	} {
		t.Run(name, func(t *testing.T) { test(t, newBackend(t)) })
	}
}

// process is one process of the cluster as a test sees it: a registry, and the host that has joined there.
type process struct {
	cluster.Registry
	cluster.Membership
	host cluster.Host
}

func open(t testing.TB, b *Backend) cluster.Registry {
	t.Helper()
	r := b.Open(t)
	t.Cleanup(func() { _ = r.Close() })
	return r
}

func aHost(id string) cluster.Host {
	return cluster.Host{ID: id, Address: "127.0.0.1:4000", Zone: "a", Version: "1", Capacity: 10,
		Started: time.Date(2026, 11, 23, 10, 0, 0, 123456789, time.UTC)}
}

// start joins a host in a process of its own.
func start(t testing.TB, b *Backend, id string) *process {
	t.Helper()
	r, h := open(t, b), aHost(id)
	return &process{Registry: r, Membership: join(t, r, h), host: h}
}

func join(t testing.TB, r cluster.Registry, h cluster.Host) cluster.Membership {
	t.Helper()
	m, err := r.Join(t.Context(), h)
	if err != nil {
		t.Fatalf("join %q: %v", h.ID, err)
	}
	return m
}

func claim(t testing.TB, m cluster.Membership, room, want string) {
	t.Helper()
	owner, err := m.Claim(t.Context(), room)
	if err != nil {
		t.Fatalf("claim %q: %v", room, err)
	}
	if owner.ID != want {
		t.Fatalf("claim %q: it is %q's, want %q's", room, owner.ID, want)
	}
}

func release(t testing.TB, m cluster.Membership, room, to string) {
	t.Helper()
	if err := m.Release(t.Context(), room, to); err != nil {
		t.Fatalf("release %q to %q: %v", room, to, err)
	}
}

// checkOwner compares who has a room now with who should; "" is nobody.
func checkOwner(t testing.TB, r cluster.Registry, room, want string) {
	t.Helper()
	if got, err := owner(t.Context(), r, room); err != nil || got != want {
		t.Fatalf("room %q is %q's (%v), want %q's", room, got, err, want)
	}
}

// owner returns who has a room; "" if nobody has.
func owner(ctx context.Context, r cluster.Registry, room string) (string, error) {
	h, err := r.Owner(ctx, room)
	if errors.Is(err, cluster.ErrFree) {
		return "", nil
	}
	return h.ID, err
}

// Eventually waits until a condition holds, which returns what keeps it from holding, nil if it holds.
func Eventually(t testing.TB, what string, condition func() error) {
	t.Helper()
	deadline := time.Now().Add(Patience)
	for {
		err := condition()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s: %v", what, err)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// Await waits until a channel is closed or has something.
func Await[T any](t testing.TB, what string, c <-chan T) T {
	t.Helper()
	select {
	case v := <-c:
		return v
	case <-time.After(Patience):
		t.Fatalf("still waiting: %s", what)
		panic("unreachable")
	}
}

func awaitOwner(t testing.TB, r cluster.Registry, room, want string) {
	t.Helper()
	Eventually(t, "owner of "+room, func() error {
		got, err := owner(t.Context(), r, room)
		if err == nil && got != want {
			err = fmt.Errorf("it is %q's, want %q's", got, want)
		}
		return err
	})
}

func checkNoMember(t testing.TB, m cluster.Membership) {
	t.Helper()
	ctx := t.Context()
	_, err := m.Claim(ctx, "late")
	for what, err := range map[string]error{"claim": err, "release": m.Release(ctx, "late", ""), "update": m.Update(ctx, cluster.Host{})} {
		if !errors.Is(err, cluster.ErrNoMember) {
			t.Errorf("%s after the end of the registration: %v, want ErrNoMember", what, err)
		}
	}
}

func isOpen[T any](c <-chan T) bool {
	select {
	case <-c:
		return false
	default:
		return true
	}
}
