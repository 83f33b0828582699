package azblob

import (
	"testing"

	"github.com/symphony-rtc/symphony/internal/store"
	"github.com/symphony-rtc/symphony/internal/store/storetest"
	"github.com/symphony-rtc/symphony/test/services"
)

// open opens the container of a test server.
func open(t *testing.T, b *services.Bucket) *Container {
	t.Helper()
	bucket, err := Open(Config{
		Container: "snapshots", Prefix: "a/b", Account: "symphonytest", Endpoint: "http://" + b.Addr + "/symphonytest",
	})
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
	storetest.RunObjects(t, func(t *testing.T) store.Objects { return open(t, server) })
}
