package azblob

import (
	"testing"
	"time"

	"github.com/symphony-rtc/symphony/internal/store"
	"github.com/symphony-rtc/symphony/internal/store/cloud/cloudtest"
	"github.com/symphony-rtc/symphony/internal/store/storetest"
	"github.com/symphony-rtc/symphony/test/services"
)

// at is the place of a test server's container.
func at(addr string) Config {
	return Config{Container: "snapshots", Prefix: "a/b", Account: "symphonytest", Endpoint: "http://" + addr + "/symphonytest"}
}

func open(t *testing.T, at Config) *Container {
	t.Helper()
	bucket, err := Open(at)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { bucket.Close() })
	bucket.page = 30 // so that a list has several
	return bucket
}

func TestConformance(t *testing.T) {
	server := services.Azure(t)
	server.Setenv(t)
	storetest.RunObjects(t, func(t *testing.T) store.Objects { return open(t, at(server.Addr)) })
}

func TestBadDays(t *testing.T) {
	server := services.Azure(t)
	server.Setenv(t)
	cloudtest.Run(t, server, func(t *testing.T, addr string, stall time.Duration) store.Objects {
		config := at(addr)
		config.Stall = stall
		return open(t, config)
	})
}
