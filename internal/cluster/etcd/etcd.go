// Package etcd is the registry of a cluster, in etcd 3.4 or newer: hosts are keys under a lease, and so are their rooms.
// docs/cluster-registry.md describes the keys.
package etcd

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"
	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"

	"github.com/symphony-rtc/symphony/internal/cluster"
)

// Options say where etcd is and how to use it.
type Options struct {
	Endpoints []string    // URLs of the members of etcd's cluster, such as http://10.0.0.1:2379. At least one, better all
	TLS       *tls.Config // for https URLs; nil trusts the system's authorities
	Username  string      // empty if etcd asks for none
	Password  string
	Prefix    string        // what all keys begin with; registries with different prefixes know nothing of each other. Default "/symphony"
	TTL       time.Duration // how long a host may be silent before it is gone, in whole seconds. Default 5 s; etcd itself has a minimum, usually 2 s
	Timeout   time.Duration // of one call, while etcd is away or busy. Default 5 s
	Logger    *slog.Logger  // nil discards
}

// Registry implements cluster.Registry.
type Registry struct {
	Options
	keys
	endpoints *endpoints
	client    *clientv3.Client
	login     *login
	log       *slog.Logger

	ended context.Context // over when the registry is closed
	end   context.CancelFunc
	mu    sync.Mutex // held to add to wg, so that nothing is added when the registry is closed
	wg    sync.WaitGroup
}

// Open connects to etcd. It returns an error if etcd does not answer or refuses to be read; ctx bounds the attempt.
func Open(ctx context.Context, o Options) (*Registry, error) {
	if len(o.Endpoints) == 0 {
		return nil, errors.New("no address of etcd is given: say at least one, such as http://127.0.0.1:2379")
	}
	if o.Prefix == "" {
		o.Prefix = "/symphony"
	}
	if o.TTL <= 0 {
		o.TTL = 5 * time.Second
	}
	if o.Timeout <= 0 {
		o.Timeout = 5 * time.Second
	}
	r := &Registry{Options: o, keys: keys{strings.TrimRight(o.Prefix, "/")}, log: o.Logger,
		endpoints: newEndpoints(o.Endpoints), login: &login{user: o.Username, password: o.Password}}
	if r.log == nil {
		r.log = slog.New(slog.DiscardHandler)
	}
	var err error
	r.client, err = clientv3.New(clientv3.Config{
		Endpoints: r.endpoints.all[:1], TLS: o.TLS, DialTimeout: o.Timeout,
		// A member of etcd that vanishes without a word is noticed by pings. More often than that is not allowed by etcd.
		DialKeepAliveTime: 10 * time.Second, DialKeepAliveTimeout: 3 * time.Second,
		DialOptions: []grpc.DialOption{grpc.WithConnectParams(grpc.ConnectParams{
			// When etcd is back after an hour, hosts have a lease's length to say that they are there, so they try often.
			Backoff: backoff.Config{BaseDelay: 50 * time.Millisecond, Multiplier: 1.6, Jitter: 0.2,
				MaxDelay: min(o.TTL/5, time.Second)},
			MinConnectTimeout: 3 * time.Second,
		}), grpc.WithPerRPCCredentials(r.login), grpc.WithChainUnaryInterceptor(failWithReason)},
		MaxUnaryRetries: 1,            // none: that is done by call, which can tell why
		Logger:          zap.NewNop(), // what goes wrong is told by errors
	})
	if err != nil {
		return nil, r.explain("connect", err)
	}
	r.endpoints.use = func(endpoint string) {
		r.log.Debug("turning to another member of etcd", "endpoint", endpoint)
		r.client.SetEndpoints(endpoint)
	}
	r.ended, r.end = context.WithCancel(context.Background())
	if r.endpoints.several() {
		r.run(r.ended, r.mind)
	}
	first, end := r.all()
	if o.Username != "" {
		if err := r.logIn(ctx); err != nil {
			_ = r.Close()
			return nil, r.explain("log in", err)
		}
	}
	_, err = call(ctx, r, func(ctx context.Context) (*clientv3.GetResponse, error) {
		return r.client.Get(ctx, first, clientv3.WithRange(end), clientv3.WithCountOnly())
	})
	if err != nil {
		_ = r.Close()
		return nil, r.explain("connect", err)
	}
	return r, nil
}

// failWithReason has a request fail at once, with the reason, while there is no connection, or while the member that is asked knows of no
// leader. They would wait, and another member may know better.
func failWithReason(ctx context.Context, method string, request, answer any, conn *grpc.ClientConn, invoke grpc.UnaryInvoker, opts ...grpc.CallOption) error {
	return invoke(clientv3.WithRequireLeader(ctx), method, request, answer, conn, append(opts, grpc.WaitForReady(false))...)
}

// logIn gets the first token.
func (r *Registry) logIn(ctx context.Context) error {
	_, err := call(ctx, r, func(ctx context.Context) (struct{}, error) { return struct{}{}, r.login.renew(ctx, r.client) })
	return err
}

// Close implements cluster.Registry. Leases are not given back: they run out.
func (r *Registry) Close() error {
	r.mu.Lock()
	over := r.ended.Err() != nil
	r.end()
	r.mu.Unlock()
	r.wg.Wait()
	if over {
		return nil
	}
	if err := r.client.Close(); err != nil && !errors.Is(err, context.Canceled) {
		return fmt.Errorf("close the connection to etcd: %w", err)
	}
	return nil
}

// run runs f until ctx or the registry ends, and is waited for by Close. It returns false if the registry is closed.
func (r *Registry) run(ctx context.Context, f func(ctx context.Context)) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.ended.Err() != nil {
		return false
	}
	ctx, cancel := context.WithCancel(ctx)
	stop := context.AfterFunc(r.ended, cancel)
	r.wg.Go(func() {
		defer cancel()
		defer stop()
		f(ctx)
	})
	return true
}

// Owner implements cluster.Registry.
func (r *Registry) Owner(ctx context.Context, room string) (cluster.Host, error) {
	for {
		value, err := r.get(ctx, r.room(room))
		if err != nil {
			return cluster.Host{}, r.explain(fmt.Sprintf("look up room %q", room), err)
		}
		if value == nil {
			return cluster.Host{}, cluster.ErrFree
		}
		h, ok, err := r.lookUpHost(ctx, string(value.Value))
		if err != nil {
			return cluster.Host{}, r.explain(fmt.Sprintf("look up the host of room %q", room), err)
		}
		if ok {
			return h, nil
		}
		// The host has gone between the two questions, and its rooms with it.
	}
}

// Forget implements cluster.Registry. In the transaction that frees the room, a key under the host's lease tells the host.
func (r *Registry) Forget(ctx context.Context, room, host string) error {
	key := r.room(room)
	for {
		value, err := r.get(ctx, key)
		if err != nil {
			return r.explain(fmt.Sprintf("forget the host of room %q", room), err)
		}
		if value == nil || string(value.Value) != host {
			return nil
		}
		lease := clientv3.LeaseID(value.Lease)
		_, err = call(ctx, r, func(ctx context.Context) (*clientv3.TxnResponse, error) {
			return r.client.Txn(ctx).
				If(clientv3.Compare(clientv3.ModRevision(key), "=", value.ModRevision)).
				Then(clientv3.OpDelete(key), clientv3.OpPut(r.taken(lease)+room, "", clientv3.WithLease(lease))).
				Commit()
		})
		if leaseIsOver(err) {
			continue // and so the room is free, or soon another's
		}
		return r.explain(fmt.Sprintf("forget the host of room %q", room), err)
	}
}
