package etcd

import (
	"context"
	"strings"

	"go.etcd.io/etcd/api/v3/mvccpb"
	clientv3 "go.etcd.io/etcd/client/v3"
)

// hearOfTaken passes on the rooms that Forget took from this host, and removes the keys that tell it. They wait in etcd until
// the host has heard of them, or is gone.
func (m *member) hearOfTaken(ctx context.Context) {
	prefix := m.r.taken(m.lease)
	t := tail{r: m.r, what: "hear of rooms taken", first: prefix, end: clientv3.GetPrefixRangeEnd(prefix)}
	t.each = func(ctx context.Context, change *clientv3.Event, slow func()) bool {
		if change.Type == mvccpb.Event_DELETE {
			return true
		}
		room := strings.TrimPrefix(string(change.Kv.Key), prefix)
		m.hasLost(room, change.Kv.ModRevision)
		select {
		case m.taken <- room:
		case <-ctx.Done():
			return false
		}
		m.heard(ctx, change.Kv)
		return ctx.Err() == nil
	}
	t.follow(ctx, m.revision+1)
	for ctx.Err() == nil { // the history that was not heard yet has been compacted, but what is to be heard is there
		var answer *clientv3.GetResponse
		err := m.r.persist(ctx, t.what, func() (err error) {
			answer, err = call(ctx, m.r, func(ctx context.Context) (*clientv3.GetResponse, error) {
				return m.r.client.Get(ctx, prefix, clientv3.WithPrefix())
			})
			return err
		})
		if err != nil {
			continue
		}
		for _, value := range answer.Kvs {
			if !t.each(ctx, &clientv3.Event{Type: mvccpb.Event_PUT, Kv: value}, nil) {
				return
			}
		}
		t.follow(ctx, answer.Header.Revision+1)
	}
}

// hasLost notes that a room was taken in a revision, unless it was claimed again since.
func (m *member) hasLost(room string, revision int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.claims[room] < revision {
		delete(m.claims, room)
	}
}

// heard removes a key that was heard of, unless it tells of the same room again.
func (m *member) heard(ctx context.Context, told *mvccpb.KeyValue) {
	key := string(told.Key)
	_, err := call(ctx, m.r, func(ctx context.Context) (*clientv3.TxnResponse, error) {
		return m.r.client.Txn(ctx).If(clientv3.Compare(clientv3.ModRevision(key), "=", told.ModRevision)).Then(clientv3.OpDelete(key)).Commit()
	})
	if err != nil && ctx.Err() == nil {
		m.r.log.Debug("a key that tells of a room taken stays until the host ends", "error", err)
	}
}
