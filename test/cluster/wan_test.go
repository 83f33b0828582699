//go:build linux

package cluster

import (
	"fmt"
	"strings"
	"time"

	"github.com/symphony-rtc/symphony/test/network"
)

// wire is a long or bad network in one place of the cluster, for the whole of a scenario.
type wire struct {
	at    string // what the names of the machines begin with that have one
	what  string // for the table
	is    network.Conditions
	peers func(w *world) []*node // on the other end; nil: whatever there is
}

// wires are the networks of the scenarios that have any, by the names of the scenarios.
var wires = map[string]wire{
	"far-clients":     farClients,
	"far-kill-host":   farClients,
	"far-update":      farClients,
	"bad-proxy-hosts": {at: "proxy", what: "between proxies and hosts", is: bad(20, 2, 0.05), peers: allHosts},
	"bad-host-etcd":   {at: "etcd", what: "between hosts and etcd", is: bad(50, 5, 0.05), peers: allHosts},
	"bad-host-etcds":  {at: "etcd", what: "between hosts and three members of etcd", is: bad(50, 5, 0.05), peers: allHosts},
	"bad-postgres":    {at: "postgres", what: "between hosts and Postgres", is: bad(20, 2, 0.03), peers: allHosts},
}

var farClients = wire{at: "clients", what: "between clients and proxies", is: bad(80, 20, 0.02)}

// bad is a network that takes so many milliseconds each way, some more or less, and loses some packets.
func bad(delay, jitter int, loss float64) network.Conditions {
	return network.Conditions{Delay: time.Duration(delay) * time.Millisecond, Jitter: time.Duration(jitter) * time.Millisecond, Loss: loss}
}

func allHosts(w *world) []*node { return w.hosts }

func (wi wire) String() string {
	return fmt.Sprintf("%d ms each way, ±%d ms, and %g %% loss %s", wi.is.Delay.Milliseconds(), wi.is.Jitter.Milliseconds(), wi.is.Loss*100, wi.what)
}

// distances are the rows of the matrix in which a network is long or bad all the time, and something else may happen besides.
var distances = []scenario{
	distance("far-clients", 0, nothingForLong),
	distance("far-kill-host", 1, killHost),
	distance("far-update", 1, rollingUpdate),
	distance("bad-proxy-hosts", 1, nothingForLong),
	distance("bad-host-etcd", 1, nothingForLong),
	ofEtcd(3, distance("bad-host-etcds", 0, nothingForLong)),
	distance("bad-postgres", 1, nothingForLong),
}

// nothingForLong lasts longer than nothing: packets get lost at random.
var nothingForLong = fault{begin: nothing.begin, hold: seconds(2, 5)}

// distance is a scenario with one of wires.
func distance(name string, short int, f fault) scenario {
	what := wires[name].String()
	if f.what != "" {
		what = f.what + "; " + what
	}
	return scenario{
		name: name, short: short, kept: true, fault: fault{what: what},
		run: func(w *world, rounds int) { w.roundsAtADistance(rounds, wires[name], f) },
	}
}

// ofEtcd is a scenario with so many members of etcd.
func ofEtcd(members int, s scenario) scenario {
	s.etcds = members
	return s
}

// machine adds a machine to the network, with a wire if the scenario has one there.
func (w *world) machine(name string) *network.Machine {
	if wi, ok := wires[w.name]; ok && strings.HasPrefix(name, wi.at) {
		at := w.network.Wired(name, w.seed+len(w.wired))
		w.wired = append(w.wired, at)
		return at
	}
	return w.network.Machine(name)
}

// roundsAtADistance injects a fault as often as wanted, and has the wires be bad from before clients come until everything has settled.
func (w *world) roundsAtADistance(n int, wi wire, f fault) {
	w.t.Helper()
	var peers []*network.Machine
	if wi.peers != nil {
		for _, p := range wi.peers(w) {
			peers = append(peers, p.at)
		}
	}
	for _, at := range w.wired {
		at.Wire.Set(wi.is, peers...)
	}
	var happened proxyCounts
	w.rounds(n, fault{
		begin: func(w *world) (func(), []*room) {
			before := w.proxyCounts()
			lift, rooms := f.begin(w)
			return func() {
				happened = happened.plus(w.proxyCounts().minus(before))
				lift()
			}, rooms
		},
		hold: f.hold,
	})
	lost, sent := 0, 0
	for _, at := range w.wired {
		in, out := at.Wire.In(), at.Wire.Out()
		lost, sent = lost+in.Lost+out.Lost, sent+in.Sent+out.Sent
	}
	if lost == 0 {
		w.t.Errorf("no packet of %d was lost: the network was not bad (seed %d)", sent, w.seed)
	}
	w.result.note("%d packets lost", lost)
	if happened != (proxyCounts{}) {
		w.result.note("%s", happened)
	}
	if n := w.registrationsLost(); n > 0 && w.cluster == nil { // else it is noted anyway
		w.result.note("%d leases of hosts ran out", n)
	}
}
