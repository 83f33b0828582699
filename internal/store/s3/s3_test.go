package s3

import (
	"context"
	"testing"
	"time"

	"github.com/symphony-rtc/symphony/internal/store"
	"github.com/symphony-rtc/symphony/internal/store/cloud/cloudtest"
	"github.com/symphony-rtc/symphony/internal/store/storetest"
	"github.com/symphony-rtc/symphony/test/services"
)

// at is the place of a test server's bucket.
func at(addr string) Config {
	return Config{Bucket: "snapshots", Prefix: "a/b", Region: "us-east-1", Endpoint: "http://" + addr, PathStyle: true}
}

func open(t *testing.T, at Config) *Bucket {
	t.Helper()
	bucket, err := Open(context.Background(), at)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { bucket.Close() })
	bucket.page = 30 // so that a list has several
	return bucket
}

var servers = map[string]func(testing.TB) *services.Bucket{"versitygw": services.S3, "gofakes3": services.FakeS3}

func TestConformance(t *testing.T) {
	for name, start := range servers {
		t.Run(name, func(t *testing.T) {
			server := start(t)
			server.Setenv(t)
			storetest.RunObjects(t, func(t *testing.T) store.Objects { return open(t, at(server.Addr)) })
		})
	}
}

func TestBadDays(t *testing.T) {
	server := services.S3(t)
	server.Setenv(t)
	cloudtest.Run(t, server, func(t *testing.T, addr string, stall time.Duration) store.Objects {
		config := at(addr)
		config.Stall = stall
		return open(t, config)
	})
}
