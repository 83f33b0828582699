package etcd

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
	"unicode/utf8"

	"go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/mvccpb"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/symphony-rtc/symphony/internal/cluster"
)

// member is one host's registration: its key and its rooms' keys hang on one lease, which ends them all at once.
type member struct {
	r        *Registry
	lease    clientv3.LeaseID
	ttl      time.Duration // as etcd granted it
	key      string
	revision int64 // in which the key was made: a key of this name with another belongs to a later registration

	taken chan string
	lost  chan struct{}
	stop  context.CancelFunc // ends what runs for the member
	wg    sync.WaitGroup

	mu     sync.Mutex
	host   cluster.Host
	state  state
	claims map[string]int64 // rooms, with the revision that made them ours, as far as we know
}

type state int

const (
	joined  state = iota
	left          // Leave was called
	revoked       // and the lease is gone
	lost          // the lease had gone before
)

// Join implements cluster.Registry.
func (r *Registry) Join(ctx context.Context, h cluster.Host) (cluster.Membership, error) {
	what := fmt.Sprintf("join as host %q", h.ID)
	if h.ID == "" || !utf8.ValidString(h.ID) {
		return nil, fmt.Errorf("%s: the id of a host is text, and not empty", what)
	}
	h.Started = h.Started.UTC()
	value, err := encodeHost(h)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", what, err)
	}
	seconds := max(int64((r.TTL+time.Second-1)/time.Second), 1)
	lease, err := call(ctx, r, func(ctx context.Context) (*clientv3.LeaseGrantResponse, error) {
		return r.client.Grant(ctx, seconds)
	})
	if err != nil {
		return nil, r.explain(what, err)
	}
	m := &member{r: r, lease: lease.ID, ttl: time.Duration(lease.TTL) * time.Second, key: r.host(h.ID), host: h,
		taken: make(chan string, 16), lost: make(chan struct{}), claims: make(map[string]int64)}
	if err := m.register(ctx, value); err != nil {
		m.revokeSoon()
		return nil, r.explain(what, err)
	}
	life, stop := context.WithCancel(context.Background())
	m.stop = stop
	m.wg.Add(2)
	started := r.run(life, func(ctx context.Context) {
		defer m.wg.Done()
		m.keepAlive(ctx)
	}) && r.run(life, func(ctx context.Context) {
		defer m.wg.Done()
		m.hearOfTaken(ctx)
	})
	if !started {
		stop()
		return nil, r.explain(what, errClosed)
	}
	return m, nil
}

// register makes the host's key.
func (m *member) register(ctx context.Context, value string) error {
	answer, err := call(ctx, m.r, func(ctx context.Context) (*clientv3.TxnResponse, error) {
		return m.r.client.Txn(ctx).
			If(clientv3.Compare(clientv3.CreateRevision(m.key), "=", 0)).
			Then(clientv3.OpPut(m.key, value, clientv3.WithLease(m.lease))).
			Else(clientv3.OpGet(m.key)).
			Commit()
	})
	if err != nil {
		return err
	}
	m.revision = answer.Header.Revision
	if !answer.Succeeded {
		there := first(answer.Responses[0])
		if there == nil || clientv3.LeaseID(there.Lease) != m.lease { // else an earlier attempt did it, and its answer got lost
			return errors.New("a host with this id is registered already")
		}
		m.revision = there.CreateRevision
	}
	return nil
}

// first returns the key that an OpGet in a transaction found; nil if there is none.
func first(answer *etcdserverpb.ResponseOp) *mvccpb.KeyValue {
	if found := answer.GetResponseRange().GetKvs(); len(found) > 0 {
		return found[0]
	}
	return nil
}

// registered is the condition of all that a host does: that its registration is there.
func (m *member) registered() clientv3.Cmp {
	return clientv3.Compare(clientv3.CreateRevision(m.key), "=", m.revision)
}

