package socket

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/symphony-rtc/symphony/internal/cluster"
	"github.com/symphony-rtc/symphony/internal/ipc"
)

// Registry is the registry of another process. When the connection to that is lost, so are the memberships, everything fails, and
// the process should end itself (Done). Safe for concurrent use.
type Registry struct {
	client *ipc.Client
	ctx    context.Context // ends with Close and with the connection
	cancel context.CancelFunc
	owned  sync.WaitGroup // goroutines

	mu      sync.Mutex
	last    uint64 // number given
	members map[uint64]*membership
	watches map[uint64]*watcher
	closed  bool
}

var _ cluster.Registry = (*Registry)(nil)

// Dial connects to the socket of Serve: its path, or unix:path. ctx bounds the connecting only.
func Dial(ctx context.Context, address string) (*Registry, error) {
	r := &Registry{members: make(map[uint64]*membership), watches: make(map[uint64]*watcher)}
	r.ctx, r.cancel = context.WithCancel(context.Background())
	client, err := ipc.Dial(ctx, address, protocol, known, r.posted)
	if err != nil {
		return nil, fmt.Errorf("connect to the process that has the registry: %w", err)
	}
	r.client = client
	var ttl time.Duration
	if err := r.ask(ctx, opTTL, nil, &ttl); err != nil {
		client.Close()
		return nil, fmt.Errorf("connect to the process that has the registry: %w", err)
	}
	r.owned.Go(func() { r.live(max(ttl/alivePerTTL, time.Millisecond)) })
	return r, nil
}

// Done is closed when the connection is over, and Err says why.
func (r *Registry) Done() <-chan struct{} { return r.client.Done() }

// Err returns why the connection is over; nil while it is not.
func (r *Registry) Err() error { return explain(r.client.Err()) }

func explain(err error) error {
	switch {
	case errors.Is(err, ipc.ErrClosed):
		return fmt.Errorf("the registry is closed: %w", err)
	case errors.Is(err, ipc.ErrLost):
		return fmt.Errorf("the process that has the registry: %w", err)
	}
	return err
}

// live gives signs of life until the connection is over.
func (r *Registry) live(every time.Duration) {
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			r.client.Post(postAlive, 0, nil, nil)
		case <-r.client.Done():
			r.cancel()
			r.mu.Lock()
			defer r.mu.Unlock()
			for _, m := range r.members {
				m.lose()
			}
			clear(r.members)
			return
		}
	}
}

// posted hears of a message of the server.
func (r *Registry) posted(op uint8, id uint64, body []byte) error {
	r.mu.Lock()
	m, w := r.members[id], r.watches[id]
	r.mu.Unlock()
	switch op {
	case postEvent:
		var e cluster.Event
		if err := ipc.Unpack(body, &e); err != nil {
			return err
		}
		if w != nil {
			w.add(e)
		}
	case postWatchEnded:
		if w != nil {
			w.ended()
		}
	case postTaken:
		var room string
		if err := ipc.Unpack(body, &room); err != nil {
			return err
		}
		if m != nil {
			m.take(room)
		}
	case postLost:
		if m != nil {
			r.forget(id)
			m.lose()
		}
	default:
		return fmt.Errorf("a message of kind %d", op)
	}
	return nil
}

// ask makes a call with some arguments and reads the answer into what pointers point to.
func (r *Registry) ask(ctx context.Context, op uint8, arguments []any, pointers ...any) error {
	body, err := r.client.Call(ctx, op, ipc.Pack(nil, arguments...))
	if err != nil {
		return explain(err)
	}
	return ipc.Unpack(body, pointers...)
}

// with is the arguments of a call.
func with(arguments ...any) []any { return arguments }

// Owner implements cluster.Registry.
func (r *Registry) Owner(ctx context.Context, room string) (h cluster.Host, err error) {
	err = r.ask(ctx, opOwner, with(room), &h)
	return h, err
}

// Forget implements cluster.Registry.
func (r *Registry) Forget(ctx context.Context, room, host string) error {
	return r.ask(ctx, opForget, with(room, host))
}

// Close implements cluster.Registry. It waits until the channels of Watch are closed.
func (r *Registry) Close() error {
	r.mu.Lock()
	r.closed = true
	r.mu.Unlock()
	r.client.Close()
	r.owned.Wait()
	return nil
}
