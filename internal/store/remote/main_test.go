package remote

import (
	"context"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/symphony-rtc/symphony/internal/ipc"
	"github.com/symphony-rtc/symphony/internal/store"
	"github.com/symphony-rtc/symphony/internal/store/journal"
	"github.com/symphony-rtc/symphony/internal/store/snapdir"
	"github.com/symphony-rtc/symphony/internal/store/sqlite"
	"github.com/symphony-rtc/symphony/internal/store/storetest"
)

// Environment of the test binary when it plays another process.
const (
	childRole    = "SYMPHONY_TEST_REMOTE_ROLE"
	childAddress = "SYMPHONY_TEST_REMOTE_ADDRESS"
)

func TestMain(m *testing.M) {
	switch os.Getenv(childRole) {
	case "writer":
		writeUntilKilled(os.Getenv(childAddress))
	case "supervisor":
		superviseUntilAsked(os.Getenv(childAddress))
	}
	goleak.VerifyTestMain(m)
}

// supervisor is a catalog that is served.
type supervisor struct {
	db      *sqlite.DB
	address string
	stop    func() // ends serving, and waits
}

// socketDir is a directory whose path is short enough for sockets.
func socketDir(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "sym")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// supervise opens the catalog in dir and serves it.
func supervise(t testing.TB, dir string, o journal.Options) *supervisor {
	t.Helper()
	db, err := sqlite.Open(context.Background(), filepath.Join(dir, "catalog.db"), o)
	if err != nil {
		t.Fatal(err)
	}
	s := &supervisor{db: db, address: filepath.Join(socketDir(t), "store")}
	l, err := ipc.Listen(s.address)
	if err != nil {
		t.Fatal(err)
	}
	s.stop = serve(t, l, db)
	t.Cleanup(func() {
		s.stop()
		if err := db.Close(); err != nil {
			t.Errorf("close the catalog: %v", err)
		}
	})
	return s
}

func serve(t testing.TB, l net.Listener, catalog store.Catalog) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- Serve(ctx, l, catalog, slog.New(slog.NewTextHandler(t.Output(), nil))) }()
	return func() {
		cancel()
		if err, ok := <-served; ok {
			close(served)
			if err != nil {
				t.Errorf("Serve: %v", err)
			}
		}
	}
}

func dial(t testing.TB, address string) *Catalog {
	t.Helper()
	c, err := Dial(context.Background(), address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func claimRoom(t testing.TB, c store.Catalog, id string) (store.Claim, store.Room, *storetest.Recorder) {
	t.Helper()
	rec := storetest.NewRecorder()
	claim, info, err := c.Claim(context.Background(), id, rec)
	if err != nil {
		t.Fatalf("Claim(%q): %v", id, err)
	}
	return claim, info, rec
}

// eventually waits until ok, or fails the test.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for until := time.Now().Add(30 * time.Second); !ok(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(until) {
			t.Fatalf("waited 30 s for %s", what)
		}
	}
}

// TestConformance opens stores over one supervisor for each place, which stays while they come and go.
func TestConformance(t *testing.T) {
	supervisors := make(map[string]*supervisor) // by place
	storetest.Run(t, func(t testing.TB, place string, o store.Options) storetest.Store {
		s := supervisors[place]
		if s == nil {
			s = supervise(t, place, journal.Options{Now: o.Now})
			supervisors[place] = s
		}
		objects, err := snapdir.OpenShared(filepath.Join(place, "snapshots"))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { objects.Close() })
		catalog, err := Dial(context.Background(), s.address)
		if err != nil {
			t.Fatal(err)
		}
		return store.New(catalog, objects, o)
	})
}
