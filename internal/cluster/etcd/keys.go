package etcd

import (
	"fmt"

	clientv3 "go.etcd.io/etcd/client/v3"
)

// keys are the keys of one registry; docs/cluster-registry.md describes them. Ids are in them as they are: keys are bytes.
type keys struct{ prefix string }

func (k keys) hosts() string          { return k.prefix + "/hosts/" }
func (k keys) rooms() string          { return k.prefix + "/rooms/" }
func (k keys) host(id string) string  { return k.hosts() + id }
func (k keys) room(id string) string  { return k.rooms() + id }
func (k keys) history() string        { return k.prefix + "/history" }
func (k keys) watched() (a, z string) { return k.hosts(), clientv3.GetPrefixRangeEnd(k.rooms()) }
func (k keys) all() (first, end string) {
	return k.prefix + "/", clientv3.GetPrefixRangeEnd(k.prefix + "/")
}

// taken is the beginning of the keys that tell a host which rooms were taken from it. The lease's number has the same length
// always, so no host's keys begin like those of another.
func (k keys) taken(lease clientv3.LeaseID) string {
	return fmt.Sprintf("%s/taken/%016x/", k.prefix, uint64(lease))
}
