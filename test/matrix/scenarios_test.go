package matrix

import (
	"hash/fnv"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/symphony-rtc/symphony/test/harness"
	"github.com/symphony-rtc/symphony/test/services"
)

// scenario is one row of the matrix.
type scenario struct {
	name    string
	storage storage
	hosts   int // servers; 0 is 1
	fault   fault
	short   int // injections in the short form; 0: only in the full form
	// run, if not nil, is what is done instead of injecting the fault, of which only the description counts then.
	run func(w *world, rounds int)
	// setUp, if not nil, changes the world before its servers start.
	setUp func(w *world)
	flags []string // of the servers, beside the usual ones
	pause int      // milliseconds at most between a client's edits; 0 is 40
	retry int      // milliseconds at least between a client's connections; 0 is 30
}

// storage says in what a scenario's servers keep rooms.
type storage struct {
	name     string
	postgres bool // else embedded
	own      bool // a Postgres of its own, which may be killed
	linked   bool // through a TCP proxy
	s3       bool // else a directory
	fronted  bool // through an HTTP proxy
}

var (
	ownPostgresAndS3    = storage{name: "Postgres + S3", postgres: true, own: true, s3: true}
	linkedPostgresAndS3 = storage{name: "Postgres + S3", postgres: true, linked: true, s3: true}
	postgresAndProxied  = storage{name: "Postgres + S3", postgres: true, s3: true, fronted: true}
	postgresAndFiles    = storage{name: "Postgres + directory", postgres: true}
	embeddedOnly        = storage{name: "embedded"}
	embeddedAndS3       = storage{name: "embedded + S3", s3: true}
	embeddedAndProxied  = storage{name: "embedded + S3", s3: true, fronted: true}
)

// How many scenarios run at the same time: they wait most of the time.
const (
	shortAtATime = 4
	fullAtATime  = 6
)

// TestMatrix runs all scenarios.
func TestMatrix(t *testing.T) {
	rounds := number(t, "SYMPHONY_MATRIX_ROUNDS", 0)
	seed := number(t, "SYMPHONY_MATRIX_SEED", int(time.Now().UnixNano()&0xffffff))
	t.Logf("SYMPHONY_MATRIX_SEED=%d", seed)
	for i, s := range scenarios {
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
			w := newWorld(t, s, seed)
			w.result.order = i
			if s.run != nil {
				s.run(w, n)
			} else {
				w.rounds(n, s.fault)
			}
			w.noteCounts()
			r := w.result
			t.Logf("%d injections, %d updates acknowledged, %d times killed and compared; lost: %d, diverged: %d; durable again after at most %s; %v; %s",
				r.Injections, r.Acknowledged, r.Blackouts, r.Lost, r.Diverged, r.Recovery.Round(time.Millisecond), r.Notes, time.Since(began).Round(time.Second))
			if r.Acknowledged == 0 || r.Checks == 0 {
				t.Error("nothing was acknowledged, or nothing compared: the test proves nothing")
			}
		})
	}
}

// newWorld starts what a scenario needs.
func newWorld(t *testing.T, s scenario, seed int) *world {
	t.Helper()
	hash := fnv.New64a()
	hash.Write([]byte(s.name))
	w := &world{
		t: t, name: s.name, seed: seed, r: rand.New(rand.NewPCG(uint64(seed), hash.Sum64())),
		result: &result{Storage: s.storage.name, What: s.fault.what}, pause: 40, reconnect: 30, paused: map[int]bool{},
	}
	if s.pause != 0 {
		w.pause = s.pause
	}
	if s.retry != 0 {
		w.reconnect = s.retry
	}
	t.Cleanup(func() {
		if t.Skipped() {
			return
		}
		w.result.failed = t.Failed()
		report.mu.Lock()
		report.results = append(report.results, w.result)
		report.mu.Unlock()
	})
	flags := append([]string{"--room-snapshot=200ms", "--room-grace=100ms", "--log-level=info"}, s.flags...)
	var env []string
	if s.storage.postgres {
		flags = append(flags, "--storage-catalog="+w.usePostgres(s.storage))
	}
	switch {
	case s.storage.s3:
		w.bucket = services.S3(t)
		seen := w.bucket
		if s.storage.fronted {
			w.front = services.NewProxy(t, w.bucket.Addr)
			seen = w.bucket.Via(w.front.Addr)
		}
		flags, env = append(flags, "--storage-snapshots="+seen.URL), append(env, seen.Env...)
	case s.storage.postgres:
		flags = append(flags, "--storage-snapshots=file://"+t.TempDir())
	}
	for range max(s.hosts, 1) {
		host := harness.NewServer(t, flags...)
		host.Command, host.Env = "serve", env
		w.hosts = append(w.hosts, host)
	}
	w.puppet = harness.StartPuppet(t)
	if s.setUp != nil {
		s.setUp(w)
	}
	w.start()
	return w
}

// usePostgres makes a database and returns its URL.
func (w *world) usePostgres(s storage) string {
	w.t.Helper()
	if w.own = s.own; s.own {
		w.postgres = services.Postgres(w.t)
	} else {
		w.postgres = sharedPostgres(w.t)
	}
	w.database = w.postgres.NewDatabase(w.t)
	addr := w.postgres.Addr
	if s.linked {
		w.link = newLink(w.t, addr)
		addr = w.link.addr
	}
	return w.postgres.URLVia(addr, w.database)
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
