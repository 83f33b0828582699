package etcd

import (
	"context"
	"strings"
	"sync"
	"time"

	"go.etcd.io/etcd/api/v3/mvccpb"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/symphony-rtc/symphony/internal/cluster"
)

// page is how many keys are read at a time.
const page = 5000

// stuck is how long a reader may leave an event lying before the watch at etcd ends, so that nothing piles up here. It goes on
// from there when the event was taken: etcd has the history. Tests change it.
var stuck = 5 * time.Second

// Watch implements cluster.Registry. It tells anew, with EventReset, if etcd has compacted what happened while it was away,
// or has lost its data.
func (r *Registry) Watch(ctx context.Context) <-chan cluster.Event {
	w := &watch{r: r, out: make(chan cluster.Event, 256)}
	if !r.run(ctx, w.run) {
		close(w.out)
	}
	return w.out
}

type watch struct {
	r   *Registry
	out chan cluster.Event
}

func (w *watch) run(ctx context.Context) {
	defer close(w.out)
	t := tail{r: w.r, what: "watch the registry", each: w.tell}
	t.first, t.end = w.r.watched()
	for again := false; ctx.Err() == nil; again = true {
		if again && !w.send(ctx, cluster.Event{Kind: cluster.EventReset}, nil) {
			return
		}
		mark, err := w.r.historyMark(ctx)
		if err != nil {
			continue
		}
		next, err := w.list(ctx)
		if err != nil {
			continue // compacted in the middle of it
		}
		w.follow(ctx, t, next, mark)
	}
}

// follow tells changes until ctx ends or they cannot be followed any more.
func (w *watch) follow(ctx context.Context, t tail, next int64, mark string) {
	ctx, cancel := context.WithCancel(ctx)
	var guard sync.WaitGroup
	guard.Go(func() {
		defer cancel()
		w.r.awaitOtherHistory(ctx, mark, next-1)
	})
	t.follow(ctx, next)
	cancel()
	guard.Wait()
}

// list tells everything there is as of one revision, and returns the next one. It fails if ctx ends or the revision is
// compacted before all is told.
func (w *watch) list(ctx context.Context) (next int64, err error) {
	from, end := w.r.watched()
	revision := int64(0) // the newest, then that of the first page
	for {
		var answer *clientv3.GetResponse
		err := w.r.persist(ctx, "read the registry", func() (err error) {
			answer, err = call(ctx, w.r, func(ctx context.Context) (*clientv3.GetResponse, error) {
				return w.r.client.Get(ctx, from, clientv3.WithRange(end), clientv3.WithLimit(page), clientv3.WithRev(revision))
			})
			return err
		})
		if err != nil {
			return 0, err
		}
		if revision == 0 {
			revision = answer.Header.Revision
		}
		for _, value := range answer.Kvs {
			if !w.tell(ctx, &clientv3.Event{Type: mvccpb.Event_PUT, Kv: value}, nil) {
				return 0, ctx.Err()
			}
		}
		if !answer.More {
			break
		}
		from = string(answer.Kvs[len(answer.Kvs)-1].Key) + "\x00"
	}
	if !w.send(ctx, cluster.Event{Kind: cluster.EventSynced}, nil) {
		return 0, ctx.Err()
	}
	return revision + 1, nil
}

// tell passes a change of a key on as an event. It returns false if ctx has ended.
func (w *watch) tell(ctx context.Context, change *clientv3.Event, slow func()) bool {
	key, deleted := string(change.Kv.Key), change.Type == mvccpb.Event_DELETE
	var e cluster.Event
	if id, ok := strings.CutPrefix(key, w.r.hosts()); ok {
		e = cluster.Event{Kind: cluster.EventHostGone, Host: cluster.Host{ID: id}}
		if !deleted {
			h, err := decodeHost(id, change.Kv.Value)
			if err != nil {
				w.r.log.Warn("a host is left out", "error", err)
				return true
			}
			e = cluster.Event{Kind: cluster.EventHost, Host: h}
		}
	} else if room, ok := strings.CutPrefix(key, w.r.rooms()); ok {
		e = cluster.Event{Kind: cluster.EventFree, Room: room}
		if !deleted {
			e = cluster.Event{Kind: cluster.EventClaimed, Room: room, Host: cluster.Host{ID: string(change.Kv.Value)}}
		}
	} else {
		return true // between the two, or not of a later version of this
	}
	return w.send(ctx, e, slow)
}

// send waits until the event is taken, and calls slow, if it is not nil, when that takes long. It returns false if ctx has ended.
func (w *watch) send(ctx context.Context, e cluster.Event, slow func()) bool {
	select {
	case w.out <- e:
		return true
	default:
	}
	timer := time.NewTimer(stuck)
	defer timer.Stop()
	for {
		select {
		case w.out <- e:
			return true
		case <-ctx.Done():
			return false
		case <-timer.C:
			if slow != nil {
				slow()
			}
		}
	}
}

// persist does something until it works. It returns an error if ctx has ended or etcd does not have the history that is asked for.
func (r *Registry) persist(ctx context.Context, what string, do func() error) error {
	for told := false; ; told = true {
		err := do()
		if err == nil || isHistoryGone(err) {
			return err
		}
		if !told && ctx.Err() == nil {
			r.log.Warn("etcd does not do as it should; trying on", "error", r.explain(what, err))
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
