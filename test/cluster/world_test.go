//go:build linux

package cluster

import (
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/symphony-rtc/symphony/test/harness"
	"github.com/symphony-rtc/symphony/test/network"
	"github.com/symphony-rtc/symphony/test/services"
)

const (
	// patience is how long anything may take that is expected to happen.
	patience = 2 * time.Minute
	// lease is that of the hosts: how long one may be silent before its rooms are given to others.
	lease = 2 * time.Second
	// token is what the management API asks for.
	token = "only-for-tests"
)

// world is one scenario's machines, what runs on them, and clients.
type world struct {
	t      *testing.T
	name   string
	seed   int
	r      *rand.Rand
	result *result

	network  *network.Network
	wired    []*network.Machine    // those of a distance
	etcd     *storage              // the only member, or the first
	members  []*storage            // of etcd
	cluster  *services.EtcdCluster // nil if there is one member
	postgres *storage
	bucket   *storage
	sql      *services.PostgresServer
	database string
	proxies  []*node
	hosts    []*node
	flags    []string // of hosts
	env      []string

	puppet     *harness.Puppet
	rooms      []*room
	generation int
	replaced   int  // hosts, by rolling updates
	pooled     bool // hosts end by themselves, and a pool starts others
	counts     harness.Counts
	openings   openings
}

// process is what can be done to any process that stores.
type process interface {
	Kill()
	Pause()
	Resume()
}

// node is a host or proxy.
type node struct {
	*harness.Server
	at   *network.Machine
	name string

	mu     sync.Mutex // held while it is started
	starts int
	paused atomic.Bool
}

// storage is etcd, Postgres or the S3 server.
type storage struct {
	process
	at    *network.Machine
	name  string
	start func() error
}

// newWorld starts what a scenario needs.
func newWorld(t *testing.T, s scenario, seed int) *world {
	t.Helper()
	hash := fnv.New64a()
	hash.Write([]byte(s.name))
	w := &world{
		t: t, name: s.name, seed: seed, r: rand.New(rand.NewPCG(uint64(seed), hash.Sum64())),
		result: &result{What: s.fault.what, NoDisconnects: s.kept}, network: network.New(t),
	}
	t.Cleanup(func() {
		if t.Skipped() {
			return
		}
		w.result.failed = t.Failed()
		report.add(w.result)
	})
	harness.Binary(t)
	bucket := w.startStorage(s)
	common := append(w.registryFlags(), "--cluster-lease="+lease.String(), "--admin-token="+token, "--log-level=info")
	w.env = bucket.Env
	w.flags = slices.Concat(common, []string{
		"--storage-catalog=" + w.sql.URL(w.database), "--storage-snapshots=" + bucket.URL,
		"--cluster-capacity=20", "--room-snapshot=500ms", "--room-grace=300ms",
	}, s.flags)
	for i := range max(s.hosts, 4) {
		w.hosts = append(w.hosts, w.newHost(fmt.Sprint("host", i+1)))
	}
	for i := range 3 {
		at := w.machine(fmt.Sprint("proxy", i+1))
		proxy := &node{Server: harness.NewServerAt(t, at.Place, common...), at: at, name: at.Name}
		proxy.Command, proxy.Token = "proxy", token
		w.proxies = append(w.proxies, proxy)
	}
	w.puppet = harness.StartPuppetAt(t, w.machine("clients").Place)
	w.start()
	w.sql.KeepJournal(t, w.database)
	return w
}

// startStorage starts etcd, Postgres and the S3 server.
func (w *world) startStorage(s scenario) *services.Bucket {
	t := w.t
	w.startEtcd(s.etcds)
	postgres := w.machine("postgres")
	w.sql = services.PostgresAt(t, postgres.Place)
	w.postgres = &storage{process: w.sql, at: postgres, name: "Postgres", start: w.sql.Start}
	w.database = w.sql.NewDatabase(t)
	s3 := w.machine("s3")
	bucket := services.S3At(t, s3.Place)
	w.bucket = &storage{process: bucket, at: s3, name: "the S3 server", start: bucket.Start}
	return bucket
}

// newHost prepares a host on a machine of its own.
func (w *world) newHost(name string) *node {
	at := w.machine(name)
	host := &node{Server: harness.NewServerAt(w.t, at.Place, w.flags...), at: at, name: name}
	host.Command, host.Env, host.Token = "room", w.env, token
	return host
}

func (w *world) storages() []*storage { return append(slices.Clone(w.members), w.postgres, w.bucket) }

// nodes are hosts and proxies.
func (w *world) nodes() []*node { return append(append([]*node{}, w.hosts...), w.proxies...) }

// start starts whatever does not run and waits until it is ready.
func (w *world) start() {
	w.t.Helper()
	w.must(startAll(w.storages())) // members of etcd start together or not at all
	for _, n := range w.nodes() {
		n.Start()
	}
	for _, n := range w.nodes() {
		w.ready(n)
	}
}

// ready waits until a node is.
func (w *world) ready(n *node) {
	w.t.Helper()
	harness.Eventually(w.t, n.name+" to be ready", func() bool {
		status, _, err := n.TryGet("/readyz")
		if err != nil && !n.Running() && !w.pooled {
			w.t.Fatalf("%s ended by itself (seed %d):\n%s", n.name, w.seed, n.Logs())
		}
		return err == nil && status == http.StatusOK
	})
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// upTo is a random time.
func (w *world) upTo(d time.Duration) time.Duration { return time.Duration(w.r.Int64N(int64(d))) }

// between is a random time.
func (w *world) between(from, to time.Duration) time.Duration {
	if to <= from {
		return from
	}
	return from + w.upTo(to-from)
}

// Start starts the process if none runs, and does not wait for it.
func (n *node) Start() {
	n.mu.Lock()
	defer n.mu.Unlock()
	if !n.Running() {
		n.Server.Start()
		n.starts++
		n.paused.Store(false)
	}
}

func (n *node) Kill() {
	n.Server.Kill()
	n.paused.Store(false)
}

func (n *node) Pause() {
	n.paused.Store(true)
	n.Server.Pause()
}

func (n *node) Resume() {
	n.Server.Resume()
	n.paused.Store(false)
}

// pick chooses one at random.
func pick[T any](w *world, from []T) T { return from[w.r.IntN(len(from))] }

// panics are the nodes whose output speaks of a panic.
func (w *world) panics() (found []string) {
	for _, n := range w.nodes() {
		if strings.Contains(n.Logs(), "panic") {
			found = append(found, n.name)
		}
	}
	return found
}
