//go:build linux

package cluster

import (
	"time"

	"github.com/symphony-rtc/symphony/test/network"
)

// cutHost cuts the busiest host off from machines: nothing passes, and nothing ends.
func cutHost(from string, hold [2]time.Duration, machines func(w *world, host *node) []*network.Machine) fault {
	return fault{
		what: "a host is cut off from " + from,
		begin: func(w *world) (func(), []*room) {
			host, rooms := w.busiest()
			return w.cut(host.at, machines(w, host)), rooms
		},
		hold: hold,
	}
}

// cutProxy does the same to a proxy.
func cutProxy(from string, hold [2]time.Duration, machines func(w *world) (cut []*network.Machine, rooms []*room)) fault {
	return fault{
		what: "a proxy is cut off from " + from,
		begin: func(w *world) (func(), []*room) {
			machines, rooms := machines(w)
			return w.cut(pick(w, w.proxies).at, machines), rooms
		},
		hold: hold,
	}
}

// cut keeps a machine and others from reaching each other: both ways, or, one time in four, only one.
func (w *world) cut(a *network.Machine, others []*network.Machine) (lift func()) {
	there, back := true, true
	switch w.r.IntN(8) {
	case 0:
		there = false
	case 1:
		back = false
	}
	each := func(f func(from, to *network.Machine)) {
		for _, b := range others {
			if there {
				f(a, b)
			}
			if back {
				f(b, a)
			}
		}
	}
	each(w.network.Cut)
	return func() { each(w.network.Heal) }
}

func fromEtcd(w *world, _ *node) []*network.Machine     { return machines(w.members) }
func fromPostgres(w *world, _ *node) []*network.Machine { return []*network.Machine{w.postgres.at} }

func fromBucket(w *world, _ *node) []*network.Machine { return []*network.Machine{w.bucket.at} }

func fromProxies(w *world, _ *node) (machines []*network.Machine) {
	for _, p := range w.proxies {
		machines = append(machines, p.at)
	}
	return machines
}

func fromAll(w *world, host *node) []*network.Machine {
	machines := machines(w.storages())
	for _, n := range w.nodes() {
		if n != host {
			machines = append(machines, n.at)
		}
	}
	return machines
}

func theRegistry(w *world) ([]*network.Machine, []*room) { return machines(w.members), nil }

func theBusiest(w *world) ([]*network.Machine, []*room) {
	host, rooms := w.busiest()
	return []*network.Machine{host.at}, rooms
}
