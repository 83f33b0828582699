package etcd

import (
	"context"
	"crypto/rand"
	"errors"
	"time"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"
)

// An etcd that comes back without its data, or with an old copy of it, counts its revisions from an earlier one. A watch that
// waits for later ones would hear nothing, for hours perhaps, and etcd finds nothing wrong with that. So the history has a
// mark, a key with a random value that whoever watches makes if there is none, and looks at from time to time: another mark or
// none means another history.

// historyMark returns the mark of etcd's present history.
func (r *Registry) historyMark(ctx context.Context) (string, error) {
	fresh := rand.Text()
	var answer *clientv3.TxnResponse
	err := r.persist(ctx, "read the mark of the history", func() (err error) {
		key := r.keys.history()
		answer, err = call(ctx, r, func(ctx context.Context) (*clientv3.TxnResponse, error) {
			return r.client.Txn(ctx).
				If(clientv3.Compare(clientv3.CreateRevision(key), "=", 0)).
				Then(clientv3.OpPut(key, fresh)).
				Else(clientv3.OpGet(key)).
				Commit()
		})
		return err
	})
	if err != nil {
		return "", err
	}
	if !answer.Succeeded {
		if there := first(answer.Responses[0]); there != nil {
			return string(there.Value), nil
		}
	}
	return fresh, nil
}

// awaitOtherHistory returns when the history has another mark than this or none, when it is shorter than it was, or when ctx
// ends. revision is how long it was at least.
func (r *Registry) awaitOtherHistory(ctx context.Context, mark string, revision int64) {
	every := time.NewTicker(r.TTL)
	defer every.Stop()
	for {
		select {
		case <-every.C:
		case <-ctx.Done():
			return
		}
		answer, err := call(ctx, r, func(ctx context.Context) (*clientv3.GetResponse, error) {
			return r.client.Get(ctx, r.keys.history())
		})
		if err != nil {
			continue
		}
		if len(answer.Kvs) == 0 || string(answer.Kvs[0].Value) != mark || answer.Header.Revision < revision {
			r.log.Warn("etcd has lost its data, or has other data than before: reading all of it again")
			return
		}
		revision = answer.Header.Revision
	}
}

// isHistoryGone reports whether etcd refused to tell what happened because it does not know.
func isHistoryGone(err error) bool {
	return errors.Is(err, rpctypes.ErrCompacted) || errors.Is(err, rpctypes.ErrFutureRev)
}
