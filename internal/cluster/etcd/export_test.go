package etcd

import (
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
)

// SetStuck changes how long a reader may be slow, and returns a function that restores it.
func SetStuck(d time.Duration) (restore func()) {
	was := stuck
	stuck = d
	return func() { stuck = was }
}

// Client is the connection to etcd.
func (r *Registry) Client() *clientv3.Client { return r.client }
