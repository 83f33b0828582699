package matrix

import (
	"errors"
	"os"
	"sync"
	"testing"

	"github.com/symphony-rtc/symphony/test/services"
)

// shared is the Postgres of the scenarios that do nothing to the server itself, each in a database of its own.
var shared struct {
	once     sync.Once
	postgres *services.PostgresServer
	err      error
}

func sharedPostgres(t *testing.T) *services.PostgresServer {
	t.Helper()
	shared.once.Do(func() { shared.postgres, shared.err = services.StartPostgres() })
	if errors.Is(shared.err, services.ErrNoPostgres) && os.Getenv("SYMPHONY_TEST_ALL") == "" {
		t.Skip(shared.err)
	}
	if shared.err != nil {
		t.Fatal(shared.err)
	}
	return shared.postgres
}

func removeSharedPostgres() {
	if shared.postgres != nil {
		shared.postgres.Remove()
	}
}
