//go:build linux

package cluster

import (
	"fmt"
	"time"
)

// fault is something bad that happens. begin makes it happen and says which rooms it is about, nil for all; lift ends it, and everything
// runs again.
type fault struct {
	what  string // for the table
	begin func(w *world) (lift func(), rooms []*room)
	hold  [2]time.Duration // how long it lasts, at least and at most
}

// seconds are how long a fault lasts, at least and at most.
func seconds(from, to float64) [2]time.Duration {
	return [2]time.Duration{time.Duration(from * float64(time.Second)), time.Duration(to * float64(time.Second))}
}

var (
	brief      = seconds(0.3, 1)
	underLease = seconds(0.5, 0.9*lease.Seconds())
	overLease  = seconds(2*lease.Seconds(), 3*lease.Seconds())
)

// nothing happens: what is measured then is what the machine takes.
var nothing = fault{
	what:  "nothing, to compare with",
	begin: func(w *world) (func(), []*room) { return func() {}, nil },
	hold:  seconds(1, 2),
}

var killHost = fault{
	what: "SIGKILL of a host",
	begin: func(w *world) (func(), []*room) {
		host, rooms := w.busiest()
		host.Kill()
		return host.Start, rooms
	},
	hold: seconds(1, 3),
}

// freezeHost stops the busiest host, and lets it go on.
func freezeHost(how string, hold [2]time.Duration) fault {
	return fault{
		what: fmt.Sprintf("SIGSTOP of a host for %s", how),
		begin: func(w *world) (func(), []*room) {
			host, rooms := w.busiest()
			host.Pause()
			return host.Resume, rooms
		},
		hold: hold,
	}
}

// rollingUpdate ends all hosts with SIGTERM, one after the other, each when its successor is ready.
var rollingUpdate = fault{
	what: "rolling update: each host ends (SIGTERM) after another has started",
	begin: func(w *world) (func(), []*room) {
		for i := range w.hosts {
			w.replaceHost(i)
		}
		return func() {}, nil
	},
}

// replaceHost starts a host more and ends another.
func (w *world) replaceHost(i int) {
	w.t.Helper()
	w.replaced++
	next := w.newHost(fmt.Sprint("host", i+1, "-", w.replaced))
	next.Start()
	w.ready(next)
	old := w.hosts[i]
	w.hosts[i] = next
	w.counts.Add(old.Server)
	if code := old.Terminate(); code != 0 {
		w.t.Errorf("a host ended with %d after SIGTERM (seed %d):\n%s", code, w.seed, old.Logs())
	}
}

var killProxy = fault{
	what: "SIGKILL of a proxy",
	begin: func(w *world) (func(), []*room) {
		proxy := pick(w, w.proxies)
		proxy.Kill()
		return proxy.Start, nil
	},
	hold: seconds(0.5, 2),
}

var drainProxy = fault{
	what: "SIGTERM of a proxy",
	begin: func(w *world) (func(), []*room) {
		proxy := pick(w, w.proxies)
		if code := proxy.Terminate(); code != 0 {
			w.t.Errorf("a proxy ended with %d after SIGTERM (seed %d):\n%s", code, w.seed, proxy.Logs())
		}
		return proxy.Start, nil
	},
	hold: brief,
}

var freezeProxy = fault{
	what: "SIGSTOP of a proxy",
	begin: func(w *world) (func(), []*room) {
		proxy := pick(w, w.proxies)
		proxy.Pause()
		return proxy.Resume, nil
	},
	hold: seconds(0.5, 3*lease.Seconds()),
}

// killStorage ends etcd, Postgres or the S3 server, and starts it again.
func killStorage(which func(w *world) *storage, what string, hold [2]time.Duration) fault {
	return fault{
		what: "SIGKILL of " + what,
		begin: func(w *world) (func(), []*room) {
			s := which(w)
			s.Kill()
			return func() { w.must(s.start()) }, nil
		},
		hold: hold,
	}
}

func freezeStorage(which func(w *world) *storage, what string, hold [2]time.Duration) fault {
	return fault{
		what: "SIGSTOP of " + what,
		begin: func(w *world) (func(), []*room) {
			s := which(w)
			s.Pause()
			return s.Resume, nil
		},
		hold: hold,
	}
}

func etcd(w *world) *storage     { return w.etcd }
func postgres(w *world) *storage { return w.postgres }
func bucket(w *world) *storage   { return w.bucket }
