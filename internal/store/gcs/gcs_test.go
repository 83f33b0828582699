package gcs

import (
	"context"
	"testing"

	"github.com/symphony-rtc/symphony/internal/store"
	"github.com/symphony-rtc/symphony/internal/store/storetest"
	"github.com/symphony-rtc/symphony/test/services"
)

// open opens the bucket of a test server.
func open(t *testing.T) *Bucket {
	t.Helper()
	bucket, err := Open(context.Background(), Config{Bucket: "snapshots", Prefix: "a/b"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { bucket.Close() })
	bucket.page = 30 // so that a list has several
	return bucket
}

func TestConformance(t *testing.T) {
	services.GCS(t).Setenv(t)
	storetest.RunObjects(t, func(t *testing.T) store.Objects { return open(t) })
}
