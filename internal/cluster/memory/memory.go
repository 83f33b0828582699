// Package memory is the registry of hosts that live in one process, or that one process looks after: a few maps under a mutex.
package memory

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"

	"github.com/symphony-rtc/symphony/internal/cluster"
)

// state is what all handles on a registry share. No channel is waited for with the lock held.
type state struct {
	mu       sync.Mutex
	hosts    map[string]*membership
	rooms    map[string]*membership
	watchers map[*watcher]struct{}
}

// Registry is a handle on a registry in memory, as one process has it. It implements cluster.Registry.
type Registry struct {
	*state
	ended   context.Context // over when the handle is closed
	end     context.CancelFunc
	members map[*membership]struct{} // that joined here; guarded by mu
	wg      sync.WaitGroup           // the goroutines of Watch
}

// New returns an empty registry.
func New() *Registry {
	return (&state{
		hosts:    make(map[string]*membership),
		rooms:    make(map[string]*membership),
		watchers: make(map[*watcher]struct{}),
	}).open()
}

// Open returns one more handle on the same registry, as another process would have it: closing it ends what joined and
// watches there, and nothing else.
func (r *Registry) Open() *Registry { return r.open() }

func (s *state) open() *Registry {
	r := &Registry{state: s, members: make(map[*membership]struct{})}
	r.ended, r.end = context.WithCancel(context.Background())
	return r
}

var errClosed = errors.New("the registry is closed")

// Join implements cluster.Registry. The lease ends with Expire, or when the handle is closed.
func (r *Registry) Join(ctx context.Context, h cluster.Host) (cluster.Membership, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if h.ID == "" {
		return nil, errors.New("join the registry: the host has no id")
	}
	h.Started = h.Started.UTC().Round(0) // as from any registry: without a zone and a monotonic clock
	m := &membership{registry: r, host: h, rooms: make(map[string]struct{}), taken: make(chan string, 1024), lost: make(chan struct{})}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.ended.Err() != nil {
		return nil, errClosed
	}
	if r.hosts[h.ID] != nil {
		return nil, fmt.Errorf("join the registry: there is a host %q already", h.ID)
	}
	r.hosts[h.ID] = m
	r.members[m] = struct{}{}
	r.tell(cluster.Event{Kind: cluster.EventHost, Host: h})
	return m, nil
}

// Owner implements cluster.Registry.
func (r *Registry) Owner(ctx context.Context, room string) (cluster.Host, error) {
	if err := ctx.Err(); err != nil {
		return cluster.Host{}, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.ended.Err() != nil {
		return cluster.Host{}, errClosed
	}
	m := r.rooms[room]
	if m == nil {
		return cluster.Host{}, cluster.ErrFree
	}
	return m.host, nil
}

// Forget implements cluster.Registry.
func (r *Registry) Forget(ctx context.Context, room, host string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.ended.Err() != nil {
		return errClosed
	}
	m := r.rooms[room]
	if m == nil || m.host.ID != host {
		return nil
	}
	m.drop(room)
	r.tell(cluster.Event{Kind: cluster.EventFree, Room: room})
	select {
	case m.taken <- room:
	default: // its host reads nothing any more, or has other worries
	}
	return nil
}

// Expire ends a host's registration as the end of a lease does: its claims are gone, and its membership is lost. It reports
// whether there was such a host.
func (r *Registry) Expire(host string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	m := r.hosts[host]
	if m == nil {
		return false
	}
	m.remove()
	close(m.lost)
	return true
}

// Close implements cluster.Registry. It waits until the channels of Watch are closed.
func (r *Registry) Close() error {
	r.mu.Lock()
	r.end()
	for m := range maps.Clone(r.members) {
		m.remove()
	}
	r.mu.Unlock()
	r.wg.Wait()
	return nil
}

// membership is a host. All but its channels is guarded by the registry's lock.
type membership struct {
	registry *Registry
	host     cluster.Host
	rooms    map[string]struct{}
	gone     bool
	taken    chan string
	lost     chan struct{}
}

// drop takes a room from the host.
func (m *membership) drop(room string) {
	delete(m.rooms, room)
	delete(m.registry.rooms, room)
}

// remove ends the registration and all claims, and tells it.
func (m *membership) remove() {
	if m.gone {
		return
	}
	m.gone = true
	r := m.registry
	delete(r.hosts, m.host.ID)
	delete(r.members, m)
	r.tell(cluster.Event{Kind: cluster.EventHostGone, Host: m.host})
	for _, room := range slices.Sorted(maps.Keys(m.rooms)) {
		m.drop(room)
		r.tell(cluster.Event{Kind: cluster.EventFree, Room: room})
	}
}

// check says why the host cannot do anything any more; nil if it can.
func (m *membership) check(ctx context.Context) error {
	if m.gone {
		return fmt.Errorf("host %q: %w", m.host.ID, cluster.ErrNoMember)
	}
	return ctx.Err()
}

// Claim implements cluster.Membership.
func (m *membership) Claim(ctx context.Context, room string) (cluster.Host, error) {
	if room == "" {
		return cluster.Host{}, errors.New("claim a room: its id is empty")
	}
	r := m.registry
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := m.check(ctx); err != nil {
		return cluster.Host{}, fmt.Errorf("claim room %q: %w", room, err)
	}
	if owner := r.rooms[room]; owner != nil {
		return owner.host, nil
	}
	m.take(room)
	return m.host, nil
}

// take gives a free room to the host, and tells it.
func (m *membership) take(room string) {
	m.rooms[room] = struct{}{}
	m.registry.rooms[room] = m
	m.registry.tell(cluster.Event{Kind: cluster.EventClaimed, Room: room, Host: cluster.Host{ID: m.host.ID}})
}

// Release implements cluster.Membership.
func (m *membership) Release(ctx context.Context, room, to string) error {
	r := m.registry
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := m.check(ctx); err != nil {
		return fmt.Errorf("release room %q: %w", room, err)
	}
	if r.rooms[room] != m || to == m.host.ID {
		return nil
	}
	m.drop(room)
	if successor := r.hosts[to]; successor != nil {
		successor.take(room)
	} else {
		r.tell(cluster.Event{Kind: cluster.EventFree, Room: room})
	}
	return nil
}

// Update implements cluster.Membership.
func (m *membership) Update(ctx context.Context, h cluster.Host) error {
	r := m.registry
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := m.check(ctx); err != nil {
		return fmt.Errorf("update the registration: %w", err)
	}
	h.ID, h.Address = m.host.ID, m.host.Address
	h.Started = h.Started.UTC().Round(0)
	m.host = h
	r.tell(cluster.Event{Kind: cluster.EventHost, Host: h})
	return nil
}

// Taken implements cluster.Membership.
func (m *membership) Taken() <-chan string { return m.taken }

// Lost implements cluster.Membership.
func (m *membership) Lost() <-chan struct{} { return m.lost }

// Leave implements cluster.Membership.
func (m *membership) Leave(context.Context) error {
	m.registry.mu.Lock()
	defer m.registry.mu.Unlock()
	m.remove()
	return nil
}
