package postgres

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"github.com/symphony-rtc/symphony/internal/store"
	"github.com/symphony-rtc/symphony/internal/store/journal"
	"github.com/symphony-rtc/symphony/internal/store/snapdir"
	"github.com/symphony-rtc/symphony/internal/store/storetest"
	"github.com/symphony-rtc/symphony/test/services"
)

// shared is the server of those tests that do nothing bad to it. It starts with the first of them.
var shared = sync.OnceValues(func() (*services.PostgresServer, error) {
	return services.StartPostgres("max_connections=300")
})

var sharedStarted bool

func TestMain(m *testing.M) {
	if url := os.Getenv(hostURL); url != "" {
		playHost(url)
	}
	code := m.Run()
	if sharedStarted {
		if p, err := shared(); err == nil {
			p.Remove()
		}
	}
	if code == 0 {
		if err := goleak.Find(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	os.Exit(code)
}

func server(t testing.TB) *services.PostgresServer {
	t.Helper()
	sharedStarted = true
	p, err := shared()
	if errors.Is(err, services.ErrNoPostgres) && os.Getenv("SYMPHONY_TEST_ALL") == "" {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// database makes an empty database on the shared server and returns its URL.
func database(t testing.TB) string {
	t.Helper()
	p := server(t)
	return p.URL(p.NewDatabase(t))
}

func openDB(t testing.TB, url string, o Options) *DB {
	t.Helper()
	db, err := Open(context.Background(), url, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return db
}

func claimRoom(t testing.TB, db *DB, id string) (store.Claim, *storetest.Recorder) {
	t.Helper()
	rec := storetest.NewRecorder()
	c, _, err := db.Claim(context.Background(), id, rec)
	if err != nil {
		t.Fatalf("Claim(%q): %v", id, err)
	}
	return c, rec
}

// openStore opens a whole store: the catalog at url, the snapshots in dir.
func openStore(t testing.TB, url, dir string, o store.Options) *store.Store {
	t.Helper()
	objects, err := snapdir.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { objects.Close() })
	db, err := Open(context.Background(), url, Options{Journal: journal.Options{Now: o.Now}})
	if err != nil {
		t.Fatal(err)
	}
	return store.New(db, objects, o)
}

func TestConformance(t *testing.T) {
	urls := make(map[string]string) // by place
	storetest.Run(t, func(t testing.TB, place string, o store.Options) storetest.Store {
		if urls[place] == "" {
			urls[place] = database(t)
		}
		return openStore(t, urls[place], place, o)
	})
}
