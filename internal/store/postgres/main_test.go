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
func openStore(t testing.TB, url, dir string, o Options) *store.Store {
	t.Helper()
	objects, err := snapdir.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { objects.Close() })
	db, err := Open(context.Background(), url, o)
	if err != nil {
		t.Fatal(err)
	}
	return store.New(db, objects, nil)
}

func TestConformance(t *testing.T) {
	urls := make(map[string]string) // by place
	storetest.Run(t, func(t testing.TB, place string) storetest.Store {
		if urls[place] == "" {
			urls[place] = database(t)
		}
		return openStore(t, urls[place], place, Options{})
	})
}

// TestLostConnections cuts every connection again and again while rooms are written: nothing is lost or written twice.
func TestLostConnections(t *testing.T) {
	p := server(t)
	name := p.NewDatabase(t)
	db := openDB(t, p.URL(name), Options{})
	c, heard := claimRoom(t, db, "room")
	const updates = 300
	for seq := uint64(1); seq <= updates; seq++ {
		c.Append(seq, fmt.Append(nil, seq))
		if seq%30 == 0 {
			p.Exec(t, "postgres", `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1`, name)
		} else if seq%3 == 0 {
			heard.WaitCommitted(t, seq)
		}
	}
	heard.WaitCommitted(t, updates)
	heard.Check(t)
	info, stored, err := db.Load(context.Background(), "room")
	if err != nil || info.LastSeq != updates || len(stored) != updates {
		t.Fatalf("stored %d updates, the last is %d (%v), want %d", len(stored), info.LastSeq, err, updates)
	}
	for i, u := range stored {
		if string(u) != fmt.Sprint(i+1) {
			t.Fatalf("update %d is %q", i+1, u)
		}
	}
}
