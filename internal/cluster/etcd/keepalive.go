package etcd

import (
	"context"
	"fmt"
	"time"

	"go.etcd.io/etcd/api/v3/etcdserverpb"
	clientv3 "go.etcd.io/etcd/client/v3"
)

// keepAlive renews the lease three times in its length until ctx ends or etcd says that the lease is over. As long as etcd says
// nothing it goes on, for hours if need be: that etcd is away does not mean that the lease is, since leases do not run out
// while there is no etcd that could end them.
func (m *member) keepAlive(ctx context.Context) {
	var s *stream
	defer func() { s.close() }()
	turn := 0 // in which the stream was opened
	failures, members := 0, len(m.r.Endpoints)
	for {
		wait := m.ttl / 3
		left, err := time.Duration(0), error(nil)
		if s == nil {
			turn, _ = m.r.endpoints.now()
			s, err = m.openStream(ctx)
		}
		if err == nil {
			// So that three members can be asked before the lease is over; after that they are given more time.
			left, err = s.renew(m.lease, min(m.ttl/5<<(failures/members), m.ttl/2))
		}
		switch {
		case ctx.Err() != nil:
			return
		case err != nil: // the next stream goes to another member of etcd, if there is one
			s.close()
			s = nil
			m.r.endpoints.leave(turn)
			failures = min(failures+1, 10*members)
			wait = min(pause, m.ttl/10)
			if m.r.login.isAsked(err) {
				err = m.r.logIn(ctx)
			}
			if err != nil && failures == members { // that one of them fails is what the others are for
				m.r.log.Warn("cannot renew the lease of this host; trying on", "error", m.r.explain("renew the lease", err))
			}
		case left <= 0:
			m.lose()
			return
		case failures >= members:
			m.r.log.Info("the lease of this host is renewed again", "host", m.host.ID)
		}
		if err == nil {
			failures = 0
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return
		}
	}
}

// stream is a connection for renewals. The client of etcd has one, too, but gives up a lease that it could not renew in time,
// and does not leave a member of etcd that has stopped answering.
type stream struct {
	etcdserverpb.Lease_LeaseKeepAliveClient
	cancel context.CancelFunc
}

func (m *member) openStream(ctx context.Context) (*stream, error) {
	ctx, cancel := context.WithCancel(clientv3.WithRequireLeader(ctx))
	s, err := etcdserverpb.NewLeaseClient(m.r.client.ActiveConnection()).LeaseKeepAlive(ctx)
	if err != nil {
		cancel()
		return nil, err
	}
	return &stream{s, cancel}, nil
}

func (s *stream) close() {
	if s != nil {
		s.cancel()
	}
}

// renew returns how long the lease is good for; 0 if it is over. An error means that the stream is of no use any more.
func (s *stream) renew(lease clientv3.LeaseID, timeout time.Duration) (time.Duration, error) {
	inTime := time.AfterFunc(timeout, s.cancel)
	defer inTime.Stop()
	if err := s.Send(&etcdserverpb.LeaseKeepAliveRequest{ID: int64(lease)}); err != nil {
		return 0, err
	}
	answer, err := s.Recv()
	if err != nil {
		return 0, err
	}
	if answer.ID != int64(lease) {
		return 0, fmt.Errorf("etcd has renewed lease %x, not %x", answer.ID, int64(lease))
	}
	return time.Duration(answer.TTL) * time.Second, nil
}
