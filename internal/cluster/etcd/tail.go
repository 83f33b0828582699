package etcd

import (
	"context"
	"errors"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
)

// tail follows the changes of a range of keys, over all breaks of connections.
type tail struct {
	r          *Registry
	what       string // is being done, for the log
	first, end string // the range, without end

	// each is called for each change, in order. If it has to wait for long it calls slow. It returns false if ctx has ended.
	each func(ctx context.Context, change *clientv3.Event, slow func()) bool
}

// follow follows from a revision on. It returns when ctx ends, or when changes can be missing because their revisions were
// compacted.
func (t *tail) follow(ctx context.Context, next int64) {
	var told int64 // where the last trouble was that was logged
	for ctx.Err() == nil {
		var err error
		next, err = t.once(ctx, next)
		switch {
		case isHistoryGone(err):
			return
		case err == nil || ctx.Err() != nil:
			continue
		case told != next:
			told = next
			t.r.log.Warn("etcd does not do as it should; trying on", "error", t.r.explain(t.what, err))
		}
		wait := pause
		if !isPassing(err) && !errors.Is(err, errInterrupted) {
			wait = 10 * pause
			if t.r.Username != "" { // what is wrong with a token, a watch calls a lack of permission
				_ = t.r.logIn(ctx)
				wait = 2 * pause
			}
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
		}
	}
}

var errInterrupted = errors.New("the watch was interrupted")

// once follows until the watch ends, and returns the revision to go on with. There is no error if the watch was ended because
// changes were taken too slowly, or because another member of etcd was turned to.
func (t *tail) once(ctx context.Context, next int64) (int64, error) {
	_, over := t.r.endpoints.now()
	// A member of etcd that has lost the others must not leave us in the dark: such watches end, and go on at another member.
	watching, cancel := context.WithCancel(clientv3.WithRequireLeader(ctx))
	defer cancel()
	// Watches of the same watcher share a stream, and so a member, for as long as there is one of them. This one has its own.
	watcher := clientv3.NewWatcher(t.r.client)
	defer watcher.Close()
	ended := make(chan struct{})
	defer close(ended)
	go func() { // ends with this call
		select {
		case <-over:
			cancel()
		case <-ended:
		}
	}()
	for answer := range watcher.Watch(watching, t.first, clientv3.WithRange(t.end), clientv3.WithRev(next), clientv3.WithProgressNotify()) {
		if err := answer.Err(); err != nil && watching.Err() == nil {
			return next, err
		}
		for _, change := range answer.Events { // all of a revision come in one answer
			if !t.each(ctx, change, cancel) {
				return next, ctx.Err()
			}
			next = change.Kv.ModRevision + 1
		}
		if answer.IsProgressNotify() {
			next = answer.Header.Revision + 1
		}
		if watching.Err() != nil {
			break
		}
	}
	if watching.Err() != nil {
		return next, nil
	}
	return next, errInterrupted
}
