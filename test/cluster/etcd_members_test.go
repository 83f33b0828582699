//go:build linux

package cluster

import (
	"fmt"
	"strings"
	"sync"

	"github.com/symphony-rtc/symphony/test/network"
	"github.com/symphony-rtc/symphony/test/services"
)

// startEtcd starts an etcd of n members, each on a machine of its own.
func (w *world) startEtcd(n int) {
	t := w.t
	if n <= 1 {
		at := w.machine("etcd")
		only := services.EtcdAt(t, at.Place)
		w.members = []*storage{{process: only, at: at, name: "etcd", start: only.Start}}
	} else {
		machines, places := make([]*network.Machine, n), make([]network.Place, n)
		for i := range n {
			machines[i] = w.machine(fmt.Sprint("etcd", i+1))
			places[i] = machines[i].Place
		}
		w.cluster = services.NewEtcdCluster(t, services.EtcdOptions{TLS: true}, places...)
		for i, m := range w.cluster.Members {
			w.members = append(w.members, &storage{process: m, at: machines[i], name: machines[i].Name, start: m.Start})
		}
	}
	w.etcd = w.members[0]
}

// registryFlags tell a host or proxy where etcd is.
func (w *world) registryFlags() []string {
	if w.cluster == nil {
		return []string{"--cluster-registry=etcd://" + w.etcd.at.Addr(w.t, "2379") + "/test"}
	}
	return []string{"--cluster-registry=etcds://" + w.cluster.Addrs() + "/test",
		"--cluster-ca=" + w.cluster.CA, "--cluster-cert=" + w.cluster.Cert, "--cluster-key=" + w.cluster.Key}
}

// startAll starts what does not run, all at the same time.
func startAll(what []*storage) error {
	failed := make(chan error, len(what))
	var wg sync.WaitGroup
	for _, s := range what {
		wg.Go(func() {
			if err := s.start(); err != nil {
				failed <- fmt.Errorf("%s: %w", s.name, err)
			}
		})
	}
	wg.Wait()
	close(failed)
	return <-failed // nil if none
}

func machines(of []*storage) (machines []*network.Machine) {
	for _, s := range of {
		machines = append(machines, s.at)
	}
	return machines
}

// leader is the member of etcd that leads, and others are the rest, in any order.
func (w *world) leader() (leader *storage, others []*storage) {
	w.t.Helper()
	i, err := w.cluster.Leader()
	w.must(err)
	for j, m := range w.members {
		if j != i {
			others = append(others, m)
		}
	}
	w.r.Shuffle(len(others), func(a, b int) { others[a], others[b] = others[b], others[a] })
	return w.members[i], others
}

var killEtcdLeader = fault{
	what: "SIGKILL of the leader of three members of etcd, for up to three times the lease",
	begin: func(w *world) (func(), []*room) {
		leader, _ := w.leader()
		leader.Kill()
		return w.wholeEtcd, nil
	},
	hold: seconds(0, 3*lease.Seconds()),
}

var freezeEtcdLeader = fault{
	what: "SIGSTOP of the leader of three members of etcd for two to three times the lease",
	begin: func(w *world) (func(), []*room) {
		leader, _ := w.leader()
		leader.Pause()
		return leader.Resume, nil
	},
	hold: overLease,
}

// cutEtcdLeader leaves a member that thinks for a while that it leads, and that hosts and proxies reach.
var cutEtcdLeader = fault{
	what: "the leader of three members of etcd is cut off from the other two, and from nobody else",
	begin: func(w *world) (func(), []*room) {
		leader, others := w.leader()
		return w.cut(leader.at, machines(others)), nil
	},
	hold: overLease,
}

var loseEtcdMajority = fault{
	what: "SIGKILL of two of three members of etcd, the leader among them, for up to three times the lease",
	begin: func(w *world) (func(), []*room) {
		leader, others := w.leader()
		leader.Kill()
		others[0].Kill()
		return w.wholeEtcd, nil
	},
	hold: seconds(0, 3*lease.Seconds()),
}

// rollingEtcd ends all members of etcd with SIGTERM, one after the other, each when the one before it is healthy again.
var rollingEtcd = fault{
	what: "rolling restart of three members of etcd (SIGTERM)",
	begin: func(w *world) (func(), []*room) {
		for _, i := range w.r.Perm(len(w.members)) {
			w.cluster.Members[i].Stop()
			w.must(w.members[i].start())
		}
		return func() {}, nil
	},
}

// wholeEtcd starts the members that do not run: all of them, since everything may have been killed meanwhile.
func (w *world) wholeEtcd() { w.must(w.cluster.Start()) }

// registrationsLost is how often a host was told that its lease had run out.
func (w *world) registrationsLost() (n int) {
	for _, h := range w.hosts {
		n += strings.Count(h.Logs(), "the registry took this host for dead")
	}
	return n
}
