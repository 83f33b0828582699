package s3

import (
	"context"
	"testing"

	"github.com/symphony-rtc/symphony/internal/store"
	"github.com/symphony-rtc/symphony/internal/store/storetest"
	"github.com/symphony-rtc/symphony/test/services"
)

// open opens the bucket of a test server.
func open(t *testing.T, b *services.Bucket) *Bucket {
	t.Helper()
	bucket, err := Open(context.Background(), Config{
		Bucket: "snapshots", Prefix: "a/b", Region: "us-east-1", Endpoint: "http://" + b.Addr, PathStyle: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { bucket.Close() })
	bucket.page = 30 // so that a list has several
	return bucket
}

func TestConformance(t *testing.T) {
	for name, start := range map[string]func(testing.TB) *services.Bucket{"versitygw": services.S3, "gofakes3": services.FakeS3} {
		t.Run(name, func(t *testing.T) {
			server := start(t)
			server.Setenv(t)
			storetest.RunObjects(t, func(t *testing.T) store.Objects { return open(t, server) })
		})
	}
}
