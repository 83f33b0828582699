package socket

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/symphony-rtc/symphony/internal/cluster"
	"github.com/symphony-rtc/symphony/internal/ipc"
)

// maxTaken is how many rooms that were taken wait for a host that does not ask for them.
const maxTaken = 1024

// membership is a cluster.Membership at the side of the host.
type membership struct {
	registry *Registry
	num      uint64
	taken    chan string
	lost     chan struct{}

	mu   sync.Mutex
	over bool // left or lost
}

// Join implements cluster.Registry.
func (r *Registry) Join(ctx context.Context, h cluster.Host) (cluster.Membership, error) {
	m := &membership{registry: r, taken: make(chan string, maxTaken), lost: make(chan struct{})}
	r.mu.Lock()
	r.last++
	m.num = r.last
	r.members[m.num] = m // before the server knows of it, so that no news is missed
	r.mu.Unlock()
	if err := r.ask(ctx, opJoin, with(m.num, h)); err != nil {
		r.forget(m.num)
		return nil, err
	}
	return m, nil
}

func (r *Registry) forget(num uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.members, num)
}

// take passes on that a room was taken.
func (m *membership) take(room string) {
	select {
	case m.taken <- room:
	default:
	}
}

// lose ends the membership, because the registry has.
func (m *membership) lose() {
	if m.end() {
		close(m.lost)
	}
}

// end reports whether it was not over already.
func (m *membership) end() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	was := m.over
	m.over = true
	return !was
}

// check returns why nothing can be asked; nil if something can.
func (m *membership) check(ctx context.Context) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.over {
		return fmt.Errorf("the registration is over: %w", cluster.ErrNoMember)
	}
	return ctx.Err()
}

// Claim implements cluster.Membership.
func (m *membership) Claim(ctx context.Context, room string) (owner cluster.Host, err error) {
	if err = m.check(ctx); err == nil {
		err = m.registry.ask(ctx, opClaim, with(m.num, room), &owner)
	}
	return owner, err
}

// Release implements cluster.Membership.
func (m *membership) Release(ctx context.Context, room, to string) error {
	if err := m.check(ctx); err != nil {
		return err
	}
	return m.registry.ask(ctx, opRelease, with(m.num, room, to))
}

// Update implements cluster.Membership.
func (m *membership) Update(ctx context.Context, h cluster.Host) error {
	if err := m.check(ctx); err != nil {
		return err
	}
	return m.registry.ask(ctx, opUpdate, with(m.num, h))
}

// Taken implements cluster.Membership.
func (m *membership) Taken() <-chan string { return m.taken }

// Lost implements cluster.Membership. It is closed when the connection is lost, too, because that is the lease.
func (m *membership) Lost() <-chan struct{} { return m.lost }

// Leave implements cluster.Membership.
func (m *membership) Leave(ctx context.Context) error {
	if errors.Is(m.check(context.Background()), cluster.ErrNoMember) {
		return nil
	}
	err := m.registry.ask(ctx, opLeave, with(m.num))
	if errors.Is(err, ipc.ErrLost) || errors.Is(err, ipc.ErrClosed) {
		err = nil // which ended it
	}
	if err == nil {
		m.end()
		m.registry.forget(m.num)
	}
	return err
}
