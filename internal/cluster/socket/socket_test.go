package socket

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/symphony-rtc/symphony/internal/cluster"
	"github.com/symphony-rtc/symphony/internal/cluster/clustertest"
	"github.com/symphony-rtc/symphony/internal/cluster/memory"
	"github.com/symphony-rtc/symphony/internal/ipc"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// testTTL is long, so that a slow machine does not end leases.
const testTTL = 3 * time.Second

// served is a registry in memory that is served.
type served struct {
	registry *memory.Registry
	address  string
	stop     func()
}

func serve(t testing.TB) *served {
	t.Helper()
	dir, err := os.MkdirTemp("", "sym")
	if err != nil {
		t.Fatal(err)
	}
	s := &served{registry: memory.New(), address: filepath.Join(dir, "registry")}
	l, err := ipc.Listen(s.address)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- Serve(ctx, l, s.registry, testTTL, slog.New(slog.DiscardHandler)) }()
	s.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Serve: %v", err)
		}
		if err := s.registry.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
		os.RemoveAll(dir)
	})
	t.Cleanup(s.stop)
	return s
}

func dial(t testing.TB, address string) *Registry {
	t.Helper()
	r, err := Dial(context.Background(), "unix:"+address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	return r
}

// line is a connection that can be made to stand still, as a process that is stopped does: what is sent to it waits.
type line struct {
	net.Conn
	mu sync.Mutex // held while it stands still
}

func (l *line) copy(from, to net.Conn) {
	buf := make([]byte, 64<<10)
	for {
		n, err := from.Read(buf)
		l.mu.Lock()
		_, failed := to.Write(buf[:n])
		l.mu.Unlock()
		if err != nil || failed != nil {
			from.Close()
			to.Close()
			return
		}
	}
}

// lineTo makes a socket whose one connection is passed on.
func lineTo(t testing.TB, address string) (string, *line) {
	t.Helper()
	dir, err := os.MkdirTemp("", "sym")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	own := filepath.Join(dir, "line")
	l, err := ipc.Listen(own)
	if err != nil {
		t.Fatal(err)
	}
	ln := &line{}
	var wg sync.WaitGroup
	wg.Go(func() {
		a, err := l.Accept()
		l.Close()
		if err != nil {
			return
		}
		b, err := net.Dial("unix", address)
		if err != nil {
			a.Close()
			return
		}
		wg.Go(func() { ln.copy(a, b) })
		wg.Go(func() { ln.copy(b, a) })
	})
	t.Cleanup(func() {
		l.Close()
		wg.Wait()
	})
	return own, ln
}

func TestRegistry(t *testing.T) {
	clustertest.TestRegistry(t, func(t testing.TB) *clustertest.Backend {
		s := serve(t)
		lines := make(map[cluster.Registry]*line)
		return &clustertest.Backend{
			Open: func(t testing.TB) cluster.Registry {
				address, ln := lineTo(t, s.address)
				r := dial(t, address)
				lines[r] = ln
				return r
			},
			Freeze: func(t testing.TB, r cluster.Registry, host string) func() {
				lines[r].mu.Lock()
				for until := time.Now().Add(30 * time.Second); ; time.Sleep(10 * time.Millisecond) {
					if gone(s.registry, host) {
						return lines[r].mu.Unlock
					}
					if time.Now().After(until) {
						t.Fatal("a host that stands still keeps its lease")
					}
				}
			},
		}
	})
}

// gone reports whether a host is not registered.
func gone(r *memory.Registry, host string) bool {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	there := false
	for e := range r.Watch(ctx) {
		if e.Kind == cluster.EventSynced {
			break
		}
		there = there || e.Kind == cluster.EventHost && e.Host.ID == host
	}
	return !there
}

// TestServerGone ends the process that has the registry.
func TestServerGone(t *testing.T) {
	s := serve(t)
	r := dial(t, s.address)
	m, err := r.Join(t.Context(), cluster.Host{ID: "host"})
	if err != nil {
		t.Fatal(err)
	}
	events := r.Watch(context.Background())
	s.stop()
	<-r.Done()
	if !errors.Is(r.Err(), ipc.ErrLost) {
		t.Errorf("Err is %v", r.Err())
	}
	<-m.Lost()
	for range events { // ends
	}
	if _, err := m.Claim(t.Context(), "room"); !errors.Is(err, cluster.ErrNoMember) {
		t.Errorf("Claim: %v", err)
	}
	if _, err := r.Owner(t.Context(), "room"); !errors.Is(err, ipc.ErrLost) {
		t.Errorf("Owner: %v", err)
	}
	if _, err := r.Join(t.Context(), cluster.Host{ID: "other"}); !errors.Is(err, ipc.ErrLost) {
		t.Errorf("Join: %v", err)
	}
	if err := m.Leave(t.Context()); err != nil {
		t.Errorf("Leave: %v", err)
	}
}

// TestMalformed sends what nobody of us sends: that connection ends, and no other.
func TestMalformed(t *testing.T) {
	s := serve(t)
	good := dial(t, s.address)
	m, err := good.Join(t.Context(), cluster.Host{ID: "host"})
	if err != nil {
		t.Fatal(err)
	}
	bad := dial(t, s.address)
	if err := bad.ask(t.Context(), 99, nil); !errors.Is(err, ipc.ErrLost) {
		t.Errorf("an unknown call: %v", err)
	}
	conn, err := net.Dial("unix", s.address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := conn.Write([]byte("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")); err != nil {
		t.Fatal(err)
	}
	io.Copy(io.Discard, conn) // ends
	if h, err := m.Claim(t.Context(), "room"); err != nil || h.ID != "host" {
		t.Errorf("Claim: %+v, %v", h, err)
	}
}

// TestNothingStaysOfMemberships: a process that joins again and again costs the other one nothing, and with a number that it has given
// before it cannot.
func TestNothingStaysOfMemberships(t *testing.T) {
	s := serve(t)
	r := dial(t, s.address)
	before := runtime.NumGoroutine()
	for range 200 {
		m, err := r.Join(t.Context(), cluster.Host{ID: "host"})
		if err != nil {
			t.Fatal(err)
		}
		if err := m.Leave(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	for end := time.Now().Add(30 * time.Second); runtime.NumGoroutine() > before+20; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%d goroutines more than before", runtime.NumGoroutine()-before)
		}
	}
	for i, id := range []string{"first", "second"} {
		if err := r.ask(t.Context(), opJoin, with(uint64(1<<40), cluster.Host{ID: id})); (err == nil) != (i == 0) {
			t.Errorf("%s: %v", id, err)
		}
	}
	r.Close()
	for _, id := range []string{"first", "second"} {
		for end := time.Now().Add(30 * time.Second); ; time.Sleep(time.Millisecond) {
			m, err := s.registry.Join(t.Context(), cluster.Host{ID: id})
			if err == nil {
				if err := m.Leave(t.Context()); err != nil {
					t.Error(err)
				}
				break
			}
			if time.Now().After(end) {
				t.Fatalf("%s is a host without a process: %v", id, err)
			}
		}
	}
}

// TestUnreadEventsAreFew: who watches and does not read has only so many events with him, and is told all of them when he reads.
func TestUnreadEventsAreFew(t *testing.T) {
	s := serve(t)
	r := dial(t, s.address)
	events := r.Watch(t.Context())
	m, err := s.registry.Join(t.Context(), cluster.Host{ID: "host"})
	if err != nil {
		t.Fatal(err)
	}
	const rooms = 3 * maxUnread
	for i := range rooms {
		if _, err := m.Claim(t.Context(), strconv.Itoa(i)); err != nil {
			t.Fatal(err)
		}
	}
	unread := func() (n int) {
		r.mu.Lock()
		defer r.mu.Unlock()
		for _, w := range r.watches {
			w.mu.Lock()
			n += len(w.pending)
			w.mu.Unlock()
		}
		return n
	}
	for end := time.Now().Add(30 * time.Second); unread() < maxUnread/2; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("only %d events came", unread())
		}
	}
	time.Sleep(50 * time.Millisecond) // for more, if there were more
	if n := unread(); n > maxUnread {
		t.Errorf("%d events wait", n)
	}
	for told := 0; told < rooms; {
		select {
		case e := <-events:
			if e.Kind == cluster.EventClaimed {
				told++
			}
		case <-time.After(30 * time.Second):
			t.Fatalf("told of %d rooms", told)
		}
	}
}