// check says why the host cannot do anything any more; nil if it can.
func (m *member) check() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.state != joined {
		return fmt.Errorf("host %q: %w", m.host.ID, cluster.ErrNoMember)
	}
	return nil
}

// isOver ends the membership because etcd says that the registration is gone.
func (m *member) isOver() error {
	m.lose()
	return fmt.Errorf("host %q: its lease ran out: %w", m.host.ID, cluster.ErrNoMember)
}

// lose makes it known that the registration is gone.
func (m *member) lose() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.state == joined {
		m.state = lost
		m.r.log.Warn("the lease of this host has run out: the registry takes it for dead", "host", m.host.ID)
		close(m.lost)
		m.stop()
	}
}

// commit does a transaction that needs the host to be registered.
func (m *member) commit(ctx context.Context, txn func(clientv3.Txn) clientv3.Txn) (*clientv3.TxnResponse, error) {
	if err := m.check(); err != nil {
		return nil, err
	}
	answer, err := call(ctx, m.r, func(ctx context.Context) (*clientv3.TxnResponse, error) {
		return txn(m.r.client.Txn(ctx)).Commit()
	})
	if errors.Is(err, errClosed) {
		err = fmt.Errorf("%w: %w", err, cluster.ErrNoMember)
	}
	return answer, err
}

// Claim implements cluster.Membership. It takes one round trip for the winner and two for a loser. After an error it may have
// taken effect all the same: whoever does not want the room then releases it.
func (m *member) Claim(ctx context.Context, room string) (cluster.Host, error) {
	what := fmt.Sprintf("claim room %q", room)
	if room == "" {
		return cluster.Host{}, fmt.Errorf("%s: its id is empty", what)
	}
	key := m.r.room(room)
	for {
		answer, err := m.commit(ctx, func(txn clientv3.Txn) clientv3.Txn {
			return txn.
				If(clientv3.Compare(clientv3.CreateRevision(key), "=", 0), m.registered()).
				Then(clientv3.OpPut(key, m.host.ID, clientv3.WithLease(m.lease))).
				Else(clientv3.OpGet(key), clientv3.OpGet(m.key, clientv3.WithKeysOnly()))
		})
		switch {
		case leaseIsOver(err):
			return cluster.Host{}, fmt.Errorf("%s: %w", what, m.isOver())
		case err != nil:
			return cluster.Host{}, m.r.explain(what, err)
		case answer.Succeeded:
			return m.has(room, answer.Header.Revision), nil
		}
		owner, me := first(answer.Responses[0]), first(answer.Responses[1])
		switch {
		case me == nil || me.CreateRevision != m.revision:
			return cluster.Host{}, fmt.Errorf("%s: %w", what, m.isOver())
		case owner == nil: // cannot be: one of the two conditions failed
			return cluster.Host{}, fmt.Errorf("%s: etcd contradicts itself", what)
		case string(owner.Value) == m.host.ID:
			return m.has(room, owner.ModRevision), nil
		}
		h, ok, err := m.r.lookUpHost(ctx, string(owner.Value))
		if err != nil {
			return cluster.Host{}, m.r.explain(what, err)
		}
		if ok {
			return h, nil
		}
		// The winner has gone since, and its rooms are free.
	}
}

// has notes that the room is ours since a revision, and returns this host.
func (m *member) has(room string, revision int64) cluster.Host {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.claims[room] = revision
	return m.host
}

// hasNot notes that the room is not ours any more.
func (m *member) hasNot(room string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.claims, room)
}

// ours is the condition that a room is still ours by the claim that we know of. A release that a bad network delivers late
// must not end a later claim.
func (m *member) ours(room string) clientv3.Cmp {
	m.mu.Lock()
	defer m.mu.Unlock()
	if revision, ok := m.claims[room]; ok {
		return clientv3.Compare(clientv3.ModRevision(m.r.room(room)), "=", revision)
	}
	return clientv3.Compare(clientv3.Value(m.r.room(room)), "=", m.host.ID) // it was handed to us
}

