//go:build linux

package cluster

import (
	"os"
	"slices"
	"strconv"
	"testing"
	"time"
)

// scenario is one row of the table.
type scenario struct {
	name  string
	fault fault
	short int  // injections in the short form; 0: only in the full form
	kept  bool // no client may lose its connection
	hosts int  // 0 is 4
	etcds int  // members of etcd, with TLS if there are several; 0 is 1
	most  int  // injections in the full form, if it takes long; 0: as many as wanted
	// run, if not nil, is what is done instead of injecting the fault, of which only the description counts then.
	run   func(w *world, rounds int)
	flags []string // of the hosts, beside the usual ones
}

// scenarios is the matrix. The names are those of subtests: go test ./test/cluster -run 'TestCluster/kill-host'.
var scenarios = []scenario{
	{name: "nothing", fault: nothing, kept: true},
	{name: "kill-host", fault: killHost, short: 3, kept: true},
	{name: "freeze-host-briefly", fault: freezeHost("less than its lease", underLease), kept: true},
	{name: "freeze-host", fault: freezeHost("two to three times its lease", overLease), short: 2, kept: true},
	{name: "rolling-update", fault: rollingUpdate, short: 2, kept: true},
	{name: "move", fault: moveRooms, short: 2, kept: true},
	{name: "kill-proxy", fault: killProxy, short: 2},
	{name: "end-proxy", fault: drainProxy},
	{name: "freeze-proxy", fault: freezeProxy},
	{name: "kill-etcd", fault: killStorage(etcd, "etcd, for up to three times the lease", seconds(0, 3*lease.Seconds())), short: 2, kept: true},
	{name: "freeze-etcd", fault: freezeStorage(etcd, "etcd for two to three times the lease", overLease), short: 1, kept: true},
	{name: "kill-etcd-leader", etcds: 3, fault: killEtcdLeader, run: openingRooms(killEtcdLeader, true), short: 1, kept: true},
	{name: "freeze-etcd-leader", etcds: 3, fault: freezeEtcdLeader, run: openingRooms(freezeEtcdLeader, true), short: 1, kept: true},
	{name: "cut-etcd-leader", etcds: 3, fault: cutEtcdLeader, run: openingRooms(cutEtcdLeader, true), short: 1, kept: true},
	{name: "lose-etcd-majority", etcds: 3, fault: loseEtcdMajority, run: openingRooms(loseEtcdMajority, false), kept: true},
	{name: "rolling-etcd", etcds: 3, fault: rollingEtcd, run: openingRooms(rollingEtcd, false), kept: true},
	{name: "kill-postgres", fault: killStorage(postgres, "Postgres, for up to 4 s", seconds(0, 4)), short: 1},
	{name: "freeze-postgres", fault: freezeStorage(postgres, "Postgres for up to 6 s", seconds(0.5, 6))},
	{name: "kill-s3", fault: killStorage(bucket, "the S3 server, for up to 4 s", seconds(0, 4)), short: 1, kept: true},
	{name: "freeze-s3", fault: freezeStorage(bucket, "the S3 server for up to 6 s", seconds(0.5, 6)), kept: true},
	{name: "cut-host-etcd", fault: cutHost("etcd", overLease, fromEtcd), short: 1, kept: true},
	{name: "cut-host-postgres", fault: cutHost("Postgres", overLease, fromPostgres), short: 1},
	{name: "cut-host-s3", fault: cutHost("the S3 server", overLease, fromBucket), kept: true},
	{name: "cut-host-proxies", fault: cutHost("all proxies", overLease, fromProxies), short: 1, kept: true},
	{name: "cut-host-proxies-long", fault: cutHost("all proxies, for 30 to 40 s", seconds(30, 40), fromProxies), most: 3},
	{name: "cut-host", fault: cutHost("everything", overLease, fromAll), short: 2, kept: true},
	{name: "cut-proxy-etcd", fault: cutProxy("etcd", overLease, theRegistry), kept: true},
	{name: "cut-proxy-host", fault: cutProxy("the busiest host", overLease, theBusiest), kept: true},
	{name: "one-room-each", hosts: 10, flags: []string{"--cluster-capacity=1"}, short: 2, kept: true, run: oneRoomEach,
		fault: fault{what: "SIGKILL of hosts with one room each"}},
	{name: "race", short: 1, run: races, fault: fault{what: "100 clients open the same new room through three proxies at the same time"},
		flags: []string{"--cluster-capacity=1000"}},
	{name: "chaos", fault: chaos, short: 3},
}

// How many scenarios run at the same time: they wait most of the time.
const (
	shortAtATime = 2
	fullAtATime  = 3
)

// TestCluster runs all scenarios.
func TestCluster(t *testing.T) {
	rounds := number(t, "SYMPHONY_CLUSTER_ROUNDS", 0)
	seed := number(t, "SYMPHONY_CLUSTER_SEED", int(time.Now().UnixNano()&0xffffff))
	t.Logf("SYMPHONY_CLUSTER_SEED=%d", seed)
	for i, s := range slices.Concat(scenarios, distances) {
		if rounds == 0 && s.short == 0 {
			continue
		}
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			began := time.Now()
			n := rounds
			if n == 0 {
				n = s.short
			}
			if s.most > 0 {
				n = min(n, s.most)
			}
			w := newWorld(t, s, seed)
			w.result.order = i
			if s.run != nil {
				s.run(w, n)
			} else {
				w.rounds(n, s.fault)
			}
			w.noteCounts()
			t.Logf("%s; %s", w.result, time.Since(began).Round(time.Second))
			if w.result.Checks == 0 || w.result.JournalRows == 0 || len(w.rooms) > 0 && w.result.Acknowledged == 0 {
				t.Error("nothing was acknowledged, or nothing compared: the test proves nothing")
			}
		})
	}
}

func number(t *testing.T, env string, otherwise int) int {
	t.Helper()
	text := os.Getenv(env)
	if text == "" {
		return otherwise
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		t.Fatalf("%s=%q is not a number above 0", env, text)
	}
	return n
}
