package etcd

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"go.etcd.io/etcd/api/v3/mvccpb"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/symphony-rtc/symphony/internal/cluster"
)

var errClosed = errors.New("the registry is closed")

// pause is the time between two attempts while etcd is away.
const pause = 100 * time.Millisecond

// call asks etcd something that may be asked twice, within Options.Timeout: while etcd is away or without a leader, again and
// again, and each time of another member, if there are several. A member that does not answer is not waited for until the end.
func call[T any](ctx context.Context, r *Registry, ask func(ctx context.Context) (T, error)) (T, error) {
	var none T
	limited, cancel := context.WithTimeout(ctx, r.Timeout)
	defer cancel()
	stop := context.AfterFunc(r.ended, cancel)
	defer stop()
	var last error
	patience := r.endpoints.patience(r.Timeout)
	for lates := 0; ; {
		turn, _ := r.endpoints.now()
		began := time.Now()
		answer, late, err := attempt(limited, r, patience, ask)
		if err == nil {
			r.endpoints.answered(turn, time.Since(began))
			return answer, nil
		}
		if limited.Err() == nil {
			if !late && !isPassing(err) {
				return none, err
			}
			last = err
			if late {
				lates++
				if lates%len(r.Endpoints) == 0 { // all of them are slow
					patience *= 2
				}
			}
			if !errors.Is(err, errLoggedIn) {
				r.endpoints.leave(turn)
			}
		}
		select {
		case <-limited.Done():
		case <-time.After(pause):
			continue
		}
		switch {
		case ctx.Err() != nil:
			return none, ctx.Err()
		case r.ended.Err() != nil:
			return none, errClosed
		case last != nil:
			return none, last
		default:
			return none, fmt.Errorf("no answer within %v: %w", r.Timeout, context.DeadlineExceeded)
		}
	}
}

// attempt asks once, and logs in if that is what etcd wants; then it fails with errLoggedIn. If there are other members to ask it is
// late after some time.
func attempt[T any](ctx context.Context, r *Registry, patience time.Duration, ask func(ctx context.Context) (T, error)) (answer T, late bool, err error) {
	if r.endpoints.several() {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, patience)
		defer cancel()
	}
	answer, err = ask(ctx)
	if err != nil && r.login.isAsked(err) {
		if err = r.login.renew(ctx, r.client); err == nil {
			err = errLoggedIn
		}
	}
	return answer, err != nil && ctx.Err() != nil, err
}

// isPassing reports whether an error may go away by itself soon.
func isPassing(err error) bool {
	c := code(err)
	return c == codes.Unavailable || c == codes.Aborted || errors.Is(err, errLoggedIn)
}

// errLoggedIn is why something that failed for the lack of a token can be tried again.
var errLoggedIn = errors.New("etcd asks to log in again and again")

func code(err error) codes.Code {
	var ofEtcd rpctypes.EtcdError
	if errors.As(err, &ofEtcd) {
		return ofEtcd.Code()
	}
	return status.Code(err)
}

// leaseIsOver reports whether etcd refused a put because its lease is over.
func leaseIsOver(err error) bool { return errors.Is(err, rpctypes.ErrLeaseNotFound) }

// explain says what was being done, where, and what helps.
func (r *Registry) explain(what string, err error) error {
	if err == nil {
		return nil
	}
	where := strings.Join(r.Endpoints, ", ")
	advice := ""
	switch c := code(err); {
	case errors.Is(err, context.Canceled), errors.Is(err, errClosed), errors.Is(err, cluster.ErrNoMember):
	case errors.Is(err, rpctypes.ErrNoSpace):
		advice = " (etcd's database is full: compact and defragment it, then run `etcdctl alarm disarm`)"
	case c == codes.PermissionDenied:
		advice = fmt.Sprintf(" (the user %q needs the permission to read and write keys that begin with %s/)", r.Username, r.prefix)
	case c == codes.Unauthenticated, errors.Is(err, rpctypes.ErrAuthFailed), errors.Is(err, rpctypes.ErrUserEmpty):
		advice = " (check the user name and the password for etcd)"
	case strings.Contains(err.Error(), "authentication handshake failed"):
		advice = " (check that the URL is right about http or https, and the certificates)"
	case c == codes.Unavailable, errors.Is(err, context.DeadlineExceeded):
		advice = " (check that etcd runs, has a majority of its members, and can be reached from here)"
	}
	return fmt.Errorf("%s: etcd at %s: %w%s", what, where, err, advice)
}

// get reads a key as it is now; nil if there is no such key.
func (r *Registry) get(ctx context.Context, key string) (*mvccpb.KeyValue, error) {
	answer, err := call(ctx, r, func(ctx context.Context) (*clientv3.GetResponse, error) { return r.client.Get(ctx, key) })
	if err != nil || len(answer.Kvs) == 0 {
		return nil, err
	}
	return answer.Kvs[0], nil
}

// lookUpHost returns the host with an id, and false if it is gone.
func (r *Registry) lookUpHost(ctx context.Context, id string) (cluster.Host, bool, error) {
	value, err := r.get(ctx, r.host(id))
	if err != nil || value == nil {
		return cluster.Host{}, false, err
	}
	h, err := decodeHost(id, value.Value)
	return h, err == nil, err
}

func encodeHost(h cluster.Host) (string, error) {
	encoded, err := json.Marshal(h)
	return string(encoded), err
}

func decodeHost(id string, value []byte) (cluster.Host, error) {
	var h cluster.Host
	if err := json.Unmarshal(value, &h); err != nil {
		return cluster.Host{}, fmt.Errorf("the registration of host %q is not as it should be: %w", id, err)
	}
	h.ID = id
	return h, nil
}