func (m *member) self() cluster.Host {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.host
}

// Release implements cluster.Membership.
func (m *member) Release(ctx context.Context, room, to string) error {
	what := fmt.Sprintf("release room %q", room)
	if err := m.check(); err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	if to == m.host.ID {
		return nil
	}
	ours := m.ours(room)
	if to != "" {
		done, err := m.handOver(ctx, room, ours, to)
		if err != nil {
			return m.r.explain(what, err)
		}
		if done {
			m.hasNot(room)
			return nil
		}
	}
	_, err := m.commit(ctx, func(txn clientv3.Txn) clientv3.Txn {
		return txn.If(ours, m.registered()).Then(clientv3.OpDelete(m.r.room(room)))
	})
	if err != nil {
		return m.r.explain(what, err)
	}
	m.hasNot(room)
	return nil
}

// handOver gives a room to a successor, if that is there. The room's key moves to the successor's lease.
func (m *member) handOver(ctx context.Context, room string, ours clientv3.Cmp, to string) (done bool, err error) {
	successor := m.r.host(to)
	there, err := m.r.get(ctx, successor)
	if err != nil || there == nil {
		return false, err
	}
	answer, err := m.commit(ctx, func(txn clientv3.Txn) clientv3.Txn {
		return txn.
			If(ours, m.registered(), clientv3.Compare(clientv3.CreateRevision(successor), "=", there.CreateRevision)).
			Then(clientv3.OpPut(m.r.room(room), to, clientv3.WithLease(clientv3.LeaseID(there.Lease))))
	})
	switch {
	case leaseIsOver(err):
		return false, nil
	case err != nil:
		return false, err
	}
	return answer.Succeeded, nil
}

// Update implements cluster.Membership.
func (m *member) Update(ctx context.Context, h cluster.Host) error {
	const what = "update the registration"
	was := m.self()
	h.ID, h.Address, h.Started = was.ID, was.Address, h.Started.UTC()
	value, err := encodeHost(h)
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	answer, err := m.commit(ctx, func(txn clientv3.Txn) clientv3.Txn {
		return txn.If(m.registered()).Then(clientv3.OpPut(m.key, value, clientv3.WithLease(m.lease)))
	})
	switch {
	case leaseIsOver(err), err == nil && !answer.Succeeded:
		return fmt.Errorf("%s: %w", what, m.isOver())
	case err != nil:
		return m.r.explain(what, err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.host = h
	return nil
}

// Taken implements cluster.Membership.
func (m *member) Taken() <-chan string { return m.taken }

// Lost implements cluster.Membership.
func (m *member) Lost() <-chan struct{} { return m.lost }

// Leave implements cluster.Membership. If etcd cannot be told, the lease runs out by itself; Leave may be called again.
func (m *member) Leave(ctx context.Context) error {
	m.mu.Lock()
	if m.state == joined {
		m.state = left
	}
	over := m.state != left
	m.mu.Unlock()
	m.stop()
	m.wg.Wait()
	if over {
		return nil
	}
	if err := m.revoke(ctx); err != nil {
		return m.r.explain(fmt.Sprintf("leave as host %q", m.host.ID), err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.state = revoked
	return nil
}

// revoke ends the lease, and with it everything of the host.
func (m *member) revoke(ctx context.Context) error {
	_, err := call(ctx, m.r, func(ctx context.Context) (*clientv3.LeaseRevokeResponse, error) {
		return m.r.client.Revoke(ctx, m.lease)
	})
	if errors.Is(err, rpctypes.ErrLeaseNotFound) {
		return nil
	}
	return err
}

// revokeSoon ends the lease of a registration that did not come about, whatever became of it, without waiting for it.
func (m *member) revokeSoon() {
	m.r.run(context.Background(), func(ctx context.Context) {
		if err := m.revoke(ctx); err != nil && ctx.Err() == nil {
			m.r.log.Debug("the lease of a failed registration will run out", "error", err)
		}
	})
}
