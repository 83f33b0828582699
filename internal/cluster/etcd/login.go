package etcd

import (
	"context"
	"errors"
	"strings"
	"sync"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"
)

// login has the token that etcd gives for a user name and a password, and that goes with each request from then on. The client
// of etcd could do this, too; but it sends its old token along when it asks for another, which an etcd 3.4 that was started
// anew refuses, and then asks again without end. It implements credentials.PerRPCCredentials.
type login struct {
	user, password string

	renewing sync.Mutex // held while a token is asked for

	mu    sync.Mutex
	token string
}

// GetRequestMetadata returns what goes with a request to a service of etcd.
func (l *login) GetRequestMetadata(_ context.Context, service ...string) (map[string]string, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.token == "" || len(service) > 0 && strings.HasSuffix(service[0], "/etcdserverpb.Auth") {
		return nil, nil
	}
	return map[string]string{rpctypes.TokenFieldNameGRPC: l.token}, nil
}

// RequireTransportSecurity says that tokens may be sent without TLS, if that is how etcd is spoken to.
func (l *login) RequireTransportSecurity() bool { return false }

// isAsked reports whether an error says that there is no valid token.
func (l *login) isAsked(err error) bool {
	if l.user == "" {
		return false
	}
	err = rpctypes.Error(err)
	return errors.Is(err, rpctypes.ErrInvalidAuthToken) || errors.Is(err, rpctypes.ErrUserEmpty) || errors.Is(err, rpctypes.ErrAuthOldRevision)
}

// renew asks for another token. Who comes while that is done waits for it.
func (l *login) renew(ctx context.Context, client *clientv3.Client) error {
	l.mu.Lock()
	before := l.token
	l.mu.Unlock()
	l.renewing.Lock()
	defer l.renewing.Unlock()
	l.mu.Lock()
	done := l.token != before
	l.mu.Unlock()
	if done {
		return nil
	}
	token := ""
	answer, err := client.Authenticate(ctx, l.user, l.password)
	switch {
	case errors.Is(err, rpctypes.ErrAuthNotEnabled):
	case err != nil:
		return err
	default:
		token = answer.Token
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.token = token
	return nil
}
